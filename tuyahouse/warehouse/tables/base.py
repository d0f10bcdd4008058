"""Every table of the warehouse, once: DDL, writer, comments and data dictionary all come from here.

Times are UTC, ids are text, ``account`` is part of every key. Columns named ``extra`` hold what Tuya sent beyond
the documented fields. ``first_run`` is the run that inserted a row, ``last_run`` the run that last changed it.
"""

from typing import Any

import sqlalchemy
from sqlalchemy import (
    Column,
    Index,
    MetaData,
    Table,
)

from tuyahouse.warehouse.database.types import Json, Text

metadata = MetaData()


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


def sent_by_tuya(table: Table, where: str, **fields: str) -> None:
    """Say which fields of Tuya's a table holds: where they are sent, and for each column what Tuya calls it.

    The dictionary and :func:`tuyahouse.frames.describe` show it. A column that is not named is tuyahouse's own.
    """
    table.info["sent_in"] = where
    for column, field in fields.items():
        table.c[column].info["sent_as"] = field
    if "extra" in table.c:
        table.c.extra.info["sent_as"] = "all fields that are not documented"


def open_rows_index(name: str, until_set: str, *columns: str) -> Index:
    """An index of the rows that are still open: those whose column ``until_set`` is null."""
    condition = sqlalchemy.text(f"{until_set} IS NULL")
    return Index(name, *columns, postgresql_where=condition, sqlite_where=condition)


# No index of all rows but the primary key holds ``account``: in a table that PostgreSQL has not analysed yet it would
# take such an index for as good as the key, and read the whole account for every batch.
