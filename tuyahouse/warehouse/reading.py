"""Reading tables, kept marts and views by name: columns and conditions checked, values bound, rows streamed.

Nothing here writes: on PostgreSQL the transaction is read-only, on SQLite the connection takes queries alone.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Connection, Date, Double, Integer, LargeBinary, Table, text

from tuyahouse.warehouse.comparing import comparable, stored, whole
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.database.values import json_text
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import MARTS, Field, Kind
from tuyahouse.warehouse.tables import metadata

HIDDEN = frozenset(("extend_data",))
"""Left out unless named, because it may hold credentials; so are bytes."""

BATCH = 50_000
_TIMES = ("factory_day", "happened_at", "at", "day", "started_at", "last_step_at", "valid_from", "last_seen_at")


class UnknownName(WarehouseError):
    """There is no such table, mart, column or account; the text names the most similar ones."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view that may be read."""

    name: str
    meaning: str
    grain: tuple[str, ...]
    fields: tuple[Field, ...]
    warnings: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    is_view: bool = False

    @property
    def when(self) -> Field | None:
        """The column that ``since`` and ``until`` are about."""
        by_name = {one.name: one for one in self.fields if one.kind in (Kind.TIME, Kind.DAY)}
        in_key = [by_name[name] for name in self.grain if name in by_name]
        preferred = [by_name[name] for name in _TIMES if name in by_name]
        return next(iter([*in_key, *preferred, *by_name.values()]), None)

    def field(self, name: str) -> Field:
        """The column of that name; :class:`UnknownName` where there is none."""
        _require_text(name)
        for one in self.fields:
            if one.name == name:
                return one
        raise UnknownName(f"{self.name} has no column {name!r}.{_nearest(name, [one.name for one in self.fields])}")


@cache
def relations() -> dict[str, Relation]:
    """Everything that may be read, by name: marts first."""
    marts = {
        mart.name: Relation(mart.name, mart.meaning, mart.grain, mart.fields, mart.warnings, is_view=not mart.kept)
        for mart in MARTS.values()
    }
    return marts | {table.name: _of_table(table) for table in metadata.tables.values() if table.name not in marts}


def relation(name: str) -> Relation:
    """The table or mart of that name; :class:`UnknownName` where there is none."""
    _require_text(name)
    if name not in relations():
        raise UnknownName(f"There is no table or mart {name!r}.{_nearest(name, list(relations()))}")
    return relations()[name]


def _require_text(name: Any) -> None:
    if not isinstance(name, str):
        raise UnknownName(f"Tables, marts and columns are named by text, not by {name!r}.")


def _nearest(name: str, names: Sequence[str]) -> str:
    found = get_close_matches(name.lower(), names, 3, 0.5) or [one for one in names if name.lower() in one][:3]
    return f" Did you mean {' or '.join(found)}?" if found else f" There are: {', '.join(names)}."


