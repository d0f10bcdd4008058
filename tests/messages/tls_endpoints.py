"""Certificates made on the spot, and a TLS endpoint in front of a plain one."""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that nobody but itself vouches for: whoever trusts it names its own file as CA."""

    file: Path
    key: Path


def certificate(directory: Path, address: str = "127.0.0.1", days: int = 30) -> Certificate:
    """For that IP address; with negative days it has expired."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made for a test")])
    until = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=60))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(directory / f"{address}.{days}.pem", directory / f"{address}.{days}.key")
    files.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind, open_ = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, open_))
    return files


@contextlib.contextmanager
def tls_in_front(shown: Certificate, port: int | None = None) -> Iterator[int]:
    """The port of a TLS endpoint that passes everything on to a plain one, or (None) says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.file, shown.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, context, port), daemon=True).start()
        yield listening.getsockname()[1]


def _accept(listening: socket.socket, context: ssl.SSLContext, port: int | None) -> None:
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(plain, context, port), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, port: int | None) -> None:
    with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as opened:
        if port is None:
            opened.recv(1)
            return
        with socket.create_connection(("127.0.0.1", port)) as behind:
            threading.Thread(target=_pass_on, args=(behind, opened), daemon=True).start()
            _pass_on(opened, behind)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(65_536):
            target.sendall(data)
