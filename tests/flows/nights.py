"""A night of serial numbers against the sandbox, step by step as the flow does it, without Prefect.

Run as a module it is that night in a process of its own, which says ``ready`` and then works until it is done or
killed: ``python -m tests.flows.nights RUN_KEY [WORK_ORDER …]``, with the settings in the environment.
"""

import asyncio
import csv
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from tests.support.sandbox import Sandbox
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import Settings, load_settings
from tuyahouse.settings.policies import PlanPolicy
from tuyahouse.sync.night import PARTS
from tuyahouse.sync.serial_numbers import register as serial_numbers
from tuyahouse.sync.serial_numbers.chunk import sync_chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.plan import Wanted, plan_run
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.tables import ops_dead_letter
from tuyahouse.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
FLOW = PARTS[0]
DUE = Wanted()
ALWAYS_DUE = PlanPolicy(
    open_after=timedelta(0), unknown_after=timedelta(0), finished_after=timedelta(0), finished_factor=1
)


def settings_of(sandbox: Sandbox, *, chunk_size: int = 50, plan: PlanPolicy = ALWAYS_DUE, **account: Any) -> Settings:
    """Settings that reach the sandbox, unpaced; every serial number is always due."""
    values = {"calls_per_second": 0.0, "concurrency": 8, "attempts": 3, "project_ids": ()} | account
    accounts = {"demo": sandbox.account.model_copy(update=values)}
    return load_settings(accounts=accounts, chunk_size=chunk_size, plan=plan)


def environment_of(sandbox: Sandbox, warehouse_url: str, secret_key: str, **extra: str) -> dict[str, str]:
    """The same as variables, for a process of its own; without devices, and without pass counts beside the calls."""
    variables = sandbox.environment(
        TUYAHOUSE_WAREHOUSE_URL=warehouse_url,
        TUYAHOUSE_SECRET_KEY=secret_key,
        TUYAHOUSE_CHUNK_SIZE="50",
        TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND="0",
        TUYAHOUSE_ACCOUNTS__DEMO__CONCURRENCY="8",
        TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS="",
        TUYAHOUSE_ACCOUNTS__DEMO__STRATEGY="stale",
        TUYAHOUSE_PLAN__OPEN_AFTER="0s",
        TUYAHOUSE_PLAN__UNKNOWN_AFTER="0s",
        TUYAHOUSE_PLAN__FINISHED_AFTER="0s",
        TUYAHOUSE_PLAN__FINISHED_FACTOR="1",
    )
    return variables | extra


def units(sandbox: Sandbox) -> list[tuple[str, str]]:
    """(serial number, work order) of every unit of the factory."""
    return [(each["sn"], each["order_code"]) for each in sandbox.lines("truth/serial-numbers")]


def begun_units(sandbox: Sandbox) -> list[tuple[str, str]]:
    """The same of the work orders that have begun, as the file names them that a factory's own system would send."""
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/serial-numbers.csv", timeout=60) as answer:
        return [(sn, order) for sn, order in csv.reader(answer.read().decode().splitlines()[1:])]


def register(warehouse: Warehouse, sns: Iterable[str | tuple[str, str]]) -> None:
    """Into the registry of account demo; a pair is a serial number with its work order."""
    rows = (serial_numbers.entry("test", *([one] if isinstance(one, str) else one)) for one in sns)
    serial_numbers.register(warehouse, "demo", rows, "test")


async def night(
    warehouse: Warehouse, settings: Settings, run_key: str, wanted: Wanted = DUE, now: datetime | None = None
) -> runs.Summary:
    """Plan or go on, ask every open chunk, two at once, and close the run.

    Raises:
        TuyaError: what stopped it, after what was answered until then was committed.
    """
    account = settings.account("demo")
    with warehouse.begin() as conn:
        run = runs.begin_run(conn, "demo", FLOW, run_key, {}, now=now)
    if run.planned is None:
        plan_run(warehouse, settings, account, run, wanted, now or datetime.now(UTC))
    lines, chunks = CraftLines(warehouse, run), iter(run_chunks.open_chunks(warehouse, run.run_id))

    async def work() -> None:
        for chunk in chunks:
            async with TuyaClient.open(account, warehouse.tokens, warehouse.slots.of_run(run.run_id)) as client:
                await sync_chunk(client, lines, chunk, workers=4)

    ended = await asyncio.gather(work(), work(), return_exceptions=True)
    if errors := [error for error in ended if error is not None]:
        runs.finish_run(warehouse, run.run_id, "failed")
        raise errors[0]
    if missing := lines.missing():
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
            await lines.fetch(client, missing)
    return runs.finish_run(warehouse, run.run_id, "balanced")


def rows(warehouse: Warehouse, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    """All rows of a table in the order of its key; these columns only, or all of them."""
    chosen = [table.c[name] for name in columns] or list(table.c)
    with warehouse.read() as conn:
        return [tuple(row) for row in conn.execute(select(*chosen).order_by(*table.primary_key.columns))]


def open_dead_letters(warehouse: Warehouse, kind: str = "sn_flows") -> dict[str, str]:
    """Key → reason of the dead letters that are not resolved."""
    letter = ops_dead_letter.c
    wanted = select(letter.key, letter.reason).where(letter.kind == kind, letter.resolved_at.is_(None))
    with warehouse.read() as conn:
        return {row.key: row.reason for row in conn.execute(wanted)}


def change(warehouse: Warehouse, table: Any, **values: Any) -> None:
    """Set columns of all rows."""
    with warehouse.begin() as conn:
        conn.execute(update(table).values(**values))


def start_night(env: Mapping[str, str], *arguments: str) -> "subprocess.Popen[str]":
    """This module in a process of its own; returns once it is about to begin."""
    command = [sys.executable, "-m", "tests.flows.nights", *arguments]
    process = subprocess.Popen(command, env=dict(env), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def main(run_key: str, *work_orders: str) -> None:
    settings = load_settings()
    assert settings.secret_key
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key.get_secret_value())
    print("ready", flush=True)
    asyncio.run(night(warehouse, settings, run_key, Wanted(work_orders=list(work_orders)) if work_orders else DUE))


if __name__ == "__main__":
    main(*sys.argv[1:])
