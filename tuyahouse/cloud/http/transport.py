"""Connections to Tuya over aiohttp, and what their failures mean."""

import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Protocol

import aiohttp
import httpx

from tuyahouse.cloud.errors import ConfigurationWrong, PassingFault, TuyaError, UnusableAnswer, prefix
from tuyahouse.cloud.http.answer import Received
from tuyahouse.cloud.http.bodies import TooLarge, UnaskedEncoding, read_body
from tuyahouse.cloud.http.proxies import is_this_machine, proxy_for
from tuyahouse.cloud.http.requests import Request
from tuyahouse.settings import Account

FAULTS = (httpx.TransportError, aiohttp.ClientError, OSError, TimeoutError, TooLarge, UnaskedEncoding)
"""What sending and reading may raise. Time-outs of asyncio and refused connections are kinds of OSError."""


LONGEST_HEADER = 64 * 1024
"""Longest header line in bytes: gateways add cookies and policies beyond the usual 8 KB."""

_log = logging.getLogger(__name__)


class Transport(Protocol):
    """Sends a request and returns the whole answer; raises one of :data:`FAULTS` where there is none."""

    async def send(self, request: Request) -> Received: ...


@cache
def _trust() -> ssl.SSLContext:
    """The trusted certificates, read once a process: reading them takes as long as two hundred calls."""
    return ssl.create_default_context()


@asynccontextmanager
async def open_transport(account: Account, given: httpx.AsyncBaseTransport | None) -> AsyncGenerator[Transport, None]:
    """Connections to Tuya, as many as calls may be in flight, or the ``given`` transport. TLS is always verified."""
    if given is not None:
        yield OverHttpx(given)
        return
    proxy = proxy_for(account.url)
    address = httpx.URL(account.url)
    if address.scheme == "http" and not is_this_machine(address.host):
        _log.warning(
            "%sBASE_URL is http: tokens and data go to %s unencrypted; use https", prefix(account.name), _host(account)
        )
    kept = _session(aiohttp.TCPConnector(limit=account.concurrency, keepalive_timeout=60, ssl=_trust()), proxy)
    new = _session(aiohttp.TCPConnector(limit=account.concurrency, force_close=True, ssl=_trust()), proxy)
    transport = WholeAnswers(kept, new, account.timeout_seconds, account.max_answer_mb * 1024 * 1024)
    try:
        yield transport
    finally:
        await transport.aclose()


def _session(connector: aiohttp.TCPConnector, proxy: str | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy,
        auto_decompress=False,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


class OverHttpx:
    """Sends through a transport of httpx, with plain requests of httpx's own; it is not closed."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Received:
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        response = await self._transport.handle_async_request(sent)
        return Received(response.status_code, response.headers, await response.aread())


class WholeAnswers:
    """Returns each answer when all of it is there; failures are aiohttp's own (:data:`FAULTS`).

    Args:
        session: keeps its connections; closed with the transport.
        new: opens a connection for each call; closed with the transport.
        seconds: how long connecting may take.
        most: bytes that an answer may have, compressed or not.
    """

    def __init__(self, session: aiohttp.ClientSession, new: aiohttp.ClientSession, seconds: float, most: int) -> None:
        self._session = session
        self._new = new
        self._most = most
        self._timeout = aiohttp.ClientTimeout(sock_connect=seconds)
        self._answered = False

    async def send(self, request: Request) -> Received:
        """The answer. If a kept connection turns out to be closed, the request is sent once more, on a new one.

        A call that must not be sent twice goes over a new connection at once: if a kept one were closed, nobody could
        say whether the call had arrived.
        """
        try:
            answer = await self._send(self._session if request.endpoint.idempotent else self._new, request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not self._answered or not request.endpoint.idempotent:
                raise
            answer = await self._send(self._new, request)
        self._answered = True
        return Received(answer.status, answer.headers, await read_body(answer, self._most))

    async def _send(self, session: aiohttp.ClientSession, request: Request) -> aiohttp.ClientResponse:
        return await session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.content or None,
            allow_redirects=False,
            timeout=self._timeout,
        )

    async def aclose(self) -> None:
        await self._new.close()
        await self._session.close()


def fault(error: Exception, endpoint: str, account: Account) -> TuyaError:
    """The failure of a connection in words. The libraries' own texts are left out: they may hold a URL with a token."""
    causes = (error, error.__cause__)
    if isinstance(error, TooLarge):
        large = UnusableAnswer(f"The answer to {endpoint} has more than {account.max_answer_mb} MB", endpoint=endpoint)
        large.remedy = f"It was not read to its end; if it is genuine, raise {prefix(account.name)}MAX_ANSWER_MB."
        return large
    if isinstance(error, UnaskedEncoding):
        return PassingFault(
            f"The answer to {endpoint} is compressed as {error}, which was not asked for",
            endpoint=endpoint,
            remedy="Something between here and Tuya does so: check proxies and firewalls.",
        )
    if any(isinstance(cause, aiohttp.ClientConnectorSSLError) for cause in causes):
        return ConfigurationWrong(
            f"{endpoint} was not sent: {_host(account)} does not speak TLS there",
            code="TLS",
            endpoint=endpoint,
            remedy=f"Check the port and the https:// of {prefix(account.name)}BASE_URL.",
            reached=False,
        )
    if any(isinstance(cause, aiohttp.ClientConnectorCertificateError) for cause in causes):
        return ConfigurationWrong(
            f"{endpoint} was not sent: the certificate of {_host(account)} is not trusted",
            code="TLS",
            endpoint=endpoint,
            remedy=f"Check {prefix(account.name)}BASE_URL and the CA certificates of this machine "
            "(SSL_CERT_FILE names a file of further ones); TLS is always verified.",
            reached=False,
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _proxy_fault(f"{endpoint} was not sent: the proxy refused it (HTTP {error.status})", endpoint)
    if isinstance(error, aiohttp.ClientResponseError):
        return PassingFault(
            f"The answer to {endpoint} is not valid HTTP ({type(error).__name__})",
            endpoint=endpoint,
            remedy="Something between here and Tuya may change it: check proxies and firewalls.",
        )
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
