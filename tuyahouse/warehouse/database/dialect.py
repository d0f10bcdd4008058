"""The few expressions that the two dialects spell differently."""

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Interval,
    Table,
    Text,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.database.values import json_text


def insert(conn: Connection, table: Table) -> Any:
    """An INSERT of the dialect's own, for its ``on_conflict_do_…``."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(conn: Connection, table: Table, key: Collection[str], changes: dict[str, Any], **where: Any) -> Insert:
    """INSERT … ON CONFLICT (key) DO UPDATE SET changes."""
    statement: Insert = insert(conn, table).on_conflict_do_update(index_elements=list(key), set_=changes, **where)
    return statement


def of_account(dialect: str, column: ColumnElement[str], account: Any) -> ColumnElement[bool]:
    """Whether a row is the account's, for a query that another condition's index serves.

    SQLite counts no rows, and would look up all those of the account by their key instead. PostgreSQL chooses well, and
    estimates worse without the plain column.
    """
    looked_at = column if dialect == "postgresql" else column.concat("")
    mine: ColumnElement[bool] = looked_at == account
    return mine


def among(conn: Connection, value: ColumnElement[Any], keys: Collection[str]) -> ColumnElement[bool]:
    """Whether a text column is one of the keys; one parameter for any number of them."""
    return _among(conn.dialect.name, value, bindparam(None, listed(keys), type_=Text))


def not_among(conn: Connection, value: ColumnElement[Any], keys: Collection[str]) -> ColumnElement[bool]:
    """Whether it is none of the keys. Looked up in a hash: for :func:`among`, each row would go through all of them."""
    given = bindparam(None, listed(keys), type_=Text)
    if conn.dialect.name == "postgresql":
        return value.not_in(select(func.jsonb_array_elements_text(cast(given, postgresql.JSONB))))
    found = func.json_each(given).table_valued(column("value", Text))
    return value.not_in(select(found.c.value))


def is_later(dialect: str, one: ColumnElement[Any], other: ColumnElement[Any], by: timedelta) -> ColumnElement[bool]:
    """Whether one time is later than another by more than this; NULL without either."""
    if dialect == "postgresql":
        return one - other > bindparam(None, by, type_=Interval)
    return func.julianday(one) - func.julianday(other) > by / timedelta(days=1)


def among_named(dialect: str, value: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """:func:`among` for a statement that is built once: its parameter ``name`` takes :func:`listed` keys."""
    return _among(dialect, value, bindparam(name, type_=Text))


def listed(keys: Collection[str]) -> str:
    """Keys as one parameter: JSON, because drivers take ten times as long to write an array."""
    return json_text(list(keys))


def _among(dialect: str, value: ColumnElement[Any], keys: ColumnElement[str]) -> ColumnElement[bool]:
    if dialect == "postgresql":
        elements = func.jsonb_array_elements_text(cast(keys, postgresql.JSONB))
        return value == any_(func.array(select(elements).scalar_subquery()))
    found = func.json_each(keys).table_valued(column("value", Text))
    return value.in_(select(found.c.value))


def now_seconds(conn: Connection) -> float:
    """Unix seconds by the clock that all processes of this warehouse share: the server's, or this machine's."""
    if conn.dialect.name == "postgresql":
        return float(conn.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())::float8").scalar_one())
    return time.time()


def now_time(conn: Connection) -> datetime:
    """:func:`now_seconds` as a datetime."""
    return datetime.fromtimestamp(now_seconds(conn), UTC)


def if_past(conn: Connection, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """A stored time; NULL where it lies ahead of that clock: it was stored while some clock was wrong."""
    now = (
        func.clock_timestamp() if conn.dialect.name == "postgresql" else bindparam(None, now_time(conn), type_=UtcTime)
    )
    return case((moment <= now, moment))


def join_as_sets(conn: Connection) -> None:
    """For the rest of the transaction PostgreSQL joins by hash or merge, never row by row.

    Tables that were just filled have no statistics yet, and a nested loop over them would be quadratic. SQLite always
    joins by the primary keys.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL enable_nestloop = off"))
