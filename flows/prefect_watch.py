"""Watches Prefect's server: Prefect itself would ask a server that is away for minutes, without a word."""

import asyncio
import ssl
import time
import urllib.error
import urllib.request
from http.client import HTTPException

from prefect.settings import get_current_settings

from flows.temporary_server import TemporaryServer

SECONDS_TO_START = 180.0
"""For a temporary server, which creates its database on the first start; of several that start at once each waits for
the one before it."""
SECONDS_TO_ANSWER = 10.0
"""For a server that the settings name, before a run begins."""
SECONDS_AWAY = 90.0
"""An outage that a run outlives; a restart of the server takes less."""
_SECONDS_BETWEEN = 5.0


class PrefectAway(Exception):
    """Prefect's server cannot be reached; the text says which and what to do."""


async def wait_for_server(server: TemporaryServer | None) -> None:
    """Return when Prefect's server answers.

    Raises:
        PrefectAway: it does not, the temporary one ended, or the URL lacks its ``/api``.
    """
    end = time.monotonic() + (SECONDS_TO_START if server else SECONDS_TO_ANSWER)
    while not await _answers(server.url if server else _url()):
        if server and (last_words := server.last_words) is not None:
            raise PrefectAway(
                f"Prefect's temporary server ended while starting: {last_words}. Check PREFECT_HOME and the disk."
            )
        if time.monotonic() > end:
            raise PrefectAway(_sentence("does not answer", server.url if server else _url()))
        await asyncio.sleep(0.1)
    if not server and await asyncio.to_thread(_lacks_its_end, _url().rstrip("/")):
        raise PrefectAway(f"{_url()} is Prefect's server, not its API: write PREFECT_API_URL={_url().rstrip('/')}/api.")


async def until_away() -> PrefectAway:
    """Return only when the server has been away for longer than a run can wait for it."""
    answered = time.monotonic()
    while time.monotonic() - answered < SECONDS_AWAY:
        await asyncio.sleep(_SECONDS_BETWEEN)
        if await _answers(_url()):
            answered = time.monotonic()
    return PrefectAway(_sentence(f"has not answered for {SECONDS_AWAY:.0f} s", _url()))


def _url() -> str:
    return str(get_current_settings().api.url or "")


def _sentence(what: str, url: str) -> str:
    return f"Prefect's server at {url} {what}. Start it, or unset PREFECT_API_URL to run without one."


async def _answers(url: str) -> bool:
    return not url or await asyncio.to_thread(_answers_now, f"{url}/health")


def _answers_now(url: str) -> bool:
    """Whether anything answers there, even a refusal. No credential is sent, so no certificate is checked."""
    try:
        urllib.request.urlopen(url, timeout=5, context=ssl._create_unverified_context()).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, HTTPException):
        return False
    return True


def _lacks_its_end(url: str) -> bool:
    """Whether the API is at this URL with ``/api`` behind it."""
    if not url or "/api" in url:
        return False
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=5, context=ssl._create_unverified_context()) as answer:
            return bytes(answer.read(10).strip()) == b"true"
    except (OSError, HTTPException):
        return False
