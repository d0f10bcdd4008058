"""The locks of a run, held while it lives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tasks.run.resources import Resources
from tuyahouse.sync.lock_renewal import keep_renewing
from tuyahouse.warehouse.shared.locks import Lock, acquire


@asynccontextmanager
async def locked(resources: Resources, names: Sequence[str], holder: str) -> AsyncIterator[Sequence[Lock]]:
    """Hold all these locks, taken in this order."""
    lease = resources.settings.lock_lease
    held: list[Lock] = []
    renewing: list[asyncio.Task[None]] = []
    try:
        for name in names:
            held.append(await asyncio.to_thread(acquire, resources.warehouse, name, holder, lease))
            renewing.append(asyncio.create_task(keep_renewing(held[-1])))
        yield held
    finally:
        for task in renewing:
            task.cancel()
        for lock in reversed(held):
            lock.release()
