"""The data dictionary, made from the comments in :mod:`tuyahouse.warehouse.tables`."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Table

from tuyahouse.warehouse.bulk.postgres import type_name
from tuyahouse.warehouse.tables import metadata


class Entry(NamedTuple):
    """One column. ``table_comment`` is the same in all rows of a table; ``key`` tells the primary key."""

    table: str
    table_comment: str
    column: str
    type: str
    key: bool
    nullable: bool
    comment: str


def entries() -> Iterator[Entry]:
    """Every column of every table, in the order in which the tables are defined."""
    for table in metadata.tables.values():
        for column in table.columns:
            yield Entry(
                table.name,
                table.comment or "",
                column.name,
                type_name(column),
                column.primary_key,
                bool(column.nullable),
                column.comment or "",
            )


def markdown() -> str:
    """The dictionary as a Markdown document; types as on PostgreSQL."""
    return "# Data dictionary\n\n" + "\n".join(_section(table) for table in metadata.tables.values())


def _section(table: Table) -> str:
    lines = [f"## {table.name}", "", f"{table.comment}.", "", "| column | type | what it is |", "|---|---|---|"]
    for entry in entries():
        if entry.table == table.name:
            name = f"**{entry.column}**" if entry.key else entry.column
            lines.append(f"| {name} | {entry.type} | {entry.comment} |")
    return "\n".join(lines) + "\n"
