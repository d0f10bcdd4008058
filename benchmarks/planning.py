"""What planning a night by pass counts adds to the run it plans: CPU of client and database, and peak memory.

``python -m benchmarks.planning [UNITS …]``. Work orders of a thousand units, all of them open, on both databases. A
night moves one unit in twenty of every order; one in six was asked so long ago that it is due whatever the counts say.
The run asks over HTTP, as ``sync_sn_flows`` does without Prefect. Planning is all of it but the asking and landing of
serial numbers and of pass counts.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from benchmarks import server
from benchmarks.account import environment
from benchmarks.measure import run, table, tuya
from benchmarks.processes import cpu_of, server_of
from tests.support.postgres import OwnPostgres
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import load_settings
from tuyahouse.sync.serial_numbers import staged
from tuyahouse.sync.serial_numbers.came_to import sum_up
from tuyahouse.sync.serial_numbers.chunk import sync_chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.experience import FLOW
from tuyahouse.sync.serial_numbers.plan import Wanted, plan_further, plan_run
from tuyahouse.warehouse.bulk.writer import insert_columns, insert_new
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.serial_numbers import pass_counts
from tuyahouse.warehouse.tables import (
    craft_line,
    craft_line_node,
    flow_step,
    ops_run,
    serial_number,
    station_pass_count,
)
from tuyahouse.warehouse.warehouse import Warehouse

SIZES = (100_000, 1_000_000)
ACCOUNT = "bench"
UNITS = 1_000
MOVED = 50
"""Units of an order that pass a node in a night."""
NODES = server.NODES
NIGHT = 3 * len(range(0, UNITS, MOVED)) + 10
"""All units have passed three nodes by then, half of them a fourth."""
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=NIGHT)
OVERDUE_AFTER = 6


def code_of(order: int) -> str:
    return f"W{order:04}"


def place_of(unit: int, node: int) -> int:
    """Its turn at the node: its number, but at every other node one in fifty is overtaken by the next ten."""
    return unit + {43: 10, 3: -10}.get(unit % MOVED, 0) * (node % 2) if 3 < unit < UNITS - 10 else unit


def passes(unit: int, night: int) -> Iterator[tuple[int, datetime]]:
    """The nodes that a unit passed before that night, and when. Each night fifty units of an order pass a node."""
    for node in range(len(NODES)):
        turn = place_of(unit, node)
        day = node * (UNITS // MOVED) + turn // MOVED
        if day >= night:
            return
        yield node, BEGIN + timedelta(days=day, hours=6, minutes=turn % MOVED)


class Answers(server.Answers):
    """Those of a factory in the night that is measured."""

    def to(self, target: bytes, body: bytes) -> bytes:
        asked = json.loads(body) if body else {}
        if target.startswith(b"/v1.0/pms/production/station/pass/amount"):
            done = NIGHT - NODES.index(asked["stationCode"]) * (UNITS // MOVED)
            return server.envelope(max(min(done * MOVED, UNITS), 0))
        if target.startswith(server.FLOWS):
            return server.envelope(_steps(asked["sn"]))
        return super().to(target, body)


def _steps(sn: str) -> list[dict[str, object]]:
    same = {"orderCode": sn[:5], "sn": sn, "craftLineCode": "CL-BENCH", "status": True}
    return [
        {**same, "node": NODES[node], "time": round(at.timestamp() * 1000)} for node, at in passes(int(sn[5:]), NIGHT)
    ]


# ------------------------------------------------------------------------------------------------------- the warehouse


def fill(warehouse: Warehouse, units: int) -> None:
    """The state before the night: what the night before had found, counts that have proved true, a night's experience.

    The fingerprints are those of nothing, so that the answer of one that did not move is read and compared once more.
    """
    for order in range(units // UNITS):
        _order(warehouse, code_of(order))
    with warehouse.begin() as conn:
        pass_counts.set_trust(conn, ACCOUNT, pass_counts.Trust("passed", 2))
        before = runs.begin_run(conn, ACCOUNT, FLOW, "the night before", {}, now=NOW - timedelta(days=1))
        asked = {"strategy": "pass_counts", "waited": units, "chunks": {"0": {"moved": units // 20}}}
        runs.set_parameters(conn, before.run_id, {"stages": asked})
        conn.execute(ops_run.update().values(planned=units // 20, asked=units // 20, answered=units // 20))
    with warehouse.begin() as conn:
        conn.execute(text("ANALYZE"))


def _order(warehouse: Warehouse, code: str) -> None:
    line = (ACCOUNT, code, "CL-BENCH", "production", NODES[-1])
    nodes = [(ACCOUNT, code, node, sort) for sort, node in enumerate(NODES, 1)]
    columns = ("account", "sn", "order_code", "state", "added_at", "last_asked_at", "last_changed_at")
    yesterday = NOW - timedelta(days=1)
    asked = [yesterday - timedelta(days=unit * 7 % OVERDUE_AFTER) for unit in range(UNITS)]
    units = [(ACCOUNT, f"{code}{unit:04}", code, "open", BEGIN, at, yesterday) for unit, at in enumerate(asked)]
    steps = [(f"{code}{unit:04}", NODES[node], at) for unit in range(UNITS) for node, at in passes(unit, NIGHT - 1)]
    same = {"account": ACCOUNT, "order_code": code, "craft_line_code": "CL-BENCH", "status": True, "seen_at": NOW}
    counts = [
        (ACCOUNT, code, node, NOW - timedelta(days=1), n, n)
        for place, node in enumerate(NODES)
        for n in [max(min((NIGHT - 1 - place * (UNITS // MOVED)) * MOVED, UNITS), 0)]
    ]
    with warehouse.begin() as conn:
        insert_new(conn, craft_line, ("account", "order_code", "craft_line_code", "type", "last_node"), [line])
        insert_new(conn, craft_line_node, ("account", "order_code", "node", "sort"), nodes)
        insert_new(conn, serial_number, columns, units)
        by_column = dict(zip(("sn", "node", "happened_at"), map(list, zip(*steps, strict=True)), strict=True))
        insert_columns(conn, flow_step, by_column, same=same)
        insert_new(conn, station_pass_count, ("account", *pass_counts.Count._fields), counts)


# ----------------------------------------------------------------------------------------------------------- the night


class Meter:
    """CPU seconds of this process and of the database, by what they were used for."""

    def __init__(self, database: psutil.Process | None) -> None:
        self.used = {"planning": [0.0, 0.0], "asking": [0.0, 0.0]}
        self._database, self._since, self._now = database, self._read(database), "planning"

    @staticmethod
    def _read(database: psutil.Process | None) -> tuple[float, float]:
        return time.process_time(), cpu_of(database) if database else 0.0

    def change(self, to: str) -> None:
        read = self._read(self._database)
        for place in (0, 1):
            self.used[self._now][place] += read[place] - self._since[place]
        self._since, self._now = read, to

    @contextmanager
    def asking(self) -> Iterator[None]:
        self.change("asking")
        yield
        self.change("planning")


async def night(into: Path) -> None:
    """What the flow ``sync_sn_flows`` does; writes into a file what it used."""
    settings = load_settings()
    assert settings.secret_key is not None
    account = settings.account(ACCOUNT)
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key.get_secret_value())
    with warehouse.begin() as conn:
        this = runs.begin_run(conn, ACCOUNT, FLOW, "tonight", {}, now=NOW)
    lines, keys, stages = CraftLines(warehouse, this), 0, 0
    meter = Meter(server_of(warehouse))
    ask_counts = staged.ask_counts

    async def asked(*arguments: Any, **options: Any) -> Any:
        with meter.asking():
            return await ask_counts(*arguments, **options)

    staged.ask_counts = asked

    @asynccontextmanager
    async def client() -> AsyncIterator[TuyaClient]:
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots.of_run(this.run_id)) as opened:
            yield opened

    plan: Callable[..., Any] = plan_run
    while True:
        await staged.count_passes(client, warehouse, account, this, this.present())
        planned = plan(warehouse, settings, account, this, Wanted(), this.present())
        with meter.asking():
            async with client() as opened:
                for chunk in run_chunks.open_chunks(warehouse, this.run_id):
                    await sync_chunk(opened, lines, chunk, workers=account.concurrency)
        keys, stages = keys + planned.keys, stages + 1
        if stages > 1 and not planned.keys:
            break
        plan = plan_further
    came_to = sum_up(warehouse, account, this, this.present())
    runs.finish_run(warehouse, this.run_id, "balanced")
    meter.change("asking")
    assert came_to and came_to.reasons["moved"] >= len(came_to.reasons) and not came_to.trust.fell_at, came_to
    told = {"keys": keys, "stages": stages, "counts": came_to.counts, "reasons": came_to.reasons, **meter.used}
    into.write_text(json.dumps(told))
    warehouse.close()


def measured(database: str, units: int, base_url: str, into: Path) -> list[str]:
    env = environment(base_url, database)
    for name in [name for name in env if name.startswith("TUYAHOUSE_PLAN__")]:
        del env[name]
    warehouse = Warehouse.open(database, env["TUYAHOUSE_SECRET_KEY"])
    fill(warehouse, units)
    warehouse.close()
    usage = run("python", "-m", "benchmarks.planning", "night", str(into), env=env)
    told = json.loads(into.read_text())
    planning, asking = told["planning"], told["asking"]
    share = sum(planning) / (sum(planning) + sum(asking))
    return [
        database.partition(":")[0],
        f"{units:,} in {units // UNITS:,}",
        f"{told['keys']:,} and {told['counts']:,} counts",
        str(told["stages"]),
        f"{sum(planning):.1f} s ({planning[0]:.1f} + {planning[1]:.1f})",
        f"{sum(asking):.1f} s ({asking[0]:.1f} + {asking[1]:.1f})",
        f"{share:.1%}",
        f"{usage.peak_mb:.0f} MB",
    ]


def main(sizes: tuple[int, ...] = SIZES) -> None:
    head = ["database", "open in orders", "asked", "stages", "planning (client + database)", "asking", "share", "peak"]
    rows, postgres = [head], OwnPostgres()
    with tempfile.TemporaryDirectory() as home, tuya("benchmarks.planning", "serve") as base_url:
        for name in ("sqlite", "postgresql"):
            for units in sizes:
                path = Path(home) / f"{units}.db"
                url = f"sqlite:///{path}" if name == "sqlite" else postgres.create_database()
                rows.append(measured(url, units, base_url, Path(home) / "told.json"))
                path.unlink(missing_ok=True)
    postgres.close()
    table("CPU of planning a night by pass counts, and of the run it plans", rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(server.main(Answers()))
    elif sys.argv[1:2] == ["night"]:
        asyncio.run(night(Path(sys.argv[2])))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)
