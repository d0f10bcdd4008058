"""A lock is renewed while its process lives, whatever the warehouse answers in between."""

import asyncio
import gc
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import delete, select

from tasks.run.locked import locked
from tasks.run.resources import Resources
from tuyahouse.sync.access.alone import alone
from tuyahouse.warehouse.errors import WarehouseAway, WarehouseError
from tuyahouse.warehouse.shared.locks import Lock
from tuyahouse.warehouse.tables import ops_lock
from tuyahouse.warehouse.warehouse import Warehouse

LEASE = timedelta(seconds=0.9)

Hold = Callable[[Warehouse], AbstractAsyncContextManager[Any]]


def by_a_run(warehouse: Warehouse) -> AbstractAsyncContextManager[Any]:
    resources = SimpleNamespace(warehouse=warehouse, settings=SimpleNamespace(lock_lease=LEASE))
    return locked(cast("Resources", resources), ["demo/sync_devices"], "a run")


def by_a_write(warehouse: Warehouse) -> AbstractAsyncContextManager[Any]:
    return alone(warehouse, "demo", "user 86 alice", "a write", LEASE, LEASE)


holders = pytest.mark.parametrize("hold", [by_a_run, by_a_write], ids=["run", "write"])


def ends_at(warehouse: Warehouse) -> datetime:
    with warehouse.read() as conn:
        return conn.execute(select(ops_lock.c.expires_at)).scalar_one()


@holders
@pytest.mark.parametrize(
    "error",
    [WarehouseAway("It cannot be reached."), WarehouseError("The disk is full."), WarehouseError("It is read-only.")],
    ids=["away", "full", "read-only"],
)
async def test_a_renewal_that_fails_is_tried_again(
    warehouse: Warehouse,
    hold: Hold,
    error: WarehouseError,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    renew, errors = Lock.renew, [error]

    def failing_once(lock: Lock) -> None:
        if errors:
            raise errors.pop()
        renew(lock)

    monkeypatch.setattr(Lock, "renew", failing_once)
    async with hold(warehouse):
        begun = ends_at(warehouse)
        async with asyncio.timeout(20):
            while ends_at(warehouse) == begun:
                await asyncio.sleep(0.05)
    assert [str(error) in each.getMessage() for each in caplog.records] == [True]


@holders
async def test_a_lock_that_was_taken_over_is_said_once_and_not_renewed(
    warehouse: Warehouse, hold: Hold, caplog: pytest.LogCaptureFixture
) -> None:
    async with hold(warehouse):
        with warehouse.begin() as conn:
            conn.execute(delete(ops_lock))
        async with asyncio.timeout(20):
            while not caplog.records:
                gc.collect()  # asyncio reports what a task raised only when the task is collected
                await asyncio.sleep(0.05)
        await asyncio.sleep(LEASE.total_seconds())
    gc.collect()
    said = [(each.levelno, each.getMessage(), each.exc_info) for each in caplog.records]
    assert [(level, trace) for level, _, trace in said] == [(logging.ERROR, None)], said
    assert "was taken by another run" in said[0][1]
