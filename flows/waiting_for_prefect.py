"""Waits until Prefect's server answers, before a run begins."""

import asyncio
import ssl
import time
import urllib.request
from http.client import HTTPException

from flows.temporary_server import TemporaryServer
from tasks.run.prefect_watch import PrefectAway, answers, api_url, sentence

SECONDS_TO_START = 180.0
"""For a temporary server, which creates its database on the first start; of several that start at once each waits for
the one before it."""
SECONDS_TO_ANSWER = 10.0
"""For a server that is named."""


async def wait_for_server(server: TemporaryServer | None) -> None:
    """Return when Prefect's server answers.

    Raises:
        PrefectAway: it does not, the temporary one ended, or the URL lacks its ``/api``.
    """
    url = server.url if server else api_url()
    end = time.monotonic() + (SECONDS_TO_START if server else SECONDS_TO_ANSWER)
    while not await asyncio.to_thread(answers, url):
        if server and (last_words := server.last_words) is not None:
            raise PrefectAway(
                f"Prefect's temporary server ended while it was starting: {last_words}. "
                "Check PREFECT_HOME and the disk."
            )
        if time.monotonic() > end:
            raise PrefectAway(sentence("does not answer", url))
        await asyncio.sleep(0.1)
    if not server and await asyncio.to_thread(_lacks_its_end, url.rstrip("/")):
        raise PrefectAway(f"{url} is Prefect's server, not its API: write PREFECT_API_URL={url.rstrip('/')}/api.")


def _lacks_its_end(url: str) -> bool:
    """Whether the API is at this URL with ``/api`` behind it."""
    if not url or "/api" in url:
        return False
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=5, context=ssl._create_unverified_context()) as answer:
            return bytes(answer.read(10).strip()) == b"true"
    except (OSError, HTTPException):
        return False
