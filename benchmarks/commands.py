"""Learning and deciding commands from the reports of API and messages, on both databases at two sizes.

``python -m benchmarks.commands [scattered]``. Three observations for each command (sent, then a result, from both
sides), stored as they come in: in the order of time, which is that of Tuya's record numbers. ``scattered`` stores them
in random order instead, the worst that a file can do to SQLite.
"""

import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.account import environment
from benchmarks.measure import Usage, run, table
from tests.support.postgres import OwnPostgres
from tuyahouse.settings import load_settings
from tuyahouse.sync.commands.reconcile import learn_observed, reconcile, rules_of
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

FEW, MANY = 100_000, 1_000_000
TIMES = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', '2026-11-20', (n / 100 + later) || ' seconds')"
    " || printf('.%02d0000', n % 100)",
    "postgresql": "timestamptz '2026-11-20 00:00:00+00' + n * interval '10 milliseconds' + later * interval '1 second'",
}


def fill(dialect: str, count: int, order: str) -> str:
    """The observations of that many commands, which are not followed yet."""
    time_said = TIMES[dialect]
    return f"""
        INSERT INTO command_observation
            (account, command_sn, source, process_status, happened_at, device_id, observed_at)
        WITH RECURSIVE
            number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count}),
            said (source, status, later) AS (VALUES ('message', 2, 0), ('message', 4, 1), ('api', 3, 2))
        SELECT 'bench', CAST(1461537485292300000 + n AS TEXT), source,
            CASE WHEN status = 4 AND n % 10 > 0 THEN 3 ELSE status END, {time_said}, 'bf' || n % 2000, {time_said}
        FROM number CROSS JOIN said ORDER BY {order}"""


def work(what: str) -> None:
    """What a child does, as the flow reconcile_commands does it: learn which commands there are, or decide all."""
    settings = load_settings()
    assert settings.secret_key is not None
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key.get_secret_value())
    run = runs.Run("bench", "reconcile_commands", "bench", "bench")
    if what == "learn":
        learn_observed(warehouse, run)
    else:
        reconcile(warehouse, run, rules_of(settings.commands), now=datetime.now(UTC))
    warehouse.close()


class Peak:
    """The largest size of something while the block ran, in MB."""

    mb = 0.0

    @contextmanager
    def watch(self, server: int | None, log: Path) -> Iterator[None]:
        """Watch the sessions of a PostgreSQL server, shared buffers left out, or else the log beside a SQLite file."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.05):
                self.mb = max(self.mb, _sessions_mb(server) if server else _size_mb(log))

        watcher = threading.Thread(target=look)
        watcher.start()
        yield
        over.set()
        watcher.join()


def _size_mb(file: Path) -> float:
    return file.stat().st_size / 2**20 if file.exists() else 0.0


def _sessions_mb(server: int) -> float:
    """Private memory of the server's largest process."""
    sizes = [0]
    for child in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        try:
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
        except OSError:
            continue
        sizes += [int(line.split()[1]) for line in lines if line.startswith("RssAnon")]
    return max(sizes) / 1024


def measured(database: str, count: int, order: str, server: int | None) -> tuple[list[Usage], Peak]:
    """Learn that many commands, decide them, and decide them again with nothing new; with the database's own peak."""
    env = environment("http://127.0.0.1", database)
    Warehouse.open(database, env["TUYAHOUSE_SECRET_KEY"]).close()
    file, peak = Path(database.removeprefix("sqlite:///")), Peak()
    if server:
        with psycopg.connect(database) as connection:
            connection.execute(fill("postgresql", count, order).encode())
            connection.execute("ANALYZE command_observation")
    else:
        connection = sqlite3.connect(file)
        connection.executescript(f"PRAGMA cache_size = -400000; {fill('sqlite', count, order)}")
        connection.close()
    with peak.watch(server, file.with_name(f"{file.name}-wal")):
        usages = [run("python", "-m", "benchmarks.commands", what, env=env) for what in ("learn", "decide", "decide")]
    return usages, peak


def main(order: str = "n, later") -> None:
    heads = ["database", "commands", "observations", "learn", "decide", "again, unchanged", "a command", "peak memory"]
    rows = [[*heads, "of the database"]]
    postgres = OwnPostgres()
    for dialect in TIMES:
        for count in (FEW, MANY):
            with tempfile.TemporaryDirectory() as directory:
                server = postgres.pid if dialect == "postgresql" else None
                database = postgres.create_database() if server else f"sqlite:///{directory}/warehouse.db"
                usages, peak = measured(database, count, order, server)
            if server:
                postgres.drop_database(database)
            _learn, first, _again = usages
            rows.append(
                [
                    dialect,
                    f"{count:,}",
                    f"{3 * count:,}",
                    *[f"{usage.wall_seconds:.1f} s" for usage in usages],
                    f"{first.wall_seconds / count * 1e6:.0f} µs",
                    f"{max(usage.peak_mb for usage in usages):.0f} MB",
                    f"{'session' if server else 'log'} {peak.mb:.0f} MB",
                ]
            )
    postgres.close()
    table("Reconciling commands", rows)


if __name__ == "__main__":
    if sys.argv[1:] in (["learn"], ["decide"]):
        work(sys.argv[1])
    else:
        main("random()" if sys.argv[1:] == ["scattered"] else "n, later")
