"""The writer on SQLite: the driver's ``executemany``, under the write lock that ``Warehouse.begin`` took.

One pass: an upsert that writes only what differs. The driver counts rows written; the greatest rowid, which no other
process can change under the write lock, shows how many of them are new.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from tuyahouse.warehouse.bulk.batch import Shape, Written
from tuyahouse.warehouse.database.values import Row


def upsert(conn: Connection, shape: Shape, rows: Sequence[Row], constants: Row) -> Written:
    before = _greatest_rowid(conn, shape)
    touched = _many(conn, _upsert_sql(shape), rows, constants)
    inserted = _greatest_rowid(conn, shape) - before
    return Written(inserted, touched - inserted, len(rows) - touched)


def replace_set(
    conn: Connection,
    shape: Shape,
    rows: Sequence[Row],
    scope: tuple[str, ...],
    scopes: Sequence[Row],
    marks: Mapping[str, Any],
    constants: Row,
) -> Written:
    written = upsert(conn, shape, rows, constants)
    missing = list(_missing(conn, replace(shape, constant=()), rows, constants, scope, scopes))
    written.retired = _many(conn, _retire_sql(shape, tuple(marks)), [(*marks.values(), *key) for key in missing])
    return written


def _missing(
    conn: Connection,
    shape: Shape,
    rows: Sequence[Row],
    constants: Row,
    scope: tuple[str, ...],
    scopes: Sequence[Row],
) -> Iterator[Row]:
    """Keys that the scopes hold and the rows do not. Nearly always the counts agree, and there are none."""
    scope_of = itemgetter(*map(shape.place, scope), shape.place(scope[0]))  # repeated, so that it is always a tuple
    sizes = Counter(row[:-1] for row in map(scope_of, _whole(rows, constants)))
    current: set[Row] = set()
    cursor = driver(conn).cursor()
    for one in scopes:
        if cursor.execute(_live_sql(shape, scope, "count(*)"), one).fetchone() != (sizes[one],):
            current = current or set(map(shape.key_of(), _whole(rows, constants)))
            stored = cursor.execute(_live_sql(shape, scope, _list(shape.key)), one).fetchall()
            yield from (key for key in stored if key not in current)


def update(conn: Connection, shape: Shape, rows: Sequence[Row], fill: frozenset[str]) -> int:
    changed = shape.compared
    arranged = itemgetter(*[shape.place(name) for name in (*changed, *shape.key, *changed)])
    return _many(conn, _update_sql(shape, fill), [arranged(row) for row in rows])


def insert_new(conn: Connection, shape: Shape, rows: Sequence[Row], constants: Row) -> int:
    return _many(conn, f"{_insert_sql(shape)} ON CONFLICT DO NOTHING", rows, constants)


def driver(conn: Connection) -> sqlite3.Connection:
    """The sqlite3 connection under SQLAlchemy's, in the same transaction."""
    found: sqlite3.Connection = conn.connection.driver_connection  # type: ignore[assignment]
    return found


def _whole(rows: Sequence[Row], constants: Row) -> Iterable[Row]:
    """The rows with the columns that all of them share, one at a time: a batch is large enough once."""
    return (row + constants for row in rows) if constants else rows


def _greatest_rowid(conn: Connection, shape: Shape) -> int:
    found: int | None = driver(conn).execute(f"SELECT max(rowid) FROM {shape.table.name}").fetchone()[0]
    return found or 0


def _many(conn: Connection, statement: str, rows: Sequence[Row], constants: Row = ()) -> int:
    """The number of rows written by all executions together."""
    return driver(conn).executemany(statement, _whole(rows, constants)).rowcount if rows else 0


@lru_cache(256)
def _insert_sql(shape: Shape) -> str:
    return f"INSERT INTO {shape.table.name} ({_list(shape.names)}) VALUES ({', '.join('?' * len(shape.names))})"


@lru_cache(256)
def _upsert_sql(shape: Shape) -> str:
    if not shape.changed and not shape.gone:
        return f"{_insert_sql(shape)} ON CONFLICT DO NOTHING"
    return f"{_insert_sql(shape)} ON CONFLICT DO UPDATE SET {_assignments(shape)} WHERE {_differs(shape)}"


@lru_cache(256)
def _update_sql(shape: Shape, fill: frozenset[str]) -> str:
    new = {name: _new_value(shape, fill, name) for name in shape.compared}
    changes = ", ".join(f'"{name}" = {value}' for name, value in new.items())
    differs = " OR ".join(f'"{name}" IS NOT {value}' for name, value in new.items())
    return f"UPDATE {shape.table.name} SET {changes} WHERE {_equals(shape.key)} AND ({differs})"


def _new_value(shape: Shape, fill: frozenset[str], name: str) -> str:
    if name in fill:
        return f'COALESCE("{name}", ?)'
    return f'COALESCE(?, "{name}")' if name in shape.keep else "?"


@lru_cache(256)
def _live_sql(shape: Shape, scope: tuple[str, ...], wanted: str) -> str:
    return f'SELECT {wanted} FROM {shape.table.name} WHERE {_equals(scope)} AND "{shape.gone}" IS NULL'


@lru_cache(256)
def _retire_sql(shape: Shape, marks: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{name}" = ?' for name in marks)
    return f"UPDATE {shape.table.name} SET {changes} WHERE {_equals(shape.key)}"


def _assignments(shape: Shape) -> str:
    changes = [
        f'"{name}" = COALESCE(excluded."{name}", "{name}")' if name in shape.keep else f'"{name}" = excluded."{name}"'
        for name in shape.changed
    ]
    return ", ".join(changes + ([f'"{shape.gone}" = NULL'] if shape.gone else []))


def _differs(shape: Shape) -> str:
    """Condition under which a row is worth writing."""
    table = shape.table.name
    parts = [
        f'COALESCE(excluded."{name}", {table}."{name}") IS NOT {table}."{name}"'
        if name in shape.keep
        else f'excluded."{name}" IS NOT {table}."{name}"'
        for name in shape.compared
    ]
    if shape.gone:
        parts.append(f'{table}."{shape.gone}" IS NOT NULL')
    differs = " OR ".join(parts) or "false"
    if shape.newest:
        newest = f'"{shape.newest}"'
        return f"({differs}) AND ({table}.{newest} IS NULL OR excluded.{newest} >= {table}.{newest})"
    return differs


def _equals(names: Sequence[str]) -> str:
    return " AND ".join(f'"{name}" = ?' for name in names)


def _list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
