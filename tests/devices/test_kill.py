"""Killed at any instant and begun again with the same run key, both runs end in the warehouse of an undisturbed one."""

import os
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select

from tests.commands.days import add_from_file, begin_of, day, hear
from tests.devices.nights import account_of, night
from tests.support.kill import kill, start
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.tables import (
    command,
    command_observation,
    device,
    device_function,
    device_history,
    device_serial_number,
)
from tuyahouse.warehouse.warehouse import Warehouse

KILLS = int(os.environ.get("TUYAHOUSE_TEST_KILLS", "2"))
INVENTORY = (device, device_history, device_function, device_serial_number)
COMMANDS = (command, command_observation)
CHILD = """
    import asyncio, sys
    from datetime import datetime
    from tests.commands.days import day
    from tests.devices.nights import account_of, night
    from tests.support.sandbox import account_of as account_from
    from tuyahouse.warehouse.warehouse import Warehouse
    import os
    what, url, key, run_key, now = sys.argv[1:]
    account = account_from(os.environ).model_copy(
        update={"calls_per_second": 0, "project_ids": ("north-hall", "south-hall"), "concurrency": 4}
    )
    warehouse = Warehouse.open(url, key)
    print("ready", flush=True)
    if what == "devices":
        asyncio.run(night(warehouse, account, run_key, details=True))
    else:
        asyncio.run(day(warehouse, account, run_key, datetime.fromisoformat(now)))
"""


def rows(warehouse: Warehouse, tables: tuple[Table, ...]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows; of a time only whether there is one, for no two runs happen at the same time."""
    found = {}
    with warehouse.read() as conn:
        for table in tables:
            stored = conn.execute(select(table)).all()
            found[table.name] = sorted(
                (tuple("a time" if isinstance(cell, datetime) else cell for cell in row) for row in stored), key=repr
            )
    return found


@pytest.fixture
def undisturbed(tmp_path: Any, secret_key: str) -> Any:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'undisturbed.db'}", secret_key)
    yield opened
    opened.close()


@pytest.mark.kill
async def test_sync_devices_killed_and_begun_again_ends_as_if_undisturbed(
    sandboxes: Callable[..., Sandbox],
    warehouse: Warehouse,
    warehouse_url: str,
    undisturbed: Warehouse,
    secret_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = sandboxes("--set", "page_size_cap=20", "--set", "devices=160", "--set", "shift=0.1")
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    chance = random.Random(5)
    for number in range(KILLS):
        sandbox.control("day", {"day": number})
        await night(undisturbed, account_of(sandbox), f"night {number}", details=True)
        child = start(CHILD, "devices", warehouse_url, secret_key, f"night {number}", "")
        time.sleep(chance.uniform(0, 1.5))
        kill(child)
        done = await night(warehouse, account_of(sandbox), f"night {number}", details=True)
        assert done.summary and done.summary.status == "balanced", done.summary
        assert rows(warehouse, INVENTORY) == rows(undisturbed, INVENTORY)


@pytest.mark.kill
async def test_reconcile_commands_killed_and_begun_again_ends_as_if_undisturbed(
    sandboxes: Callable[..., Sandbox],
    warehouse: Warehouse,
    warehouse_url: str,
    undisturbed: Warehouse,
    secret_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = sandboxes("--set", "commands_per_day=200")
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    account, begin, chance = account_of(sandbox), begin_of(sandbox), random.Random(6)
    for number in range(KILLS):
        sandbox.control("day", {"day": number})
        now = begin + timedelta(days=number + 1)
        for each in (warehouse, undisturbed):
            hear(each, sandbox, now)
            add_from_file(each, sandbox, now)
        await day(undisturbed, account, f"day {number}", now)
        child = start(CHILD, "commands", warehouse_url, secret_key, f"day {number}", now.isoformat())
        time.sleep(chance.uniform(0, 0.8))
        kill(child)
        summary = await day(warehouse, account, f"day {number}", now)
        assert summary.status == "balanced"
        assert rows(warehouse, COMMANDS) == rows(undisturbed, COMMANDS)
