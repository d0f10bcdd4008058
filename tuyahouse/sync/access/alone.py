"""One writer at a time to a target, in all processes of a warehouse."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.warehouse import Warehouse

log = logging.getLogger(__name__)

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
    renewing = asyncio.create_task(_renew(lock))
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


async def _renew(lock: locks.Lock) -> None:
    while True:
        await asyncio.sleep(lock.lease.total_seconds() / 3)
        try:
            await asyncio.to_thread(lock.renew)
        except WarehouseAway as error:
            log.warning("The lock of a write could not be renewed now: %s", error)
