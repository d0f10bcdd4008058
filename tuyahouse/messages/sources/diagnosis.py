"""Finds out why a message endpoint cannot be used: Pulsar's client reports most causes as a bare time-out."""

import socket
import ssl
from urllib.parse import urlsplit

SECURE = ("pulsar+ssl", "wss")
PORTS = {"pulsar": 6650, "pulsar+ssl": 6651, "ws": 80, "wss": 443}
_SCHEMES = {"pulsar": ("pulsar+ssl", "pulsar"), "websocket": ("wss", "ws")}
_ANOTHER_NAME, _OUT_OF_TIME = (62, 64), (9, 10)  # OpenSSL's numbers of what is wrong with a certificate

REFUSED = (
    "It answers, but does not let this account in. Check CLIENT_ID and CLIENT_SECRET, that the message service is "
    "enabled for this cloud project (Tuya console, project, Message Service), for the environment "
    "that MESSAGES_ENVIRONMENT names, and that MESSAGES_URL is the project's own data centre."
)
NO_TOPIC = (
    "The account has no such topic there: either the message service is not enabled for this project and this "
    "MESSAGES_ENVIRONMENT (prod or test) in the Tuya console, or CLIENT_ID or the data centre (REGION, MESSAGES_URL) "
    "is another one."
)
EXCLUSIVE = (
    "Another consumer holds the subscription exclusively. Stop it, set MESSAGES_SUBSCRIPTION_TYPE=Failover so that one "
    "waits for the other, or name a subscription of your own in MESSAGES_SUBSCRIPTION."
)


class UnusableUrl(ValueError):
    """MESSAGES_URL cannot be an endpoint of that kind; the text says what to write."""


def check_url(url: str, source: str) -> None:
    """Raises :class:`UnusableUrl` for a URL that can never work with that source."""
    secure, plain = _SCHEMES[source]
    try:
        scheme, host, _ = _parts(url)
    except ValueError:
        scheme, host = "", ""
    if scheme not in (secure, plain) or not host:
        raise UnusableUrl(
            f"MESSAGES_URL cannot be used with MESSAGES_SOURCE={source}: write {secure}://host:port/ (or {plain}:// "
            "where there is no TLS), or leave it out."
        )


def reachability(url: str, tls_ca: str = "", seconds: float = 5.0) -> str | None:
    """What keeps this machine from reaching the endpoint, in words; None when it can be reached."""
    scheme, host, port = _parts(url)
    try:
        context = tls_context(tls_ca) if scheme in SECURE else None
    except OSError as error:
        return f"MESSAGES_TLS_CA names {tls_ca}, which cannot be read as a file of CA certificates in PEM ({error})."
    try:
        with socket.create_connection((host, port), seconds) as plain:
            if context is not None:
                with context.wrap_socket(plain, server_hostname=host):
                    pass
    except socket.gaierror:
        return f"The name {host} is not known: check MESSAGES_URL and the network's name service."
    except ssl.SSLCertVerificationError as error:
        return f"The certificate of {host}:{port} cannot be verified ({error.verify_message}): {_remedy(error)}"
    except ssl.SSLError:
        return f"{host}:{port} does not speak TLS: check scheme and port of MESSAGES_URL."
    except ConnectionRefusedError:
        return f"Nothing listens at {host}:{port}: check MESSAGES_URL, or wait until it is up again."
    except OSError as error:
        return (
            f"{host}:{port} cannot be reached ({error}): check the network and whether a firewall lets port {port} out."
        )
    return None


def _parts(url: str) -> tuple[str, str, int]:
    """Scheme, host and port, the first of several that Pulsar's client may be given; ValueError for a wrong port."""
    scheme, _, rest = url.partition("://")
    parts = urlsplit(f"//{rest.partition(',')[0]}")
    return scheme, parts.hostname or "", parts.port or PORTS.get(scheme, 80)


def _remedy(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _ANOTHER_NAME:
        return "it is made out to another name; check the host of MESSAGES_URL."
    if error.verify_code in _OUT_OF_TIME:
        return "check this machine's clock, and that MESSAGES_URL names the right host."
    return (
        "check that MESSAGES_URL names Tuya's host and that nothing in between (a proxy that opens TLS) answers for "
        "it. If its CA is to be trusted, name the CA's file in MESSAGES_TLS_CA."
    )


def tls_context(tls_ca: str = "") -> ssl.SSLContext:
    """Certificates are always verified: by the system's CAs, or by those in the file ``tls_ca``."""
    return ssl.create_default_context(cafile=tls_ca or None)
