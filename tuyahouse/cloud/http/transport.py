"""Connections to Tuya over aiohttp."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Protocol

import aiohttp
import httpx

from tuyahouse.cloud.errors import prefix
from tuyahouse.cloud.http.answer import Received
from tuyahouse.cloud.http.bodies import read_body
from tuyahouse.cloud.http.faults import host
from tuyahouse.cloud.http.proxies import is_this_machine, proxy_for
from tuyahouse.cloud.http.requests import Request
from tuyahouse.settings import Account

LONGEST_HEADER = 64 * 1024
"""Longest header line in bytes: gateways add cookies and policies beyond the usual 8 KB."""

_log = logging.getLogger(__name__)


class Transport(Protocol):
    """Sends a request and returns the whole answer; raises one of ``FAULTS`` (:mod:`.faults`) where there is none."""

    async def send(self, request: Request) -> Received: ...


@cache
def _trust() -> ssl.SSLContext:
    """The trusted certificates, read once a process: reading them takes as long as two hundred calls."""
    return ssl.create_default_context()


@asynccontextmanager
async def open_transport(
    account: Account, given: httpx.AsyncBaseTransport | None, setting: str = "BASE_URL"
) -> AsyncGenerator[Transport, None]:
    """Connections to Tuya, as many as calls may be in flight, or the ``given`` transport. TLS is always verified."""
    if given is not None:
        yield OverHttpx(given)
        return
    proxy = proxy_for(account.url)
    address = httpx.URL(account.url)
    if address.scheme == "http" and not is_this_machine(address.host):
        _log.warning(
            "%s%s is http: tokens and data go to %s unencrypted; use https",
            prefix(account.name),
            setting,
            host(account),
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
    """Returns each answer once it is complete; failures are aiohttp's own.

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
        self._large = asyncio.Lock()

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
        return Received(answer.status, answer.headers, await read_body(answer, self._most, self._large))

    async def _send(self, session: aiohttp.ClientSession, request: Request) -> aiohttp.ClientResponse:
        return await session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=aiohttp.BytesPayload(request.content) if request.content else None,
            allow_redirects=False,
            timeout=self._timeout,
        )

    async def aclose(self) -> None:
        await self._new.close()
        await self._session.close()
