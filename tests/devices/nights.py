"""A night of the device inventory against the sandbox, as the flow does it, without Prefect."""

import json
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from tests.support.sandbox import Sandbox
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import Account
from tuyahouse.sync.devices.chunks import details_chunk, is_list, list_chunk
from tuyahouse.sync.devices.listing.ledger import ListRead
from tuyahouse.sync.devices.plan import Concluded, chosen_projects, conclude, plan_lists
from tuyahouse.sync.messages.close_gaps import close_answered_gaps
from tuyahouse.warehouse.database.dialect import join_as_sets
from tuyahouse.warehouse.devices import from_messages
from tuyahouse.warehouse.devices.history import follow
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.tables import device, device_history
from tuyahouse.warehouse.warehouse import Warehouse


def account_of(sandbox: Sandbox, **changes: Any) -> Account:
    """The sandbox's account, unpaced, with both of its projects."""
    told = {"calls_per_second": 0, "project_ids": ("north-hall", "south-hall"), "concurrency": 4, "attempts": 3}
    return sandbox.account.model_copy(update=told | changes)


@dataclass(slots=True)
class Night:
    """What a night brought."""

    lists: list[ListRead | None] = field(default_factory=list)
    concluded: Concluded | None = None
    summary: runs.Summary | None = None
    calls: int = 0


async def night(
    warehouse: Warehouse, account: Account, run_key: str, *, details: bool = False, full: bool = False
) -> Night:
    """Lists, conclusions and, if wanted, details of one run."""
    done = Night()
    projects = chosen_projects(account, None)
    run = runs.start_run(warehouse, account.name, "sync_devices", run_key, {})
    if run.planned is None:
        plan_lists(warehouse, account, run, projects, datetime.now(UTC))
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        for chunk in run_chunks.open_chunks(warehouse, run.run_id):
            if not is_list(warehouse, run.run_id, chunk):
                continue
            done.lists.append(await list_chunk(client, warehouse, account, run, chunk))
        now = datetime.now(UTC)
        done.concluded = conclude(warehouse, run, projects, full=full, chunk_size=100, at=now)
        done.calls = client.calls
    for chunk in run_chunks.open_chunks(warehouse, run.run_id) if details else ():
        if is_list(warehouse, run.run_id, chunk):
            continue
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
            await details_chunk(client, warehouse, account, run, chunk, workers=4)
    close_answered_gaps(warehouse, account, datetime.now(UTC))
    done.summary = runs.finish_run(warehouse, run.run_id, "balanced")
    return done


def truth(sandbox: Sandbox, what: str) -> list[dict[str, Any]]:
    """Lines of /sandbox/truth/{what}."""
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/truth/{what}", timeout=60) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def inventory(warehouse: Warehouse, *, gone: bool = False) -> dict[str, dict[str, Any]]:
    """The devices that are there, or those that vanished, by id."""
    condition = device.c.vanished_at.is_not(None) if gone else device.c.vanished_at.is_(None)
    with warehouse.read() as conn:
        return {row.device_id: dict(row._mapping) for row in conn.execute(select(device).where(condition))}


def history(warehouse: Warehouse) -> dict[str, list[tuple[str | None, str | None]]]:
    """The history of each device: (changed columns, why the row ended), oldest first."""
    rows: dict[str, list[tuple[str | None, str | None]]] = {}
    with warehouse.read() as conn:
        order = (device_history.c.device_id, device_history.c.valid_from)
        for row in conn.execute(select(device_history).order_by(*order)):
            rows.setdefault(row.device_id, []).append((row.changed_columns, row.ended_by))
    return rows


def apply_messages(warehouse: Warehouse, account: str, run_id: str) -> int:
    """Apply messages as the end of a night does; returns how many devices changed."""
    with warehouse.begin() as conn:
        join_as_sets(conn)
        changed = from_messages.apply_messages(conn, account, run_id)
        follow(conn, account)
    return changed
