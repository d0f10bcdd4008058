"""A day of following commands against the sandbox, as the flow does it, without Prefect."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.sandbox import Sandbox
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import Account, CommandPolicy
from tuyahouse.sync.commands.ask import ask_chunk
from tuyahouse.sync.commands.plan import plan_asking
from tuyahouse.sync.commands.reconcile import reconcile, rules_of
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.tables import command_observation
from tuyahouse.warehouse.warehouse import Warehouse

POLICY = CommandPolicy(deadline=timedelta(hours=1), give_up_after=timedelta(days=60), ask_at_most=timedelta(hours=20))


def told(sandbox: Sandbox) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/truth/commands", timeout=60) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def hear(warehouse: Warehouse, sandbox: Sandbox, now: datetime) -> None:
    """Store what messages told by now, as the message stream does."""
    rows = [
        (
            "demo",
            each["command_sn"],
            "message",
            said["process_status"],
            when(said["happen_time"]),
            each["device_id"],
            now,
        )
        for each in told(sandbox)
        if (said := each["message"])
    ]
    columns = ("account", "command_sn", "source", "process_status", "happened_at", "device_id", "observed_at")
    with warehouse.begin() as conn:
        insert_new(conn, command_observation, columns, rows)


async def day(
    warehouse: Warehouse, account: Account, run_key: str, now: datetime, given: list[str] | None = None
) -> runs.Summary:
    run = runs.start_run(warehouse, "demo", "reconcile_commands", run_key, {})
    if run.planned is None:
        plan_asking(
            warehouse, account, run, POLICY, command_sns=given, limit=None, chunk_size=100, now=now
        )  # fmt: skip
    for chunk in run_chunks.open_chunks(warehouse, run.run_id):
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
            await ask_chunk(client, warehouse, run, chunk, workers=8, now=lambda: now)
    reconcile(warehouse, run, rules_of(POLICY), now=now)
    return runs.finish_run(warehouse, run.run_id, "balanced")


def add_from_file(warehouse: Warehouse, sandbox: Sandbox, now: datetime) -> None:
    """Follow every command issued so far: numbers of those whose every message was lost come from a file."""
    with warehouse.begin() as conn:
        records.add(conn, "demo", [(each["command_sn"], None) for each in told(sandbox)], "file", now, None)


def begin_of(sandbox: Sandbox) -> datetime:
    """Midnight at which the sandbox's day 0 begins."""
    return when(told(sandbox)[0]["issued_ms"]).replace(hour=0, minute=0, second=0, microsecond=0)
