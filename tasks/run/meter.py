"""Reports what one attempt at a chunk does and spends to the progress of its run, while it happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tasks.run.resources import Resources
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.terminal import progress
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.ledgers import run_chunks
from tuyahouse.warehouse.warehouse import Warehouse


class Meter:
    """Adds the keys and calls of one client to the progress of the work it belongs to."""

    def __init__(self, client: TuyaClient) -> None:
        self._client = client
        self._calls = self._failures = self._keys = 0

    def key(self) -> None:
        """Count one more key as done."""
        self.tell()
        self._keys += 1
        progress.advance()

    def tell(self) -> None:
        """Add the calls made since the last time."""
        calls, failures = self._client.calls, self._client.failures
        progress.spend(calls - self._calls, failures - self._failures)
        self._calls, self._failures = calls, failures

    def keep(self, committed: int) -> None:
        """Take back the keys of this attempt that were not committed: they will be asked again."""
        progress.advance(committed - self._keys)
        self._keys = committed


@asynccontextmanager
async def metered(
    resources: Resources, run_id: str, chunk: int
) -> AsyncIterator[tuple[TuyaClient, Callable[[], None]]]:
    """A client for one attempt at a chunk, and what is called after each key."""
    before = await asyncio.to_thread(_committed, resources.warehouse, run_id, chunk)
    async with resources.tuya(run_id) as client:
        meter = Meter(client)
        try:
            yield client, meter.key
        except Exception:
            try:
                meter.keep(await asyncio.to_thread(_committed, resources.warehouse, run_id, chunk) - before)
            except WarehouseError:
                meter.keep(0)
            raise
        finally:
            meter.tell()


def _committed(warehouse: Warehouse, run_id: str, chunk: int) -> int:
    with warehouse.read() as conn:
        return run_chunks.asked_before(conn, run_id, chunk)
