"""aiohttp under httpx, and what its failures mean."""

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from tuyahouse.cloud.errors import ConfigurationWrong, PassingFault, TuyaError, prefix
from tuyahouse.settings import Account

FAULTS = (httpx.TransportError, aiohttp.ClientError, OSError, TimeoutError)
"""What sending and reading may raise; time-outs of asyncio and a refused connection are OSErrors' kin."""


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that are trusted, read once a process: that takes as long as two hundred calls."""
    return ssl.create_default_context()


@asynccontextmanager
async def open_transport(
    account: Account, given: httpx.AsyncBaseTransport | None
) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
    """Connections to Tuya, as many as calls may be in flight; or the ``given`` ones. TLS is always verified."""
    if given is not None:
        yield given
        return
    proxy = proxy_for(account.url)
    connector = aiohttp.TCPConnector(limit=account.concurrency, keepalive_timeout=60, ssl=_trust())
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), proxy=proxy)
    transport = WholeAnswers(session, account.timeout_seconds)
    try:
        yield transport
    finally:
        await transport.aclose()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address (HTTPS_PROXY, HTTP_PROXY, NO_PROXY); none for this machine itself.

    Raises:
        ConfigurationWrong: it is of a kind that cannot be used.
    """
    address = httpx.URL(url)
    if address.host in ("localhost", "::1") or address.host.startswith("127.") or proxy_bypass(address.host):
        return None
    found = getproxies().get(address.scheme)
    if not found:
        return None
    proxy = found if "://" in found else f"http://{found}"
    if not proxy.startswith(("http://", "https://")):
        raise ConfigurationWrong(
            f"The proxy for {address.host} is of the kind {proxy.partition(':')[0]}, and only http proxies can be used",
            remedy="Change HTTPS_PROXY in the environment, or name the host in NO_PROXY.",
            reached=False,
        )
    return proxy


class WholeAnswers(AiohttpTransport):
    """Gives each answer when all of it is there; failures are aiohttp's own (:data:`FAULTS`).

    Handing a stream over, which every answer then is read from, costs a quarter of the call.

    Args:
        session: its connections; closed with the transport.
        seconds: how long connecting may take.
    """

    def __init__(self, session: aiohttp.ClientSession, seconds: float) -> None:
        super().__init__(client=session, verify=_trust())
        self._session = session
        self._timeout = aiohttp.ClientTimeout(sock_connect=seconds)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._session.request(
            request.method,
            str(request.url),
            headers=request.headers,
            data=request.content or None,
            allow_redirects=False,
            timeout=self._timeout,
        )
        return Received(answer.status, answer.raw_headers, await answer.read(), request)


class Received(httpx.Response):
    """An answer that is all there; what httpx makes of its headers is made when they are first asked for."""

    def __init__(self, status: int, raw: Sequence[tuple[bytes, bytes]], body: bytes, request: httpx.Request) -> None:
        self.status_code = status
        self.extensions = {}
        self._raw = raw
        self._content = body
        self._request = request

    def __getattr__(self, name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(name)
        kept = dict(vars(self))
        super().__init__(self.status_code, headers=list(self._raw), stream=httpx.ByteStream(b""), request=self._request)
        self.__dict__.update(kept, is_closed=True, is_stream_consumed=True)
        return getattr(self, name)


_LAZY = frozenset(vars(httpx.Response(200, stream=httpx.ByteStream(b""))))


def fault(error: Exception, endpoint: str, account: Account) -> TuyaError:
    """The failure of a connection in words. Texts of the libraries are left out: they may hold a URL with a token."""
    causes = (error, error.__cause__)
    if any(
        isinstance(cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError) for cause in causes
    ):
        return ConfigurationWrong(
            f"{endpoint} was not sent: the certificate of {_host(account)} is not trusted",
            code="TLS",
            endpoint=endpoint,
            remedy=f"Check {prefix(account.name)}BASE_URL and the CA certificates of this machine; TLS is always verified.",
            reached=False,
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _proxy_fault(f"{endpoint} was not sent: the proxy refused it (HTTP {error.status})", endpoint)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return _proxy_fault(f"{endpoint} was not sent: no connection to the proxy", endpoint)
    if any(isinstance(cause, aiohttp.ClientConnectorError | ConnectionRefusedError) for cause in causes):
        return PassingFault(
            f"{endpoint} was not sent: no connection to {_host(account)}",
            endpoint=endpoint,
            remedy=f"Check the network, and {prefix(account.name)}REGION (or BASE_URL).",
            reached=False,
        )
    if any(
        isinstance(cause, TimeoutError | httpx.TimeoutException) and not isinstance(cause, httpx.ConnectTimeout)
        for cause in causes
    ):
        return PassingFault(
            f"{endpoint} was not answered within {account.timeout_seconds:g} seconds",
            endpoint=endpoint,
            remedy=f"If Tuya is that slow, raise {prefix(account.name)}TIMEOUT_SECONDS.",
        )
    return PassingFault(
        f"The answer to {endpoint} was cut off ({type(error.__cause__ or error).__name__})", endpoint=endpoint
    )


def _proxy_fault(what: str, endpoint: str) -> PassingFault:
    remedy = "Check HTTPS_PROXY, its user and password, and NO_PROXY in the environment."
    return PassingFault(what, endpoint=endpoint, remedy=remedy, reached=False)


def _host(account: Account) -> str:
    return httpx.URL(account.url).netloc.decode("ascii")
