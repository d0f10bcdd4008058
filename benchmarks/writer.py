"""Rows a second into ``flow_step``, compared with the shortest hand-written way of the same database.

Run: ``python -m benchmarks.writer [--rows N] [--postgres URL]``.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.values import sqlite_time
from tuyahouse.warehouse.tables import flow_step
from tuyahouse.warehouse.warehouse import Warehouse

START = datetime(2026, 11, 20, tzinfo=UTC)
COLUMNS = (
    "account",
    "sn",
    "node",
    "happened_at",
    "order_code",
    "craft_line_code",
    "node_desc",
    "request_id",
    "status",
    "first_run",
)
KEY = "account, sn, node, happened_at"
CHUNK = 8000
Rows = list[tuple[Any, ...]]
Write = Callable[[Rows], None]


def make_rows(count: int) -> Rows:
    """Eight steps for each serial number."""
    return [
        (
            "factory",
            f"YZCB04ZZR{n // 8:07}",
            f"NODE{n % 8}",
            START + timedelta(seconds=n),
            f"MO-{n // 80000:05}",
            "LINE-A",
            "a station",
            f"request-{n}",
            n % 7 != 0,
            "run-1",
        )
        for n in range(count)
    ]


def chunks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def ours(warehouse: Warehouse, rows: Rows) -> None:
    scopes = sorted({row[:2] for row in rows})
    with warehouse.begin() as conn:
        writer.replace_set(
            conn,
            flow_step,
            COLUMNS,
            rows,
            scope=("account", "sn"),
            scopes=scopes,
            gone="gone_at",
            at=START,
            first=("first_run",),
        )


def copy_and_upsert(connection: "psycopg.Connection[Any]", rows: Rows) -> None:
    """The shortest way on PostgreSQL: COPY BINARY to a temporary table, INSERT … ON CONFLICT with the guard."""
    names = ", ".join(COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[4:9])
    stored, sent = (", ".join(f"{of}.{name}" for name in COLUMNS[4:9]) for of in ("t", "excluded"))
    differs = f"({stored}) IS DISTINCT FROM ({sent})"
    types = ["text", "text", "text", "timestamptz", "text", "text", "text", "text", "bool", "text"]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE s ON COMMIT DROP AS SELECT {names} FROM flow_step LIMIT 0")
        with cursor.copy(f"COPY s ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO flow_step AS t ({names}) SELECT DISTINCT ON ({KEY}) {names} FROM s ORDER BY {KEY} "
            f"ON CONFLICT ({KEY}) DO UPDATE SET {changes} WHERE {differs}"
        )


def executemany(connection: sqlite3.Connection, rows: Rows) -> None:
    """The shortest way on SQLite: the driver's executemany with an upsert."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[4:9])
    differs = " OR ".join(f"excluded.{name} IS NOT flow_step.{name}" for name in COLUMNS[4:9])
    statement = (
        f"INSERT INTO flow_step ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * 10)}) "
        f"ON CONFLICT DO UPDATE SET {changes} WHERE {differs}"
    )
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(statement, [(*row[:3], sqlite_time(row[3]), *row[4:]) for row in rows])
    connection.execute("COMMIT")


def compare(name: str, rows: Rows, mine: Write, theirs: Write) -> None:
    """Both write the same chunks in turn, so that other work on the machine disturbs both; then all once more."""
    for what in ("first load", "unchanged "):
        spent = [0.0, 0.0]
        for chunk in chunks(rows):
            for place, write in enumerate((mine, theirs)):
                begin = time.perf_counter()
                write(chunk)
                spent[place] += time.perf_counter() - begin
        speeds = [len(rows) / seconds for seconds in spent]
        print(
            f"{name:10} {what}  tuyahouse {speeds[0]:>8,.0f} rows/s  by hand {speeds[1]:>8,.0f} rows/s  "
            f"{spent[0] / spent[1]:.2f}x the time of the hand-written",
            flush=True,
        )


def on_sqlite(rows: Rows) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse.open(f"sqlite:///{Path(folder) / 'ours.db'}")
        other = Path(folder) / "theirs.db"
        Warehouse.open(f"sqlite:///{other}").close()
        connection = sqlite3.connect(other, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        compare("SQLite", rows, partial(ours, warehouse), partial(executemany, connection))
        connection.close()
        warehouse.close()


def on_postgres(url: str, rows: Rows) -> None:
    with fresh_database(url) as one, fresh_database(url) as two:
        warehouse = Warehouse.open(one)
        Warehouse.open(two).close()
        with psycopg.connect(two, autocommit=True) as connection:
            compare("PostgreSQL", rows, partial(ours, warehouse), partial(copy_and_upsert, connection))
        warehouse.close()


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    from tests.support.postgres import Postgres

    server = Postgres(url)
    database = server.create_database()
    yield database
    server.drop_database(database)


@contextmanager
def a_postgres(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    from tests.support.postgres import OwnPostgres

    server = OwnPostgres()
    yield server.url
    server.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=160_000)
    options.add_argument("--postgres", help="URL of a server on which databases may be made; default: one of our own")
    chosen = options.parse_args()
    rows = make_rows(chosen.rows)
    on_sqlite(rows)
    with a_postgres(chosen.postgres) as url:
        on_postgres(url, rows)


if __name__ == "__main__":
    main()
