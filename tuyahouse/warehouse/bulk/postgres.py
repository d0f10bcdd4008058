"""The writer on PostgreSQL: COPY BINARY into a temporary staging table, then one set-wise statement.

The staging table belongs to the connection and is emptied by the commit, so that a batch costs no DDL and leaves
nothing in the system catalogs. Rows that differ from the stored ones are looked up first: ON CONFLICT alone would lock,
and so write, every row. Look-ups go by index, whatever the planner thinks of a table that it does not know: a batch
must cost the same in a table of ten million rows. Rows are written in the order of the key, so that two writers cannot
deadlock.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import JSON, Column, Connection, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import RootTransaction

from tuyahouse.warehouse.bulk.batch import Shape, Written
from tuyahouse.warehouse.database.dialect import listed
from tuyahouse.warehouse.database.values import Row

if TYPE_CHECKING:
    import psycopg

_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
_TIME = "timestamp with time zone"
_used: WeakKeyDictionary[RootTransaction, set[str]] = WeakKeyDictionary()
"""Staging tables that hold rows of the transaction under way."""


def upsert(conn: Connection, shape: Shape, rows: Sequence[Row], constants: Row) -> Written:
    cursor = _stage(conn, shape, rows)
    inserted = 0
    if not cursor.execute(_probe_sql(shape), constants, prepare=False).fetchone():
        inserted = cursor.execute(_insert_sql(shape), constants, prepare=False).rowcount
        if inserted == len(rows):
            return Written(inserted)
    more, touched = cursor.execute(_upsert_sql(shape), constants, prepare=False).fetchone() or (0, 0)
    return Written(inserted + more, touched - more, len(rows) - inserted - touched)


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
    if scopes:
        arrays = [listed(values) for values in zip(*scopes, strict=True)]
        parameters = [*marks.values(), *arrays, *constants]
        cursor = driver(conn).execute(_retire_sql(shape, scope, tuple(marks)), parameters, prepare=False)
        written.retired = cursor.rowcount
    return written


def update(conn: Connection, shape: Shape, rows: Sequence[Row], fill: frozenset[str]) -> int:
    cursor = _stage(conn, shape, sorted(rows, key=shape.key_of()))
    cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    updated = cursor.execute(_update_sql(shape, fill), prepare=False).rowcount
    cursor.execute("SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT")
    return updated


def insert_new(conn: Connection, shape: Shape, rows: Sequence[Row], constants: Row) -> int:
    return _stage(conn, shape, rows).execute(_insert_sql(shape), constants, prepare=False).rowcount


def driver(conn: Connection) -> "psycopg.Connection[Any]":
    """The psycopg connection under SQLAlchemy's, in the same transaction."""
    found: psycopg.Connection[Any] = conn.connection.driver_connection  # type: ignore[assignment]
    return found


def type_name(column: Column[Any]) -> str:
    """Name of the column's type, e.g. ``timestamp with time zone``."""
    return column.type.compile(dialect=_dialect).lower().partition(" collate")[0]


def _stage(conn: Connection, shape: Shape, rows: Sequence[Row]) -> "psycopg.Cursor[Any]":
    """Fill the staging table of this shape with exactly these rows."""
    transaction = conn.get_transaction()
    assert isinstance(transaction, RootTransaction), "writing needs Warehouse.begin()"
    name, create = _staging(shape)
    cursor = driver(conn).cursor()
    cursor.execute(create)
    used = _used.setdefault(transaction, set())
    if name in used:
        cursor.execute(f"TRUNCATE {name}")
    used.add(name)
    with cursor.copy(f"COPY {name} ({_list(shape.sent)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_sent_types(shape, rows))
        write = copy.write_row
        for row in rows:
            write(row)
    return cursor


@lru_cache(256)
def _staging(shape: Shape) -> tuple[str, str]:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(shape.sent, _staged_types(shape), strict=True))
    name = f"stage_{shape.table.name}_{hashlib.sha256(columns.encode()).hexdigest()[:8]}"
    return name, f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS"


@lru_cache(256)
def _staged_types(shape: Shape) -> tuple[str, ...]:
    """JSON travels as text: the driver's own way calls Python for every document."""
    columns = [shape.table.c[name] for name in shape.sent]
    return tuple(["text" if isinstance(column.type, JSON) else type_name(column) for column in columns])


def _sent_types(shape: Shape, rows: Sequence[Row]) -> list[str]:
    """The types as which the values are sent: whole numbers for times are what the binary form of a time is."""
    types = _staged_types(shape)
    numbers = [type(value) is int for value in rows[0]] if rows else [False] * len(types)
    return ["int8" if number and name == _TIME else name for name, number in zip(types, numbers, strict=True)]


def _source(shape: Shape) -> str:
    """The staged rows with the types of the table; takes the constants as parameters."""
    columns = [f'"{name}"::{type_name(shape.table.c[name])}' for name in shape.sent]
    constants = [f'%s::{type_name(shape.table.c[name])} AS "{name}"' for name in shape.constant]
    return f"(SELECT {', '.join([*columns, *constants])} FROM {_staging(shape)[0]})"


