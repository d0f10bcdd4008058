"""Waiting for another run that works on the same part of an account."""

import asyncio
import logging
import time

from tasks.run.run import Running
from tuyahouse.warehouse.shared import locks

log = logging.getLogger("tuyahouse.run")

PATIENCE = 3600.0
"""Seconds that a night waits for a run that does a part of it."""
_SECONDS_BETWEEN = 2.0


async def until_free(run: Running, part: str) -> None:
    """Return when no other run holds the locks that the part of this night needs, or after :data:`PATIENCE`."""
    end = time.monotonic() + PATIENCE
    log.info("%s of %s waits for the run that works on it now.", part, run.account)
    while await asyncio.to_thread(_held, run, part):
        if time.monotonic() > end:
            return
        await asyncio.sleep(_SECONDS_BETWEEN)


def _held(run: Running, part: str) -> bool:
    needed = locks.of_what_is_due(run.account, part), locks.of_run(run.account, part, run.key)
    with run.resources.warehouse.read() as conn:
        return any(locks.is_held(conn, name) for name in needed)
