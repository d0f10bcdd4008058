"""What the marts cost: refresh and rebuild, one work order, frames, exports, the report.

``python -m benchmarks.marts`` takes a million steps on SQLite and ten million on a PostgreSQL of its own (20 minutes);
``--steps 200000`` so many on both, ``--url URL`` one database that is there already and empty. CPU is that of this
program and of the whole server of the database.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import text

from benchmarks.marts_data import ACCOUNT, AS_OF, BEGIN, fill
from benchmarks.measure import run, table
from benchmarks.processes import cpu_of, server_of
from tests.support.postgres import OwnPostgres
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.marts.refresh import Refreshed, Rules, rebuild, refresh
from tuyahouse.warehouse.warehouse import Warehouse

SQLITE_STEPS, POSTGRESQL_STEPS = 1_000_000, 10_000_000
ROWS_READ = 1_000_000
T = TypeVar("T")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--steps", type=int)
    given.add_argument("--url", default="")
    asked = given.parse_args()
    if asked.url:
        measure(asked.url, asked.steps or SQLITE_STEPS)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(f"sqlite:///{folder}/marts.db", asked.steps or SQLITE_STEPS)
    postgres = OwnPostgres()
    try:
        measure(postgres.create_database(), asked.steps or POSTGRESQL_STEPS)
    finally:
        postgres.close()


def measure(url: str, wanted: int) -> None:
    warehouse = Warehouse.open(url)
    steps = fill(warehouse, wanted)
    if warehouse.dialect == "postgresql":
        with warehouse.begin() as conn:
            conn.execute(text("ANALYZE"))  # as autovacuum would have by then
    print(f"\n{warehouse.dialect}, {steps:,} steps", flush=True)
    refreshes(warehouse, steps)
    views(warehouse)
    warehouse.close()
    readings(url)
    exports(url)
    report(url)


def refreshes(warehouse: Warehouse, steps: int) -> None:
    rules = Rules()
    begin = time.perf_counter()
    measured("first refresh", warehouse, lambda: refresh(warehouse, ACCOUNT, rules, AS_OF), steps)
    with warehouse.begin() as conn:
        marks.mark_orders(conn, ACCOUNT, ["W0000"], "bench")
    one = measured("refresh of one work order", warehouse, lambda: refresh(warehouse, ACCOUNT, rules, AS_OF), None)
    assert one.orders == 1, one
    measured("rebuild that changes nothing", warehouse, lambda: rebuild(warehouse, ACCOUNT, rules, AS_OF), steps)
    print(f"  in all {time.perf_counter() - begin:.0f} s", flush=True)


def measured(what: str, warehouse: Warehouse, work: Callable[[], Refreshed], steps: int | None) -> Refreshed:
    done, used, wall = timed(warehouse, work)
    count = steps or done.steps
    per_step = ", ".join(f"{1e6 * part / count:.1f}" for part in used)
    print(
        f"  {what}: {1e6 * sum(used) / count:.1f} µs CPU a step (client and server: {per_step}), "
        f"{wall:.2f} s for {count:,} steps, {done.written:,} rows written",
        flush=True,
    )
    return done


def timed(warehouse: Warehouse, work: Callable[[], T]) -> tuple[T, tuple[float, float], float]:
    """What some work returned, its CPU seconds in this program and in the server, and how long it took."""
    server = server_of(warehouse)

    def cpu() -> tuple[float, float]:
        return time.process_time(), cpu_of(server) if server else 0.0

    before, begin = cpu(), time.perf_counter()
    result = work()
    wall = time.perf_counter() - begin
    own, of_server = (after - earlier for after, earlier in zip(cpu(), before, strict=True))
    return result, (own, of_server), wall


def views(warehouse: Warehouse) -> None:
    rows = [["mart, its time (CPU)", "one work order", "whole factory"]]
    for name in ("mart_order", "mart_station_yield", "mart_line_yield", "mart_interval", "mart_wip", "mart_stuck_unit"):
        cells = []
        for where in (" AND order_code = 'W0000'", ""):
            with warehouse.read() as conn:
                query = text(f"SELECT * FROM {name} WHERE account = '{ACCOUNT}'{where}")
                _, used, wall = timed(warehouse, lambda conn=conn, query=query: conn.execute(query).all())
            cells.append(f"{1000 * wall:,.0f} ms ({1000 * sum(used):,.0f})")
        rows.append([name, *cells])
    table("views", rows)


def child(code: str, *arguments: str) -> Any:
    return run("python", "-c", f"import sys\nfrom tuyahouse import frames\n{code}", *arguments)


READ_SQL = """
import pandas, sqlalchemy
from tuyahouse.warehouse.warehouse import Warehouse
columns = [one.name for one in __import__("tuyahouse.warehouse.reading", fromlist=["x"]).query_of("flow_step").fields]
engine = sqlalchemy.create_engine(Warehouse.open(sys.argv[1]).url)
sql = f"SELECT {', '.join(columns)} FROM flow_step ORDER BY account, sn, node, happened_at LIMIT {sys.argv[2]}"
with engine.connect() as conn:
    print(len(pandas.read_sql(sqlalchemy.text(sql), conn)))
