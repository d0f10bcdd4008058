"""Bulk writing, the same on both dialects: COPY on PostgreSQL, the driver's ``executemany`` on SQLite.

Rows are tuples of Python values (aware datetimes, text, int, bool, bytes, dict or list for JSON, None) in the order of
``columns``, which hold at least the primary key. Everything happens in the caller's transaction. An unchanged row is
neither written nor locked. A value that its column or an index cannot hold raises ValueRefused on both databases:
numbers (an Integer has 32 bits), times before year 1 or after 9999, long keys, JSON that is nested too deeply.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Table

from tuyahouse.warehouse.bulk import postgres, sqlite
from tuyahouse.warehouse.bulk.batch import Shape, Written, one_a_key
from tuyahouse.warehouse.bulk.limits import require_short_keys
from tuyahouse.warehouse.database.values import Row, prepare_columns

__all__ = ["Written", "insert_columns", "insert_new", "replace_set", "update", "upsert"]


def upsert(
    conn: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    first: Sequence[str] = (),
    stamp: Sequence[str] = (),
    newest: str | None = None,
    keep: Sequence[str] = (),
    same: Mapping[str, Any] | None = None,
) -> Written:
    """Insert new rows and update those that differ.

    Args:
        first: columns written on insert only.
        stamp: columns written on insert or when another column changes; never compared.
        newest: a time column; a row older than the stored one changes nothing. Of several rows of one key in the batch
            the newest counts; without this argument, the last.
        keep: columns in which None does not overwrite.
        same: columns that have one value in all rows; ``columns`` and ``rows`` do not hold them.

    Returns:
        Counts of keys: inserted, updated, unchanged.
    """
    if not rows:
        return Written()
    constant, values = _constants(conn, table, same)
    shape = Shape(
        table,
        (*columns, *constant),
        frozenset(first),
        frozenset(stamp),
        frozenset(keep),
        newest,
        constant=constant,
    )
    ready = one_a_key(shape, _prepared(conn, table, columns, rows))
    return _engine(conn).upsert(conn, shape, ready, values)


def replace_set(
    conn: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    scope: Sequence[str],
    scopes: Sequence[Row],
    gone: str,
    at: datetime,
    first: Sequence[str] = (),
    stamp: Sequence[str] = (),
    gone_stamp: Mapping[str, Any] | None = None,
    same: Mapping[str, Any] | None = None,
) -> Written:
    """Make ``rows`` the whole current set of each scope.

    Rows that a scope held and that are missing now get ``gone = at`` (and the values of ``gone_stamp``, e.g. the run)
    and count as retired; those that come back get NULL again and count as updated.

    Args:
        scope: columns of the key that name a set, e.g. account and sn.
        scopes: the sets that ``rows`` are complete for, empty ones too, in the order of ``scope``.
        same: as in :func:`upsert`.
    """
    if not rows and not scopes:
        return Written()
    constant, values = _constants(conn, table, same)
    shape = Shape(table, (*columns, *constant), frozenset(first), frozenset(stamp), gone=gone, constant=constant)
    marks = {gone: at, **(gone_stamp or {})}
    (marked,) = _prepared(conn, table, marks, [tuple(marks.values())])
    return _engine(conn).replace_set(
        conn,
        shape,
        one_a_key(shape, _prepared(conn, table, columns, rows)),
        tuple(scope),
        _prepared(conn, table, scope, scopes),
        dict(zip(marks, marked, strict=True)),
        values,
    )


def update(
    conn: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    fill: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> int:
    """Set columns of existing rows, found by primary key; returns how many rows changed.

    Keys without a row are ignored. In ``fill`` columns a stored value is never overwritten; in ``keep`` columns, not by
    None.
    """
    shape = Shape(table, tuple(columns), keep=frozenset(keep))
    if not rows:
        return 0
    ready = one_a_key(shape, _prepared(conn, table, columns, rows))
    return _engine(conn).update(conn, shape, ready, frozenset(fill))


def insert_new(
    conn: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    same: Mapping[str, Any] | None = None,
) -> int:
    """Insert rows whose key is new (of several rows with one key, the first); returns how many.

    ``same`` is as in :func:`upsert`.
    """
    if not rows:
        return 0
    constant, values = _constants(conn, table, same)
    shape = Shape(table, (*columns, *constant), constant=constant)
    ready = one_a_key(shape, _prepared(conn, table, columns, rows[::-1]))[::-1]
    return _engine(conn).insert_new(conn, shape, ready, values)


def insert_columns(
    conn: Connection, table: Table, columns: Mapping[str, Sequence[Any]], *, same: Mapping[str, Any] | None = None
) -> int:
    """:func:`insert_new` for values that are given column by column; no key may occur twice in them."""
    constant, values = _constants(conn, table, same)
    shape = Shape(table, (*columns, *constant), constant=constant)
    ready = list(columns.values())
    require_short_keys(table, list(columns), ready)
    prepare_columns([table.c[name] for name in columns], ready, conn.dialect.name)
    return _engine(conn).insert_new(conn, shape, list(zip(*ready, strict=True)), values)


class _Engine(Protocol):
    """What each dialect's module does with prepared rows, of which there is one per key."""

    def upsert(self, conn: Connection, shape: Shape, rows: Sequence[Row], constants: Row) -> Written: ...

    def replace_set(
        self,
        conn: Connection,
        shape: Shape,
        rows: Sequence[Row],
        scope: tuple[str, ...],
        scopes: Sequence[Row],
        marks: Mapping[str, Any],
        constants: Row,
    ) -> Written: ...

    def update(self, conn: Connection, shape: Shape, rows: Sequence[Row], fill: frozenset[str]) -> int: ...

    def insert_new(self, conn: Connection, shape: Shape, rows: Sequence[Row], constants: Row) -> int: ...


def _engine(conn: Connection) -> _Engine:
    return postgres if conn.dialect.name == "postgresql" else sqlite


def _constants(conn: Connection, table: Table, same: Mapping[str, Any] | None) -> tuple[tuple[str, ...], Row]:
    names = tuple(same or {})
    (values,) = _prepared(conn, table, names, [tuple((same or {}).values())])
    return names, values


def _prepared(conn: Connection, table: Table, columns: Iterable[str], rows: Sequence[Row]) -> list[Row]:
    names = list(columns)
    if not rows or not names:
        return list(rows)
    values: list[Sequence[Any]] = list(zip(*rows, strict=True))
    require_short_keys(table, names, values)
    changed = prepare_columns([table.c[name] for name in names], values, conn.dialect.name)
    return list(zip(*values, strict=True)) if changed else list(rows)
