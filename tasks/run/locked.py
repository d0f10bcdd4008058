"""The locks of a run, held while it lives."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tasks.run.resources import Resources
from tuyahouse.warehouse.errors import LockLost, WarehouseAway
from tuyahouse.warehouse.shared.locks import Lock, acquire

log = logging.getLogger("tuyahouse.run")


@asynccontextmanager
async def locked(resources: Resources, names: Sequence[str], holder: str) -> AsyncIterator[Sequence[Lock]]:
    """Hold all these locks, taken in this order."""
    lease = resources.settings.lock_lease
    held: list[Lock] = []
    renewing: list[asyncio.Task[None]] = []
    try:
        for name in names:
            held.append(await asyncio.to_thread(acquire, resources.warehouse, name, holder, lease))
            renewing.append(asyncio.create_task(_renew(held[-1], lease.total_seconds() / 3)))
        yield held
    finally:
        for task in renewing:
            task.cancel()
        for lock in reversed(held):
            lock.release()


async def _renew(lock: Lock, every_seconds: float) -> None:
    """Hold the lock while the run lives; a warehouse that is away for a moment is asked again at the next turn.

    A lock that is lost is lost for good: what the run lands next finds it so and ends the run.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await asyncio.to_thread(lock.renew)
        except WarehouseAway as error:
            log.warning("The lock could not be renewed now: %s", error)
        except LockLost as error:
            log.error("%s", error)
            return
