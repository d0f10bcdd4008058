"""The data dictionary, made from the definitions of tables and marts."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

from sqlalchemy import Column, Table

from tuyahouse.warehouse.bulk.postgres import type_name
from tuyahouse.warehouse.marts import MARTS, VIEWS, WARNINGS, Mart
from tuyahouse.warehouse.marts.sources import source_of
from tuyahouse.warehouse.tables import metadata


class Entry(NamedTuple):
    """One column. ``table_comment`` is the same in all rows of a table; ``key`` marks the primary key.

    ``source`` is what a column of a mart is made of; of other tables, what Tuya calls the field; empty: our own.
    """

    table: str
    table_comment: str
    column: str
    type: str
    key: bool
    nullable: bool
    comment: str
    source: str = ""


def entries() -> Iterator[Entry]:
    """Every column of every table and view: tables in the order in which they are defined, then the views."""
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
                origin_of(column),
            )
    for mart in VIEWS:
        for field in mart.fields:
            key = field.name in mart.grain
            source = source_of(mart.name, field.name)
            yield Entry(mart.name, mart.comment, field.name, field.postgres_type, key, not key, field.comment, source)


def origin_of(column: Column[Any]) -> str:
    """Where a column comes from: for a mart columns of the core, else Tuya's name of the field, if it has one."""
    table = column.table
    return source_of(table.name, column.name) if table.name in MARTS else column.info.get("sent_as", "")


def sources(name: str) -> dict[str, str]:
    """:func:`origin_of` every column of a table, or :func:`source_of` those of a view."""
    if name in metadata.tables:
        return {column.name: origin_of(column) for column in metadata.tables[name].columns}
    return {field.name: source_of(name, field.name) for field in MARTS[name].fields}


def markdown() -> str:
    """The dictionary as a Markdown document: the marts with what a reader has to know, then the tables."""
    warnings = "\n".join(f"- `{name}`: {words}." for name, words in WARNINGS.items())
    parts = [
        "# Data dictionary\n",
        "Types are those on PostgreSQL. Columns in bold are the key: there is one row for each.\n",
        "Warnings that marts carry:\n",
        f"{warnings}\n",
        *[_mart_section(mart) for mart in MARTS.values()],
        *[_section(table) for table in metadata.tables.values() if table.name not in MARTS],
    ]
    return "\n".join(parts)


def html() -> str:
    """The same as one page without scripts that needs no network."""
    marts = [(mart.name, _about(mart), mart.example) for mart in MARTS.values()]
    tables = [(t.name, _about_table(t), "") for t in metadata.tables.values() if t.name not in MARTS]
    links = " ".join(f'<a href="#{name}">{name}</a>' for name, _, _ in (*marts, *tables))
    rows = {name: [entry for entry in entries() if entry.table == name] for name, _, _ in (*marts, *tables)}
    sections = "".join(_html_section(name, lines, example, rows[name]) for name, lines, example in (*marts, *tables))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Data dictionary</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><h1>Data dictionary</h1><nav>{links}</nav>{sections}</html>\n"
    )


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:auto;padding:1rem;color:#1a1a1a;background:#fff}"
    "nav{columns:14rem;font-size:13px}nav a{display:block}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ddd;padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "pre{background:#f4f4f4;padding:.5rem;white-space:pre-wrap}h2{margin-top:2rem}"
)


def _about(mart: Mart) -> list[str]:
    lines = [
        mart.meaning,
        f"One row for each {', '.join(mart.grain)}.",
        f"{'A table that every refresh brings up to date' if mart.kept else 'A view'}; {mart.fresh}.",
    ]
    return lines + [f"{name}: {WARNINGS[name]}." for name in mart.warnings]


def _about_table(table: Table) -> list[str]:
    sent_in = table.info.get("sent_in")
    return [f"{table.comment}.", *([f"Tuya's fields are those of {sent_in}."] if sent_in else [])]


def _html_section(name: str, lines: Sequence[str], example: str, rows: Sequence[Entry]) -> str:
    texts = "".join(f"<p>{escape(line)}</p>" for line in lines)
    query = f"<pre>{escape(example)}</pre>" if example else ""
    cells = "".join(
        f"<tr><td>{f'<b>{row.column}</b>' if row.key else row.column}<td>{row.type}<td>{escape(row.comment)}"
        f"<td>{escape(row.source)}"
        for row in rows
    )
    head = f"<tr><th>column<th>type<th>what it is<th>{'from' if example else 'Tuya calls it'}"
    return f'<h2 id="{name}">{name}</h2>{texts}{query}<table>{head}{cells}</table>'


def _mart_section(mart: Mart) -> str:
    first, *more = _about(mart)
    lines = [f"## {mart.name}", "", f"{first} {more[0]} {more[1]}", "", *[f"- {line}" for line in more[2:]]]
    lines += [*([""] if more[2:] else []), "```sql", mart.example, "```", "", *_columns(mart.name)]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> str:
    return "\n".join([f"## {table.name}", "", " ".join(_about_table(table)), "", *_columns(table.name)]) + "\n"


def _columns(name: str) -> list[str]:
    lines = [f"| column | type | what it is | {'from' if name in MARTS else 'Tuya calls it'} |", "|---|---|---|---|"]
    for entry in entries():
        if entry.table == name:
            shown = f"**{entry.column}**" if entry.key else entry.column
            lines.append(f"| {shown} | {entry.type} | {entry.comment} | {entry.source} |")
    return lines
