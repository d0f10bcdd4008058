"""From an endpoint and its values to a request: everything that does not change from call to call is made once."""

from collections.abc import ItemsView, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ItemRefused
from tuyahouse.settings import Account

_NO_SEGMENT = frozenset({"", ".", ".."})
"""Values that would name another path: everything between here and Tuya resolves them."""

_encode = msgspec.json.Encoder().encode


class PlainHeaders(httpx.Headers):
    """Headers that are plain text to begin with: what httpx keeps of them inside is made when it is first asked for.

    aiohttp takes them as text. Making httpx's form of them for every call would cost a tenth of the call.
    """

    def __init__(self, plain: Mapping[str, str]) -> None:
        self.__dict__["plain"] = plain

    def __getattr__(self, name: str) -> Any:
        plain = self.__dict__.pop("plain", None)
        if plain is None:
            raise AttributeError(name)
        super().__init__(plain)
        return getattr(self, name)

    def __len__(self) -> int:
        plain = self.__dict__.get("plain")
        return super().__len__() if plain is None else len(plain)

    def items(self) -> ItemsView[str, str]:
        plain = self.__dict__.get("plain")
        return super().items() if plain is None else plain.items()


class WireURL(httpx.URL):
    """An address that is text to begin with, as :class:`PlainHeaders` are: httpx takes it to pieces when it looks into it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        if name != "_uri_reference":
            raise AttributeError(name)
        self._uri_reference = httpx.URL(self._text)._uri_reference
        return self._uri_reference

    def __str__(self) -> str:
        return self._text


class Requests:
    """Makes the requests of one account.

    The body is serialised once; what is signed is what is sent. The query is sorted by key. ``extensions`` hold what
    the auth flow and the judging need: ``endpoint``, ``signed_url`` (decoded, as it is signed), ``headers`` besides the
    signature, ``token`` if it is a given one.
    """

    def __init__(self, account: Account) -> None:
        self._base = httpx.URL(account.url)
        self._headers = {"lang": account.language, "accept-encoding": "identity"}  # answers are about 1 KB
        self._headers_with_body = {**self._headers, "content-type": "application/json"}
        self._origin = f"{self._base.scheme}://{self._base.netloc.decode('ascii')}"
        self._plain: dict[Endpoint, tuple[httpx.URL, dict[str, Any]]] = {}

    def build(
        self,
        endpoint: Endpoint,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> httpx.Request:
        """A request without signature; ``body`` is anything that JSON can say."""
        if path or query:
            url, extensions = self._address(endpoint, path or {}, query or {})
        elif (known := self._plain.get(endpoint)) is not None:
            url, extensions = known
        else:
            url, extensions = self._plain[endpoint] = self._address(endpoint, {}, {})
        content = b"" if body is None else _encode(body)
        request = httpx.Request(
            endpoint.method,
            self._base,
            stream=httpx.ByteStream(content),
            extensions=extensions,
        )
        request.url = url
        request.read()
        request.extensions["headers"] = self._headers_with_body if content else self._headers
        return request

    def _address(
        self, endpoint: Endpoint, path: Mapping[str, str], query: Mapping[str, str]
    ) -> tuple[httpx.URL, dict[str, Any]]:
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
        base = self._base.raw_path.decode("ascii").rstrip("/")
        return WireURL(f"{self._origin}{base}{wire}"), {"endpoint": endpoint, "signed_url": signed}
