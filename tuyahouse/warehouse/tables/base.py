"""Every table of the warehouse, once: DDL, writer, comments and data dictionary all come from here.

Times are UTC, ids are text, ``account`` is part of every key. Columns named ``extra`` hold what Tuya sent beyond
the documented fields. ``first_run`` is the run that inserted a row, ``last_run`` the run that last changed it.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    Index,
    MetaData,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import JSON

metadata = MetaData()

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Column type of a JSON document; comparable on both dialects."""


Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
"""Text compared and sorted by its bytes, on both dialects and on every server; indexes of it are much faster so."""


class UtcTime(TypeDecorator[datetime]):
    """A UTC timestamp: ``timestamptz`` on PostgreSQL, ISO text without zone on SQLite; aware datetimes in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def account_column() -> Column[Any]:
    return Column("account", Text, primary_key=True, comment="Tuya cloud project, by its name in the settings")


def key_column(name: str, comment: str, type_: Any = Text) -> Column[Any]:
    return Column(name, type_, primary_key=True, comment=comment)


def extra_column() -> Column[Any]:
    return Column("extra", Json, comment="Fields Tuya sent beyond the documented ones")


def run_columns() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("first_run", Text, comment="Run that inserted this row (ops_run.run_id)"),
        Column("last_run", Text, comment="Run that last changed this row (ops_run.run_id)"),
    )


def open_rows_index(name: str, until_set: str, *columns: str) -> Index:
    """An index of the rows that are still open: those whose column ``until_set`` is null."""
    condition = sqlalchemy.text(f"{until_set} IS NULL")
    return Index(name, *columns, postgresql_where=condition, sqlite_where=condition)


# No index of all rows but the primary key holds ``account``: in a table that PostgreSQL has not analysed yet it would
# take such an index for as good as the key, and read the whole account for every batch.
