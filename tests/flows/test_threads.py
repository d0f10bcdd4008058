"""Long work in a thread ends with the task that waits for it."""

import asyncio
import time
from functools import partial

import pytest

from tasks.run.threads import in_batches
from tuyahouse.sync.serial_numbers.register import read_pattern, register
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse

MANY = 2_000_000


def registered(warehouse: Warehouse) -> int:
    with warehouse.read() as conn:
        return registry.counts(conn, "demo").get("new", 0)


def test_registering_ends_at_the_next_batch_when_it_is_cancelled(warehouse: Warehouse) -> None:
    rows = read_pattern(f"A0000001..A{MANY}")

    async def interrupted() -> None:
        work = partial(register, warehouse, "demo", rows, "pattern")
        waiting = asyncio.create_task(in_batches(lambda on_rows: work(on_rows=on_rows)))
        while not await asyncio.to_thread(registered, warehouse):
            await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(interrupted())  # waits for its threads
    there = registered(warehouse)
    time.sleep(0.2)
    assert 0 < registered(warehouse) == there < MANY


def test_what_the_work_gives_or_raises_is_passed_on() -> None:
    assert asyncio.run(in_batches(lambda on_rows: 7)) == 7
    with pytest.raises(ValueError, match="odd"):
        asyncio.run(in_batches(lambda on_rows: int("odd")))
