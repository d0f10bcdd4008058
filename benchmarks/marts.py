"""What a refresh of the marts costs: CPU a step, a second refresh, a rebuild, the answer to one work order, the report.

``python -m benchmarks.marts [--steps 200000] [--url URL]``; without a URL a SQLite file. On PostgreSQL the server's CPU
is not counted: read the wall time there.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from tuyahouse.warehouse.bulk.writer import insert_columns, insert_new
from tuyahouse.warehouse.marts.refresh import Rules, rebuild, refresh
from tuyahouse.warehouse.tables import craft_line, craft_line_node, flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

NODES, UNITS = 8, 1_000
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
AS_OF = BEGIN + timedelta(days=60)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--steps", type=int, default=200_000)
    given.add_argument("--url", default="")
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse.open(asked.url or f"sqlite:///{folder}/marts.db")
        orders = fill(warehouse, asked.steps)
        steps = orders * UNITS * NODES
        print(f"{warehouse.dialect}, {steps:,} steps of {orders} work orders")
        measured("first refresh", lambda: refresh(warehouse, "bench", Rules(), AS_OF), steps)
        with warehouse.begin() as conn:
            conn.execute(text("INSERT INTO ops_mart_dirty VALUES ('bench', 'W0000', 'x')"))
        measured("refresh of one work order", lambda: refresh(warehouse, "bench", Rules(), AS_OF), UNITS * NODES)
        measured("rebuild that changes nothing", lambda: rebuild(warehouse, "bench", Rules(), AS_OF), steps)
        for name in ("mart_order", "mart_station_yield", "mart_interval", "mart_wip"):
            for what, where in (("one work order", " AND order_code = 'W0000'"), ("whole factory", "")):
                with warehouse.read() as conn:
                    begin = time.perf_counter()
                    conn.execute(text(f"SELECT * FROM {name} WHERE account = 'bench'{where}")).all()
                    print(f"  {name}, {what}: {1000 * (time.perf_counter() - begin):,.0f} ms")
        url = str(asked.url or f"sqlite:///{folder}/marts.db")
        warehouse.close()
        _report(url)


REPORT = """
import resource, sys, time
from pathlib import Path
from tuyahouse.report import write
from tuyahouse.settings import Account
from tuyahouse.warehouse.warehouse import Warehouse
begin = time.perf_counter()
account = Account(name="bench", client_id="id", client_secret="secret", region="eu")
built = write(Warehouse.open(sys.argv[1]), account, Path(sys.argv[2]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(f"  report: {time.perf_counter() - begin:.1f} s, {time.process_time():.1f} s CPU, peak {peak:,.0f} MB, "
      f"{built.size / 1000:,.0f} kB")
"""


def _report(url: str) -> None:
    """The report in a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", REPORT, url, f"{folder}/report.html"], check=True)


def measured(what: str, work: Callable[[], Any], steps: int) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    done = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"  {what}: {1e6 * cpu / steps:.1f} µs CPU, {1e6 * wall / steps:.1f} µs wall a step; {done.written:,} rows")


def fill(warehouse: Warehouse, steps: int) -> int:
    """Work orders of a thousand units and eight nodes; one attempt in fifteen fails and is repeated later."""
    orders = max(1, steps // (UNITS * NODES))
    for number in range(orders):
        code = f"W{number:04}"
        with warehouse.begin() as conn:
            insert_new(
                conn,
                craft_line,
                ("account", "order_code", "craft_line_code", "last_node"),
                [("bench", code, "L", f"n{NODES}")],
            )
            nodes = [("bench", code, f"n{node}", node) for node in range(1, NODES + 1)]
            insert_new(conn, craft_line_node, ("account", "order_code", "node", "sort"), nodes)
            sns = [f"{code}{unit:05}" for unit in range(UNITS)]
            units = [("bench", sn, code, "open", BEGIN, AS_OF) for sn in sns]
            names = ("account", "sn", "order_code", "state", "added_at", "last_asked_at")
            insert_new(conn, serial_number, names, units)
            rows = list(_steps(sns, number))
            columns = dict(
                zip(("sn", "node", "happened_at", "status"), map(list, zip(*rows, strict=True)), strict=True)
            )
            insert_columns(conn, flow_step, columns, same={"account": "bench", "order_code": code, "seen_at": AS_OF})
    return orders


def _steps(sns: list[str], number: int) -> Iterator[tuple[str, str, datetime, bool]]:
    for place, sn in enumerate(sns):
        at = BEGIN + timedelta(hours=number % 1_000, minutes=3 * place)
        for node in range(1, NODES + 1):
            at += timedelta(minutes=20 + (place * node) % 90)
            yield sn, f"n{node}", at, (place + node) % 15 != 0


if __name__ == "__main__":
    main()