def _of_table(table: Table) -> Relation:
    fields = tuple(
        Field(column.name, _kind(column.type), column.comment or "", required=not column.nullable)
        for column in table.columns
    )
    binary = {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
    key = tuple(column.name for column in table.primary_key)
    return Relation(table.name, f"{table.comment}.", key, fields, hidden=frozenset(binary | HIDDEN))


def _kind(kind: Any) -> Kind:
    kinds = ((UtcTime, Kind.TIME), (Boolean, Kind.FLAG), (BigInteger, Kind.BIG), (Integer, Kind.COUNT))
    more = ((Double, Kind.NUMBER), (Date, Kind.DAY), (LargeBinary, Kind.BYTES), (JSON, Kind.JSON))
    return next((found for type_, found in (*kinds, *more) if isinstance(kind, type_)), Kind.TEXT)


@dataclass(slots=True)
class Query:
    """What to read: build it by :func:`query_of`."""

    relation: Relation
    fields: tuple[Field, ...]
    conditions: list[tuple[Field, str, Any]] = field(default_factory=list)
    limit: int | None = None

    def statement(self, dialect: str, style: str = "named") -> tuple[str, list[Any]]:
        """The SQL text and its values; parameters are written ``:p0``, ``%(p0)s``, ``?`` or ``$1``."""
        values: list[Any] = []

        def bound(of: Field, value: Any) -> str:
            values.append(stored(of, value, dialect))
            place = len(values)
            styles = {"named": f":p{place - 1}", "pyformat": f"%(p{place - 1})s", "qmark": "?"}
            return styles.get(style, f"${place}")

        parts = []
        for of, operator, value in self.conditions:
            if operator == "IN":
                inside = ", ".join([bound(of, one) for one in value if one is not None])
                none = f' OR "{of.name}" IS NULL' if None in value else ""
                parts.append(f'("{of.name}" IN ({inside}){none})' if inside else f"(1 = 0{none})")
            elif value is None:
                parts.append(f'"{of.name}" IS NULL')
            else:
                parts.append(f'"{of.name}" {operator} {bound(of, value)}')
        columns = ", ".join(f'"{one.name}"' for one in self.fields)
        where = f" WHERE {' AND '.join(parts)}" if parts else ""
        limit = "" if self.limit is None else f" LIMIT {int(self.limit)}"
        return f'SELECT {columns} FROM "{self.relation.name}"{where} ORDER BY {self._order(dialect)}{limit}', values

    def _order(self, dialect: str) -> str:
        """By the grain, equal on both databases; a table's key is ordered already, and its index serves the order."""
        if not self.relation.is_view or dialect == "sqlite":
            return ", ".join(f'"{name}"' for name in self.relation.grain)
        return ", ".join(
            f'"{name}"' + (' COLLATE "C"' if self.relation.field(name).kind is Kind.TEXT else "") + " NULLS FIRST"
            for name in self.relation.grain
        )


def query_of(
    name: str,
    *,
    account: str | None = None,
    where: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    since: str | date | datetime | None = None,
    until: str | date | datetime | None = None,
    limit: int | None = None,
) -> Query:
    """Check what is asked for.

    ``where`` maps columns to a value or a list of values; ``since`` is included, ``until`` is not.

    Raises:
        UnknownName: there is no such table, mart or column.
        WarehouseError: a value that the column cannot be compared with; no time to cut by.
    """
    of = relation(name)
    query = Query(of, tuple(_chosen(of, columns)), limit=_limit(limit))
    if account is not None:
        query.conditions.append((_account_of(of, account), "=", account))
    if not isinstance(where, Mapping | None):
        raise WarehouseError('where maps columns to values: write where={"order_code": "WO1"}.')
    query.conditions += [_condition(of.field(column), value) for column, value in (where or {}).items()]
    for operator, at in ((">=", since), ("<", until)):
        if at is not None:
            if of.when is None:
                raise WarehouseError(f"{name} has no time column: leave since and until out.")
            query.conditions.append((of.when, operator, comparable(of.when, at, required=True)))
    return query


def _chosen(of: Relation, columns: Sequence[str] | None) -> list[Field]:
    if columns is None:
        return [one for one in of.fields if one.name not in of.hidden]
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise WarehouseError(f"columns is a list of names, not {columns!r}: write columns=[{str(columns)!r}].")
    chosen = [of.field(one) for one in columns]
    if not chosen or len(chosen) > len(set(chosen)):
        raise WarehouseError("columns names none, or one twice: name each once, or leave columns out for all.")
    return chosen


def _account_of(of: Relation, account: str) -> Field:
    if not isinstance(account, str):
        raise WarehouseError(f"An account is named by text, not by {account!r}.")
    if all(one.name != "account" for one in of.fields):
        raise WarehouseError(
            f"{of.name} belongs to no account: read it by frames.read({of.name!r}) or SQL, without naming an account."
        )
    stored(of.field("account"), account, "postgresql")
    return of.field("account")


def _limit(limit: Any) -> int | None:
    return None if limit is None else whole("limit", limit, 0)


def _condition(of: Field, value: Any) -> tuple[Field, str, Any]:
    """One of a list's values where it is any collection (list, set, array, Series), else equal to the value."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return of, "=", comparable(of, value)
    try:
        values = {} if isinstance(value, Mapping) else dict.fromkeys(comparable(of, one) for one in value)
    except TypeError:  # an array without a dimension
        values = {}
        value = repr(value)
    if not values and (isinstance(value, Mapping | str)):
        raise WarehouseError(f"{value!r} cannot be compared with {of.name}: write a value, or a list of values.")
    return of, "IN", list(values)


@contextmanager
def reading(database: Database, *, one_moment: bool = False) -> Iterator[Connection]:
    """A transaction in which the database itself refuses every statement that writes, to whatever file.

    With ``one_moment`` all its statements see what the first one saw; on SQLite they always do.
    """
    with database.read() as conn:
        if conn.dialect.name == "postgresql":
            isolation = "ISOLATION LEVEL REPEATABLE READ, " if one_moment else ""
            conn.execute(text(f"SET TRANSACTION {isolation}READ ONLY"))
            yield conn
            return
        conn.exec_driver_sql("PRAGMA query_only = ON")
        driver: Any = conn.connection.driver_connection
        driver.set_authorizer(_allow_reading)
        try:
            yield conn
        finally:
            driver.set_authorizer(None)
            conn.exec_driver_sql("PRAGMA query_only = OFF")


_READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
_DESCRIBES = ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list")


def _allow_reading(action: int, name: str | None, *_: str | None) -> int:
    """SQLite asks for every part of a statement. ``query_only`` alone lets ATTACH and VACUUM INTO make files."""
    allowed = action in _READS or (action == sqlite3.SQLITE_PRAGMA and name in _DESCRIBES)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def batches(database: Database, query: Query, rows: int = BATCH) -> Iterator[list[Sequence[Any]]]:
    """The rows in batches, at least one; memory stays flat."""
    with reading(database) as conn:
        if query.conditions and query.conditions[0][0].name == "account":
            require_account(conn, query.conditions[0][2])
        yield from _streamed(conn, query, rows)


def batches_of_sql(
    database: Database, sql: str, parameters: Mapping[str, Any] | None = None, rows: int = BATCH
) -> Iterator[tuple[list[str], list[Sequence[Any]]]]:
    """The rows of a query of your own, with the names of its columns; parameters are written ``:name``.

    Raises:
        WarehouseError: the database refuses it, for example because it writes.
    """
    with reading(database) as conn:
        streamed = conn.execution_options(stream_results=True, yield_per=rows)
        with _refusals():
            result = streamed.execute(text(sql), dict(parameters or {}))
        if not result.returns_rows:
            raise WarehouseError("The query has no result: write a SELECT.")
        names, parts, found = list(result.keys()), result.partitions(rows), False
        while True:
            with _refusals():
                part = next(parts, None)
            if part is None:
                break
            found = True
            yield names, list(part)
        if not found:
            yield names, []


@contextmanager
def _refusals() -> Iterator[None]:
    """What the database says of a query of your own, when it begins and while its rows are fetched."""
    try:
        yield
    except Exception as error:
        said = _first_line(error)
        if said == "not authorized":
            said = "it does more than read, and nothing can be written here"
        raise WarehouseError(f"The query was refused: {said}") from error


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]


def _streamed(conn: Connection, query: Query, rows: int) -> Iterator[list[Sequence[Any]]]:
    """Straight from the driver: to wrap every row costs as much as to fetch it. PostgreSQL keeps the rows meanwhile."""
    is_postgres = conn.dialect.name == "postgresql"
    statement, values = query.statement(conn.dialect.name, "pyformat" if is_postgres else "named")
    driver: Any = conn.connection.driver_connection
    with closing(driver.cursor(name="tuyahouse_rows") if is_postgres else driver.cursor()) as cursor:
        cursor.execute(statement, {f"p{place}": value for place, value in enumerate(values)})
        part = cursor.fetchmany(rows)
        yield part
        while len(part) == rows and (part := cursor.fetchmany(rows)):
            yield part


def require_account(conn: Connection, account: str) -> None:
    """Refuse an account of which the warehouse holds nothing.

    Raises:
        UnknownName: names those there are.
    """
    for table in ("ops_mart", "ops_run", "serial_number", "device"):
        held = text(f"SELECT 1 FROM {table} WHERE account = :account LIMIT 1")
        if conn.execute(held, {"account": account}).first():
            return
    known = sorted(conn.execute(text("SELECT account FROM ops_mart UNION SELECT account FROM ops_run")).scalars())
    if not known:
        raise UnknownName(f"The warehouse holds nothing of account {account!r}, nor of any other: run a flow first.")
    raise UnknownName(f"The warehouse holds nothing of account {account!r}.{_nearest(account, known)}")


def plain_value(of: Field, value: Any) -> Any:
    """A value as the database gave it, as Python has it: aware times, dates, flags; JSON as text."""
    if value is None:
        return None
    if of.kind is Kind.TIME and isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if of.kind is Kind.DAY and isinstance(value, str):
        return date.fromisoformat(value)
    if of.kind is Kind.FLAG:
        return bool(value)
    if of.kind is Kind.NUMBER:
        return float(value)
    if of.kind is Kind.JSON and not isinstance(value, str):
        return json_text(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
