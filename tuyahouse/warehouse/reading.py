"""Reading tables, kept marts and views by name: columns and conditions checked, values bound, rows streamed.

Nothing here writes: on PostgreSQL the transaction is read-only, on SQLite the connection takes queries alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from functools import cache
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Connection, Date, Double, Integer, LargeBinary, Table, text

from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.database.values import json_text, sqlite_time
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
    if name not in relations():
        raise UnknownName(f"There is no table or mart {name!r}.{_nearest(name, list(relations()))}")
    return relations()[name]


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
        """The SQL text and its values; parameters are written ``:p0``, ``?`` or ``$1``."""
        values: list[Any] = []

        def bound(of: Field, value: Any) -> str:
            values.append(stored(of, value, dialect))
            place = len(values)
            return {"named": f":p{place - 1}", "qmark": "?"}.get(style, f"${place}")

        parts = []
        for of, operator, value in self.conditions:
            if operator == "IN":
                inside = ", ".join([bound(of, one) for one in value])
                parts.append(f'"{of.name}" IN ({inside})' if value else "1 = 0")
            elif value is None:
                parts.append(f'"{of.name}" IS NULL')
            else:
                parts.append(f'"{of.name}" {operator} {bound(of, value)}')
        columns = ", ".join(f'"{one.name}"' for one in self.fields)
        where = f" WHERE {' AND '.join(parts)}" if parts else ""
        limit = "" if self.limit is None else f" LIMIT {int(self.limit)}"
        return f'SELECT {columns} FROM "{self.relation.name}"{where} ORDER BY {self._order(dialect)}{limit}', values

    def _order(self, dialect: str) -> str:
        """By the grain, alike on both databases; a table's key is so already, and its index serves the order."""
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
    chosen = [of.field(one) for one in columns] if columns else [one for one in of.fields if one.name not in of.hidden]
    query = Query(of, tuple(chosen), limit=limit)
    if account is not None:
        query.conditions.append((of.field("account"), "=", account))
    for column, value in (where or {}).items():
        listed = isinstance(value, (list, tuple, set, frozenset))
        query.conditions.append((of.field(column), "IN" if listed else "=", list(value) if listed else value))
    for operator, at in ((">=", since), ("<", until)):
        if at is not None:
            if of.when is None:
                raise WarehouseError(f"{name} has no time: leave since and until out.")
            query.conditions.append((of.when, operator, at))
    for field_, _, value in query.conditions:
        for one in value if isinstance(value, list) else [value]:
            stored(field_, one, "postgresql")
    return query


def stored(of: Field, value: Any, dialect: str) -> Any:
    """A value as the database compares it with this column.

    Raises:
        WarehouseError: it is nothing that this column may hold; says what to write.
    """
    try:
        if value is None:
            return None
        if of.kind is Kind.TIME:
            at = _time(value)
            return sqlite_time(at) if dialect == "sqlite" else at
        if of.kind is Kind.DAY:
            on = _time(value).date() if isinstance(value, datetime) else _day(value)
            return on.isoformat() if dialect == "sqlite" else on
        if of.kind is Kind.FLAG:
            return _flag(value)
        if of.kind in (Kind.COUNT, Kind.BIG):
            return int(value)
        return float(value) if of.kind is Kind.NUMBER else str(value)
    except (ValueError, TypeError):
        raise WarehouseError(
            f"{value!r} cannot be compared with {of.name}, which holds {_HOLDS.get(of.kind, of.kind)}."
        ) from None


_HOLDS = {
    Kind.TIME: "times: write 2026-03-02, or 2026-03-02T05:00+08:00 (without a zone it is UTC)",
    Kind.DAY: "days: write 2026-03-02",
    Kind.FLAG: "yes or no: write true or false",
    Kind.COUNT: "whole numbers",
    Kind.BIG: "whole numbers",
    Kind.NUMBER: "numbers",
}


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.fromisoformat(value) if isinstance(value, str) else datetime.combine(value, time(0))
    found: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
    return found.astimezone(UTC)


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value[:10])


def _flag(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return value if isinstance(value, bool) else words[str(value).lower()] if str(value).lower() in words else _raise()


def _raise() -> bool:
    raise ValueError


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """A transaction in which the database itself refuses every statement that writes."""
    with database.read() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET TRANSACTION READ ONLY"))
            yield conn
            return
        conn.exec_driver_sql("PRAGMA query_only = ON")
        try:
            yield conn
        finally:
            conn.exec_driver_sql("PRAGMA query_only = OFF")


def batches(database: Database, query: Query, rows: int = BATCH) -> Iterator[list[Sequence[Any]]]:
    """The rows in batches, at least one; memory stays flat."""
    with reading(database) as conn:
        if query.conditions and query.conditions[0][0].name == "account":
            require_account(conn, query.conditions[0][2])
        statement, values = query.statement(conn.dialect.name)
        parameters = {f"p{place}": value for place, value in enumerate(values)}
        yield from _streamed(conn, text(statement), parameters, rows)


def batches_of_sql(
    database: Database, sql: str, parameters: Mapping[str, Any] | None = None, rows: int = BATCH
) -> Iterator[tuple[list[str], list[Sequence[Any]]]]:
    """The rows of a query of your own, with the names of its columns; parameters are written ``:name``.

    Raises:
        WarehouseError: the database refuses it, for example because it writes.
    """
    with reading(database) as conn:
        streamed = conn.execution_options(stream_results=True, yield_per=rows)
        try:
            result = streamed.execute(text(sql), dict(parameters or {}))
        except Exception as error:
            raise WarehouseError(f"The query was refused: {_first_line(error)}") from error
        if not result.returns_rows:
            raise WarehouseError("The query has no result: write a SELECT.")
        names, found = list(result.keys()), False
        for part in result.partitions(rows):
            found = True
            yield names, list(part)
        if not found:
            yield names, []


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]


def _streamed(conn: Connection, statement: Any, parameters: dict[str, Any], rows: int) -> Iterator[list[Sequence[Any]]]:
    result = conn.execution_options(stream_results=True, yield_per=rows).execute(statement, parameters)
    found = False
    for part in result.partitions(rows):
        found = True
        yield list(part)
    if not found:
        yield []


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