"""
WAYS = {
    "nothing (imports alone)": "import pandas, pyarrow, sqlalchemy",
    "pandas.read_sql": READ_SQL,
    "frames.read": "frames.read('flow_step', warehouse=sys.argv[1], limit=int(sys.argv[2]))",
    "frames.chunks": "for part in frames.chunks('flow_step', warehouse=sys.argv[1], limit=int(sys.argv[2])): pass",
    "frames.arrow": "frames.arrow('flow_step', warehouse=sys.argv[1], limit=int(sys.argv[2])).read_all()",
}


def readings(url: str) -> None:
    """A million steps by each way, in a process of its own: the least of three."""
    used = {name: min((child(code, url, str(ROWS_READ)) for _ in range(3)), key=lambda u: u.wall_seconds)
            for name, code in WAYS.items()}  # fmt: skip
    nothing = used["nothing (imports alone)"].wall_seconds
    plain = used["pandas.read_sql"].wall_seconds - nothing
    rows = [["way", "s without imports", "of pandas.read_sql", "CPU s", "peak MB"]]
    for name, one in used.items():
        seconds = one.wall_seconds - nothing
        cells = (f"{seconds:.2f}", f"{seconds / plain:.2f}", f"{one.cpu_seconds:.2f}", f"{one.peak_mb:,.0f}")
        rows.append([name, *cells])
    table(f"reading {ROWS_READ:,} steps", rows)


EXPORT = """
from pathlib import Path
from tuyahouse import export
from tuyahouse.warehouse.warehouse import Warehouse
export.export(Warehouse.open(sys.argv[1]), "flow_step", "bench", Path(sys.argv[2]), until=sys.argv[3])
"""


def exports(url: str) -> None:
    """Memory of files of few and of many steps."""
    rows = [["file", "few steps", "many"]]
    with tempfile.TemporaryDirectory() as folder:
        for suffix, days in (("csv", (2, 10)), ("parquet", (2, 10)), ("xlsx", (2, 4))):
            cells = []
            for count in days:
                until = f"{BEGIN + timedelta(days=count):%Y-%m-%d}"
                used = child(EXPORT, url, f"{folder}/steps.{suffix}", until)
                cells.append(f"{count} days: {used.wall_seconds:.1f} s, peak {used.peak_mb:,.0f} MB")
            rows.append([suffix, *cells])
    table("export of steps", rows)


REPORT = """
from pathlib import Path
from tuyahouse.report import write
from tuyahouse.settings import Account
from tuyahouse.warehouse.warehouse import Warehouse
account = Account(name="bench", client_id="id", client_secret="secret", region="eu")
write(Warehouse.open(sys.argv[1]), account, Path(sys.argv[2]))
"""


def report(url: str) -> None:
    """The report in a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        used = child(REPORT, url, f"{folder}/report.html")
    print(f"\nreport: {used.wall_seconds:.1f} s, {used.cpu_seconds:.1f} s CPU of its own, peak {used.peak_mb:,.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
