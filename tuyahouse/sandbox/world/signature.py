"""The receiving side of Tuya's signatures, written from docs/tuya.md, not from tuyahouse.cloud, to reveal mistakes."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl

EMPTY = sha256(b"").hexdigest()


def is_token_call(path: str) -> bool:
    """Calls whose signature leaves the access token out."""
    return path.startswith(("/v1.0/token", "/v1.0/authorize_token"))


def canonical_target(path: str, query: str) -> str:
    """Path and query as they are signed: decoded, sorted by key, the first value of a repeated key."""
    if not query:
        return path
    pairs: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        pairs.setdefault(key, value)
    return path + "?" + "&".join(f"{key}={pairs[key]}" for key in sorted(pairs))


def string_to_sign(method: str, target: str, body: bytes, signed_headers: str = "") -> str:
    """Method, content hash, signed headers (``name:value`` and a line feed each) and target, joined by line feeds."""
    content = sha256(body).hexdigest() if body else EMPTY
    return f"{method}\n{content}\n{signed_headers}\n{target}"


def signed_header_lines(headers: Mapping[bytes, bytes]) -> str:
    """The third part of the string to sign, from the names that ``Signature-Headers`` lists."""
    names = headers.get(b"signature-headers")
    if not names:
        return ""
    listed = names.decode("latin-1").split(":")
    return "".join(f"{name}:{headers.get(name.lower().encode('latin-1'), b'').decode('utf-8')}\n" for name in listed)


class Verifier:
    """Computes the signatures that are accepted for a request."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._client_id = client_id
        self._keyed = hmac.new(client_secret.encode(), digestmod=sha256)

    def _sign(self, text: str) -> str:
        mac = self._keyed.copy()
        mac.update(text.encode())
        return mac.hexdigest().upper()

    def old(self, token: str, t: str) -> str:
        return self._sign(f"{self._client_id}{token}{t}")

    def current(self, token: str, t: str, nonce: str, text: str) -> str:
        return self._sign(f"{self._client_id}{token}{t}{nonce}{text}")
