"""aiohttp under httpx, and what its failures mean."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache

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
    connector = aiohttp.TCPConnector(limit=account.concurrency, keepalive_timeout=60, ssl=_trust())
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    transport = AiohttpTransport(client=session, verify=_trust())
    try:
        yield transport
    finally:
        await transport.aclose()


async def read_body(response: httpx.Response) -> bytes:
    """The whole body. Straight from the connection: httpx's own reading costs a tenth of a call."""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    try:
        body = b"".join([piece async for piece in stream])
    finally:
        await stream.aclose()
    if body[:1] not in b"{[" and "content-encoding" in response.headers:
        return httpx.Response(200, headers=response.headers, content=body).content
    return body


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


def _host(account: Account) -> str:
    return httpx.URL(account.url).netloc.decode("ascii")
