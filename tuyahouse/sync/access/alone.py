"""One writer at a time to a target, in all processes of a warehouse."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tuyahouse.sync.lock_renewal import keep_renewing
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.warehouse import Warehouse

_ASK_EVERY = 0.2
_LONGEST_NAME = 400


@asynccontextmanager
async def alone(
    warehouse: Warehouse, account: str, target: str, holder: str, lease: timedelta, patience: timedelta
) -> AsyncIterator[locks.Lock]:
    """Hold the lock of a target; another writer is waited for.

    Raises:
        LockHeld: another writer was not done within ``patience``.
    """
    lock = await _take(warehouse, _name(account, target), holder, lease, patience.total_seconds())
    renewing = asyncio.create_task(keep_renewing(lock))
    try:
        yield lock
    finally:
        renewing.cancel()
        lock.release()


def _name(account: str, target: str) -> str:
    if len(target) > _LONGEST_NAME:
        target = f"{target[:_LONGEST_NAME]} {hashlib.sha256(target.encode()).hexdigest()[:16]}"
    return f"{account}/write/{target}"


async def _take(warehouse: Warehouse, name: str, holder: str, lease: timedelta, patience: float) -> locks.Lock:
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while True:
        try:
            return await asyncio.to_thread(locks.acquire, warehouse, name, holder, lease)
        except locks.LockHeld:
            if loop.time() > end:
                raise
        await asyncio.sleep(_ASK_EVERY)
