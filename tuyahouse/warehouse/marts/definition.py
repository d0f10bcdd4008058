"""What a mart is: its grain, its columns in words, the statement that fills it. Everything else is made from this.

A kept mart is a table that the refresh fills; any other mart is a view. From the same definition come the table or
view, its comments in PostgreSQL, the data dictionary, the types of data frames and the columns of exports.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Integer, Table, text

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.marts.sql import Sql
from tuyahouse.warehouse.tables.base import metadata


class Kind(StrEnum):
    """What a column holds. ``BIG`` are counts and milliseconds that may pass 32 bits."""

    TEXT = "text"
    COUNT = "count"
    BIG = "big"
    NUMBER = "number"
    FLAG = "flag"
    TIME = "time"
    DAY = "day"
    JSON = "json"
    BYTES = "bytes"


_TYPES: dict[Kind, Any] = {
    Kind.TEXT: Text,
    Kind.COUNT: Integer,
    Kind.BIG: BigInteger,
    Kind.NUMBER: Double,
    Kind.FLAG: Boolean,
    Kind.TIME: UtcTime,
    Kind.DAY: Date,
}
_POSTGRESQL = {
    Kind.TEXT: "text",
    Kind.COUNT: "integer",
    Kind.BIG: "bigint",
    Kind.NUMBER: "double precision",
    Kind.FLAG: "boolean",
    Kind.TIME: "timestamp with time zone",
    Kind.DAY: "date",
}

WARNINGS = {
    "status_ambiguous": "status false of a step means failed or not yet passed; FALSE_MEANS says how it is read",
    "seen_when_asked": "what was recorded and erased between two askings is not known",
    "interval_not_station": "an interval is waiting plus processing, of a pair of nodes and never of one station",
    "matures": "numbers of the last days still grow",
    "needs_plan": "needs a plan of the work order: tuyahouse orders add",
    "local_days": "days are factory days in FACTORY_TIME_ZONE, by FACTORY_SHIFTS",
    "gaps": "gaps in the messages make unknown time",
    "approximate": "percentiles come from a histogram: the median is off by up to 3 %, p90 by up to 6 %",
    "contradictions_kept": "sources that contradict each other are all kept; filter on chosen",
}
"""What a reader of a mart has to know: a fixed vocabulary."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column in words. ``unit`` is of its values."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False

    @property
    def comment(self) -> str:
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning

    @property
    def postgres_type(self) -> str:
        return _POSTGRESQL[self.kind]


def words(name: str, meaning: str) -> Field:
    return Field(name, Kind.TEXT, meaning)


def count(name: str, meaning: str, unit: str = "", *, required: bool = False) -> Field:
    return Field(name, Kind.COUNT, meaning, unit, required)


def big(name: str, meaning: str, unit: str = "", *, required: bool = False) -> Field:
    return Field(name, Kind.BIG, meaning, unit, required)


def number(name: str, meaning: str, unit: str = "0 to 1") -> Field:
    return Field(name, Kind.NUMBER, meaning, unit)


def flag(name: str, meaning: str, *, required: bool = False) -> Field:
    return Field(name, Kind.FLAG, meaning, required=required)


def time(name: str, meaning: str) -> Field:
    return Field(name, Kind.TIME, meaning, "UTC")


def day(name: str, meaning: str) -> Field:
    return Field(name, Kind.DAY, meaning)


ACCOUNT = words("account", "Tuya cloud project, by its name in the settings")
ORDER = words("order_code", "Work order")
SN = words("sn", "Serial number of the unit")
NODE = words("node", "Station or process node")
LINE = words("craft_line_code", "Craft line of the work order")
FACTORY_DAY = day("factory_day", "Local day that begins with the first shift")
SHIFT = words("shift", "Shift; none outside of the calendar")


@dataclass(frozen=True, eq=False)
class Mart:
    """One mart.

    Args:
        name: of the table or view.
        meaning: what a row is, in a sentence.
        grain: the columns that tell its rows apart.
        fields: its columns in their order.
        body: the SELECT that gives its rows, in a dialect. That of a kept mart reads the tables of the refresh and may
            take the parameter ``account``.
        warnings: what a reader has to know, from :data:`WARNINGS`.
        example: a query to begin with; it has the parameter ``account``.
        kept: whether a refresh fills it; else it is a view.
        fresh: of when its rows are.
    """

    name: str
    meaning: str
    grain: tuple[str, ...]
    fields: tuple[Field, ...]
    body: Callable[[Sql], str]
    example: str
    warnings: tuple[str, ...] = ()
    kept: bool = False
    fresh: str = "as of ops_mart.as_of, the newest refresh"
    indexes: tuple[sqlalchemy.Index, ...] = ()

    def __post_init__(self) -> None:
        if self.kept:
            _table(self)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def comment(self) -> str:
        """What a database client shows with it."""
        return f"{self.meaning} One row for each {', '.join(self.grain)}"

    @property
    def table(self) -> Table:
        """The table of a kept mart."""
        return metadata.tables[self.name]

    def view(self, sql: Sql) -> str:
        """The statement that creates the view; on PostgreSQL its columns have the types of the definition."""
        body = self.body(sql)
        if sql.is_postgres:
            columns = ", ".join(
                f"v.{field.name}"
                if field.kind is Kind.TEXT
                else f"CAST(v.{field.name} AS {field.postgres_type}) AS {field.name}"
                for field in self.fields
            )
        else:
            columns = ", ".join(f"v.{field.name}" for field in self.fields)
        return f"CREATE VIEW {self.name} AS SELECT {columns} FROM ({body}) v"


def _table(mart: Mart) -> Table:
    columns = [
        Column(
            field.name,
            _TYPES[field.kind],
            primary_key=field.name in mart.grain,
            nullable=not (field.required or field.name in mart.grain),
            comment=field.comment,
        )
        for field in mart.fields
    ]
    return Table(mart.name, metadata, *columns, *mart.indexes, comment=mart.comment)


def open_units_index() -> sqlalchemy.Index:
    """An index of the units that are under way: most are finished."""
    condition = text("state = 'open'")
    return sqlalchemy.Index(
        "ix_mart_unit_open", "order_code", "last_node", postgresql_where=condition, sqlite_where=condition
    )