@lru_cache(256)
def _probe_sql(shape: Shape) -> str:
    """One row if some of the batch's first keys are stored; a batch of new rows needs no look-ups."""
    stored = f"(SELECT FROM {shape.table.name} k WHERE {_same_key(shape, 's', 'k')} OFFSET 0)"
    return f"SELECT 1 FROM (SELECT * FROM {_source(shape)} b LIMIT 16) s CROSS JOIN LATERAL {stored} o LIMIT 1"


@lru_cache(256)
def _upsert_sql(shape: Shape) -> str:
    table, changes = shape.table.name, bool(shape.changed or shape.gone)
    stored = _list((*shape.key, *shape.compared, *([shape.gone] if shape.gone else [])))
    conflict = f"UPDATE SET {_assignments(shape)} WHERE {_differs(shape, 'excluded', 't')}" if changes else "NOTHING"
    return f"""
        WITH written AS (
            INSERT INTO {table} AS t ({_list(shape.names)})
            SELECT {_list(shape.names, "s")} FROM {_source(shape)} s
            LEFT JOIN LATERAL (SELECT {stored} FROM {table} k WHERE {_same_key(shape, "s", "k")} OFFSET 0) o ON true
            WHERE o."{shape.key[0]}" IS NULL{f" OR ({_differs(shape, 's', 'o')})" if changes else ""}
            ORDER BY {_order(shape)}
            ON CONFLICT ({_list(shape.key)}) DO {conflict}
            RETURNING (t.xmax = 0) AS fresh)
        SELECT count(*) FILTER (WHERE fresh), count(*) FROM written"""


@lru_cache(256)
def _insert_sql(shape: Shape) -> str:
    return (
        f"INSERT INTO {shape.table.name} ({_list(shape.names)}) SELECT {_list(shape.names, 's')} "
        f"FROM {_source(shape)} s ORDER BY {_order(shape)} ON CONFLICT DO NOTHING"
    )


@lru_cache(256)
def _update_sql(shape: Shape, fill: frozenset[str]) -> str:
    new = {name: _new_value(shape, fill, name) for name in shape.compared}
    changes = [f'"{name}" = {value}' for name, value in new.items()]
    differences = [f'{value} IS DISTINCT FROM t."{name}"' for name, value in new.items()]
    return (
        f"UPDATE {shape.table.name} t SET {', '.join(changes)} FROM {_source(shape)} s "
        f"WHERE {_same_key(shape, 's', 't')} AND ({' OR '.join(differences)})"
    )


def _new_value(shape: Shape, fill: frozenset[str], name: str) -> str:
    if name in fill:
        return f'COALESCE(t."{name}", s."{name}")'
    return f'COALESCE(s."{name}", t."{name}")' if name in shape.keep else f's."{name}"'


@lru_cache(256)
def _retire_sql(shape: Shape, scope: tuple[str, ...], marks: tuple[str, ...]) -> str:
    columns = shape.table.c
    changes = ", ".join(f'"{name}" = %s::{type_name(columns[name])}' for name in marks)
    values = "ARRAY(SELECT jsonb_array_elements_text(%s::jsonb))"
    arrays = ", ".join(f"{values}::{type_name(columns[name])}[]" for name in scope)
    inside = " AND ".join(f'k."{name}" = c."{name}"' for name in scope)
    return f"""
        UPDATE {shape.table.name} SET {changes} WHERE ctid = ANY(ARRAY(
            SELECT o.ctid FROM unnest({arrays}) AS c ({_list(scope)})
            CROSS JOIN LATERAL (SELECT k.ctid, {_list(shape.key, "k")} FROM {shape.table.name} k
                WHERE {inside} AND k."{shape.gone}" IS NULL OFFSET 0) o
            WHERE NOT EXISTS (SELECT FROM {_source(shape)} s WHERE {_same_key(shape, "s", "o")})))"""


def _assignments(shape: Shape) -> str:
    changes = [
        f'"{name}" = COALESCE(excluded."{name}", t."{name}")' if name in shape.keep else f'"{name}" = excluded."{name}"'
        for name in shape.changed
    ]
    return ", ".join(changes + ([f'"{shape.gone}" = NULL'] if shape.gone else []))


def _differs(shape: Shape, new: str, old: str) -> str:
    """Condition under which a row is worth writing."""
    parts = [
        f'COALESCE({new}."{name}", {old}."{name}") IS DISTINCT FROM {old}."{name}"'
        if name in shape.keep
        else f'{new}."{name}" IS DISTINCT FROM {old}."{name}"'
        for name in shape.compared
    ]
    if shape.gone:
        parts.append(f'{old}."{shape.gone}" IS NOT NULL')
    differs = " OR ".join(parts) or "false"
    if shape.newest:
        return f'({differs}) AND ({old}."{shape.newest}" IS NULL OR {new}."{shape.newest}" >= {old}."{shape.newest}")'
    return differs


def _same_key(shape: Shape, one: str, other: str) -> str:
    return " AND ".join(f'{one}."{name}" = {other}."{name}"' for name in shape.key)


def _order(shape: Shape) -> str:
    """Any order will do that is the same for all writers; bytes compare fastest."""
    return ", ".join(
        f's."{name}"' + (' COLLATE "C"' if isinstance(shape.table.c[name].type, Text) else "") for name in shape.key
    )


def _list(names: Sequence[str], alias: str = "") -> str:
    prefix = f"{alias}." if alias else ""
    return ", ".join(f'{prefix}"{name}"' for name in names)
