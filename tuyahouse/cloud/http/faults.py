"""What the failures of a connection mean, in words.

The libraries' own texts are left out: they may hold a URL with a token.
"""

from collections.abc import Callable
from typing import Any

import aiohttp
import httpx

from tuyahouse.cloud.answer_excerpt import beginning
from tuyahouse.cloud.errors import ConfigurationWrong, PassingFault, TuyaError, UnusableAnswer, prefix
from tuyahouse.cloud.http.bodies import TooLarge, UnaskedEncoding
from tuyahouse.settings import Account

FAULTS = (httpx.TransportError, aiohttp.ClientError, OSError, TimeoutError, TooLarge, UnaskedEncoding)
"""What sending and reading may raise. Time-outs of asyncio and refused connections are kinds of OSError."""

_InWords = Callable[[Any, str, Account], TuyaError]


def fault(error: Exception, endpoint: str, account: Account, *, secret: bool = False) -> TuyaError:
    """The failure of a call in words that say what to change.

    ``secret``: the answer holds a token, so no part of it may go into an error.
    """
    if isinstance(error, TooLarge):
        return _too_large(error, endpoint, account, secret)
    for kinds, in_words in _MEANINGS:
        for cause in (error, error.__cause__):
            if isinstance(cause, kinds):
                return in_words(cause, endpoint, account)
    cause = error.__cause__ or error
    return PassingFault(f"The answer to {endpoint} was cut off ({type(cause).__name__})", endpoint=endpoint)


def _too_large(error: TooLarge, endpoint: str, account: Account, secret: bool) -> TuyaError:
    declared = f"{error.size:,}" if error.size else f"more than {account.max_answer_mb * 1024 * 1024:,}"
    large = UnusableAnswer(
        f"The answer to {endpoint} has more than {account.max_answer_mb} MB ({declared} bytes)",
        b"" if secret else beginning(error.start, declared),
        endpoint=endpoint,
    )
    kept = "" if secret else " Its beginning is kept in the dead letter."
    large.remedy = f"It was not read to its end; if it is genuine, raise {prefix(account.name)}MAX_ANSWER_MB.{kept}"
    return large


def _unasked_encoding(error: UnaskedEncoding, endpoint: str, _: Account) -> TuyaError:
    return PassingFault(
        f"The answer to {endpoint} is compressed as {error}, which was not asked for",
        endpoint=endpoint,
        remedy="Something between this machine and Tuya does so: check proxies and firewalls.",
    )


def _no_tls(_: Exception, endpoint: str, account: Account) -> TuyaError:
    return ConfigurationWrong(
        f"{endpoint} was not sent: {host(account)} does not speak TLS there",
        code="TLS",
        endpoint=endpoint,
        remedy=f"Check the port and the https:// of {prefix(account.name)}BASE_URL.",
        reached=False,
    )


def _not_trusted(_: Exception, endpoint: str, account: Account) -> TuyaError:
    return ConfigurationWrong(
        f"{endpoint} was not sent: the certificate of {host(account)} is not trusted",
        code="TLS",
        endpoint=endpoint,
        remedy=f"Check {prefix(account.name)}BASE_URL and the CA certificates of this machine "
        "(SSL_CERT_FILE names a file of further ones); TLS is always verified.",
        reached=False,
    )


def _refused_by_proxy(error: aiohttp.ClientHttpProxyError, endpoint: str, _: Account) -> TuyaError:
    return _proxy_fault(f"{endpoint} was not sent: the proxy refused it (HTTP {error.status})", endpoint)


def _no_proxy(_: Exception, endpoint: str, __: Account) -> TuyaError:
    return _proxy_fault(f"{endpoint} was not sent: no connection to the proxy", endpoint)


def _proxy_fault(what: str, endpoint: str) -> TuyaError:
    remedy = "Check HTTPS_PROXY, its user and password, and NO_PROXY in the environment."
    return PassingFault(what, endpoint=endpoint, remedy=remedy, reached=False)


def _not_http(_: Exception, endpoint: str, account: Account) -> TuyaError:
    return PassingFault(
        f"The answer of {host(account)} to {endpoint} is not valid HTTP",
        endpoint=endpoint,
        remedy="Something between this machine and Tuya may change it: check proxies and firewalls.",
    )


def _no_name(_: Exception, endpoint: str, account: Account) -> TuyaError:
    return PassingFault(
        f"{endpoint} was not sent: the name {host(account)} has no address",
        endpoint=endpoint,
        remedy=f"Check the network, this machine's DNS and {_place_of(account)}.",
        reached=False,
    )


def _no_connection(_: Exception, endpoint: str, account: Account) -> TuyaError:
    return PassingFault(
        f"{endpoint} was not sent: no connection to {host(account)}",
        endpoint=endpoint,
        remedy=f"Check the network, firewalls, HTTPS_PROXY where one is needed, and {_place_of(account)}.",
        reached=False,
    )


def _place_of(account: Account) -> str:
    """The setting that says where the account's calls go."""
    return prefix(account.name) + ("BASE_URL" if account.base_url else "REGION")


def _too_late(_: Exception, endpoint: str, account: Account) -> TuyaError:
    return PassingFault(
        f"{endpoint} was not answered within {account.timeout_seconds:g} seconds",
        endpoint=endpoint,
        remedy=f"If Tuya is that slow, raise {prefix(account.name)}TIMEOUT_SECONDS.",
    )


_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], _InWords], ...] = (
    ((UnaskedEncoding,), _unasked_encoding),
    ((aiohttp.ClientConnectorSSLError,), _no_tls),
    ((aiohttp.ClientConnectorCertificateError,), _not_trusted),
    ((aiohttp.ClientHttpProxyError,), _refused_by_proxy),
    ((aiohttp.ClientResponseError,), _not_http),
    ((aiohttp.ClientProxyConnectionError,), _no_proxy),
    ((aiohttp.ClientConnectorDNSError,), _no_name),
    ((aiohttp.ClientConnectorError, ConnectionRefusedError, httpx.ConnectError, httpx.ConnectTimeout), _no_connection),
    ((TimeoutError, httpx.TimeoutException), _too_late),
)
"""Kinds of failures, the most specific first, and the function that words each."""


def host(account: Account) -> str:
    """The host that an account's calls go to, with its port if that is unusual."""
    return httpx.URL(account.url).netloc.decode("ascii")
