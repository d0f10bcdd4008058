"""Tuya's two request signatures as pure functions over bytes (docs/tuya.md, "Signing").

No signed headers and no nonce are sent: Tuya's own SDKs disagree on how those enter the string. The body is serialised
once; the bytes that are hashed are the bytes that are sent.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

Version = Literal["v1", "v2"]

_EMPTY_BODY = hashlib.sha256(b"").hexdigest()


def string_to_sign(method: str, url: str, body: bytes, signed_headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """What the current algorithm signs: METHOD, content hash, signed headers and URL, joined by line feeds.

    Args:
        method: in any case.
        url: path, and the query sorted by key with its values decoded; no host.
        body: exactly the bytes that are sent.
        signed_headers: names and values in the order in which ``Signature-Headers`` announces them.
    """
    content = hashlib.sha256(body).hexdigest() if body else _EMPTY_BODY
    headers = "".join([f"{name}:{value}\n" for name, value in signed_headers]) if signed_headers else ""
    return f"{method.upper()}\n{content}\n{headers}\n{url}".encode()


class Signer:
    """Signs for one project; the HMAC is keyed once and copied for every call.

    Args:
        client_id: access ID of the cloud project.
        client_secret: access secret of the cloud project.
        version: ``v1`` signs id, token and time alone; ``v2`` signs method, body and URL too.
    """

    def __init__(self, client_id: str, client_secret: str, version: Version = "v2") -> None:
        self.client_id = client_id
        self.version: Version = version
        self._keyed = hmac.new(client_secret.encode(), client_id.encode(), hashlib.sha256)

    def sign(self, t_ms: int | str, to_sign: bytes = b"", access_token: str = "", nonce: str = "") -> str:
        """Upper-case hex signature; ``to_sign`` and ``nonce`` count in ``v2`` only.

        Token calls are signed without ``access_token``.
        """
        mac = self._keyed.copy()
        if self.version == "v2":
            mac.update(f"{access_token}{t_ms}{nonce}".encode() + to_sign)
        else:
            mac.update(f"{access_token}{t_ms}".encode())
        return mac.hexdigest().upper()

    def headers(self, method: str, url: str, body: bytes, *, t_ms: int, access_token: str = "") -> dict[str, str]:
        """The headers ``client_id``, ``t``, ``sign``, ``sign_method`` and, with a token, ``access_token``."""
        to_sign = string_to_sign(method, url, body) if self.version == "v2" else b""
        t = str(t_ms)
        sign = self.sign(t, to_sign, access_token)
        headers = {"client_id": self.client_id, "t": t, "sign": sign, "sign_method": "HMAC-SHA256"}
        if access_token:
            headers["access_token"] = access_token
        return headers
