"""Is Prefect's server there? Prefect itself asks a server that is away again and again, for minutes, without a word."""

import asyncio
import os
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from prefect.settings import get_current_settings

SECONDS_AWAY = 90.0
"""An outage that a run outlives; a restart of the server takes less."""
SECONDS_TO_END = 10.0
"""For a flow that is cancelled, until it is left."""
_SECONDS_BETWEEN = 5.0

lost = ""
"""Why the runs of this process end, in a sentence; empty while the server answers."""
_watched: threading.Thread | None = None


class PrefectAway(Exception):
    """Prefect's server cannot be reached; the text says which and what to do."""


def api_url() -> str:
    """The API of the server that this process uses; empty where it starts one of its own."""
    return str(get_current_settings().api.url or "")


def sentence(what: str, url: str) -> str:
    """What is wrong with the server at this address, and what to do."""
    return f"Prefect's server at {url} {what}. Start it, or unset PREFECT_API_URL to run without one."


async def until_away(last_words: Callable[[], str | None] = lambda: None) -> PrefectAway:
    """Return only when the server has been away for longer than a run can wait for it, or has ended.

    ``last_words`` are those of a temporary server that has ended; None while it runs.
    """
    global lost
    absence = _Absence(api_url())
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN)
        if (words := last_words()) is not None:
            lost = f"Prefect's temporary server ended while it was needed: {words}."
            return PrefectAway(lost)
        if await asyncio.to_thread(absence.is_too_long):
            return PrefectAway(lost)


class _Absence:
    """How long a server has not answered, as far as it was asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answered = time.monotonic()

    def is_too_long(self) -> bool:
        """Ask the server; once it has been away for :data:`SECONDS_AWAY`, :data:`lost` says so."""
        global lost
        if answers(self._url):
            self._answered = time.monotonic()
        if time.monotonic() - self._answered < SECONDS_AWAY:
            return False
        lost = sentence(f"has not answered for {SECONDS_AWAY:.0f} s", self._url)
        return True


def end_worker_without_server() -> None:
    """In the process that a worker started for one flow run: end it when the server is lost, however it waits for it.

    The flow is cancelled, so that it closes its runs in the warehouse; after :data:`SECONDS_TO_END` the process ends.
    Elsewhere nothing happens: ``python -m flows`` has a watch of its own.
    """
    global _watched
    task = asyncio.current_task()
    if _watched is None and task is not None and os.environ.get("PREFECT__FLOW_RUN_ID"):
        arguments = (asyncio.get_running_loop(), task, api_url())
        _watched = threading.Thread(target=_end_process, args=arguments, name="prefect watch", daemon=True)
        _watched.start()


def _end_process(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]", url: str) -> None:
    absence = _Absence(url)
    while not absence.is_too_long():
        time.sleep(_SECONDS_BETWEEN)
    loop.call_soon_threadsafe(task.cancel)
    time.sleep(SECONDS_TO_END)
    sys.stderr.write(f"{lost}\nWhat was answered is committed; the same run key continues.\n")
    sys.stderr.flush()
    os._exit(1)


def answers(url: str) -> bool:
    """Whether anything answers there, be it a refusal. No credential is sent, so no certificate matters."""
    if not url:
        return True
    try:
        urllib.request.urlopen(f"{url}/health", timeout=5, context=ssl._create_unverified_context()).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, HTTPException):
        return False
    return True
