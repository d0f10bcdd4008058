"""Keeps a lock while the process that holds it lives."""

import asyncio
import logging

from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.shared.locks import Lock

log = logging.getLogger("tuyahouse.run")


async def keep_renewing(lock: Lock) -> None:
    """Renew the lock three times a lease, until cancelled.

    A warehouse that cannot do it now (away, read-only, its disk full) is asked again at the next turn. A lock that is
    lost is lost for good: what its holder lands or calls next finds it so and ends the work.
    """
    while True:
        await asyncio.sleep(lock.lease.total_seconds() / 3)
        try:
            await asyncio.to_thread(lock.renew)
        except LockLost as error:
            log.error("%s", error)
            return
        except WarehouseError as error:
            log.warning("The lock of %s could not be renewed now: %s", lock.name, error)
