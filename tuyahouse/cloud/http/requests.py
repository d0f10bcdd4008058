"""From an endpoint and its values to a request: everything that does not change from call to call is made once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx
import msgspec

from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ItemRefused
from tuyahouse.settings import Account
from tuyahouse.stores import Token

_NO_SEGMENT = frozenset({"", ".", ".."})
"""Values that would change the path: proxies and servers resolve them."""

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Request:
    """One call to Tuya. A struct of our own: an ``httpx.Request`` costs too much CPU a call.

    Attributes:
        endpoint: the call.
        url: the whole address, percent-encoded, as it is sent.
        signed_url: path and query, decoded, as they are signed.
        content: the body as it is signed and sent; empty where there is none.
        unsigned_headers: headers besides the signature.
        token: signs the call where the auth flow has no tokens of its own.
        headers: all headers as they are sent; set by signing.
        on_start: called each time the request is about to be sent.
    """

    endpoint: Endpoint
    url: str
    signed_url: str
    content: bytes
    unsigned_headers: Mapping[str, str]
    token: Token | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    on_start: Callable[[], None] | None = None

    @property
    def method(self) -> str:
        return self.endpoint.method


class Requests:
    """Makes the requests of one account.

    The body is serialised once; what is signed is what is sent. The query is sorted by key.
    """

    def __init__(self, account: Account) -> None:
        base = httpx.URL(account.url)
        self._headers = {"lang": account.language, "accept-encoding": "identity"}  # answers are about 1 KB
        self._headers_with_body = {**self._headers, "content-type": "application/json"}
        self._base = f"{base.scheme}://{base.netloc.decode('ascii')}{base.raw_path.decode('ascii').rstrip('/')}"
        self._plain: dict[Endpoint, tuple[str, str]] = {}

    def build(
        self,
        endpoint: Endpoint,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> Request:
        """A request without signature; ``body`` is anything that JSON can say."""
        if path or query:
            url, signed_url = self._address(endpoint, path or {}, query or {})
        elif (known := self._plain.get(endpoint)) is not None:
            url, signed_url = known
        else:
            url, signed_url = self._plain[endpoint] = self._address(endpoint, {}, {})
        if body is None:
            return Request(endpoint, url, signed_url, b"", self._headers)
        return Request(endpoint, url, signed_url, _encode(body), self._headers_with_body)

    def _address(self, endpoint: Endpoint, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
        """The address as it is sent, and path and query as they are signed."""
        for name, value in path.items():
            if value.strip() in _NO_SEGMENT:
                raise ItemRefused(
                    f"{endpoint.name} was not sent: {value!r} cannot stand in its path as {name}",
                    endpoint=endpoint.name,
                    remedy="Correct it where it comes from.",
                    reached=False,
                )
        pairs = sorted(query.items())
        signed = endpoint.path.format_map(path) if path else endpoint.path
        wire = endpoint.path.format_map({k: quote(v, safe="") for k, v in path.items()}) if path else endpoint.path
        if pairs:
            signed += "?" + "&".join(f"{name}={value}" for name, value in pairs)
            wire += "?" + "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
        return self._base + wire, signed
