"""A table or mart as a file: CSV, Parquet or Excel, in memory that does not grow."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tuyahouse.warehouse import arrow_reading, reading
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import DEFINITIONS, WARNINGS, Field, Kind
from tuyahouse.warehouse.reading import Query
from tuyahouse.warehouse.warehouse import Warehouse
from tuyahouse.whole_file import whole_file

SHEET_ROWS = 1_048_575
"""Rows below the header that a sheet of Excel holds."""

_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class About:
    """What a reader of the file should know. Times of a workbook are in ``time_zone``."""

    account: str
    as_of: datetime | None
    time_zone: str


Write = Callable[[Path, Query, Iterable[list[Sequence[Any]]], About], int]


def export(
    warehouse: Warehouse,
    name: str,
    account: str,
    out: Path,
    *,
    where: Mapping[str, Any] | None = None,
    since: str | None = None,
    until: str | None = None,
) -> int:
    """Write a table or mart of an account into a file whose suffix says what it is; returns how many rows.

    The file is there when it is whole: a failed export leaves what was there before.

    Raises:
        WarehouseError: a wrong name, column, account, value or suffix; a file that cannot be written; too many rows
            for a sheet.
    """
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise WarehouseError(f"{out.name} must end in one of {', '.join(_WRITERS)}: the suffix decides the format.")
    query = reading.query_of(name, account=account, where=where, since=since, until=until)
    about = _about(warehouse, account)
    with whole_file(out) as part:
        return write(part, query, reading.batches(warehouse, query), about)


def _about(warehouse: Warehouse, account: str) -> About:
    sql = "SELECT as_of, time_zone FROM ops_mart WHERE account = :account"
    _, rows = next(reading.batches_of_sql(warehouse, sql, {"account": account}))
    as_of = Field("as_of", Kind.TIME, "")
    found = [(reading.plain_value(as_of, at), zone) for at, zone in rows]
    return About(account, *found[0]) if found else About(account, None, "UTC")


# ----------------------------------------------------------------------------------------------------------------- CSV


def _write_csv(out: Path, query: Query, batches: Iterable[list[Sequence[Any]]], about: About) -> int:
    """UTF-8 with a mark that Excel needs; times in ISO 8601, UTC."""
    count = 0
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([one.name for one in query.fields])
        for rows in batches:
            lines.writerows([_csv_cell(one, cell) for one, cell in zip(query.fields, row, strict=True)] for row in rows)
            count += len(rows)
    return count


def _csv_cell(of: Field, cell: Any) -> Any:
    value = reading.plain_value(of, cell)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_FORMULA) else value


# ------------------------------------------------------------------------------------------------------------- Parquet


def _write_parquet(out: Path, query: Query, batches: Iterable[list[Sequence[Any]]], about: About) -> int:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    as_of = about.as_of.isoformat() if about.as_of else ""
    notes = {"account": about.account, "as_of": as_of, "definitions": str(DEFINITIONS), "time_zone": about.time_zone}
    schema = arrow_reading.schema_of(query.fields).with_metadata(notes)
    count = 0
    with ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in batches:
            cells = zip(*rows, strict=True) if rows else [()] * len(query.fields)
            columns = [
                pa.array([reading.plain_value(one, cell) for cell in column], schema.field(place).type)
                for place, (one, column) in enumerate(zip(query.fields, cells, strict=True))
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(rows)
    return count


# --------------------------------------------------------------------------------------------------------------- Excel


def _write_xlsx(out: Path, query: Query, batches: Iterable[list[Sequence[Any]]], about: About) -> int:
    """Sheets ``about`` and the rows: ids as text, times in the factory's zone, shares as percent."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    notes = book.create_sheet("about")
    for line in _notes(query, about):
        notes.append([_text_cell(notes, cell) for cell in line])
    sheet = book.create_sheet(query.relation.name[:31])
    sheet.freeze_panes = "A2"
    zone = ZoneInfo(about.time_zone)
    sheet.append([_heading(one, about.time_zone) for one in query.fields])
    count = 0
    for rows in batches:
        count += len(rows)
        if count > SHEET_ROWS:
            raise WarehouseError(
                f"{query.relation.name} has more rows than a sheet holds ({SHEET_ROWS:,}): narrow it by --since, "
                "--until or --where, or write a .parquet file."
            )
        for row in rows:
            sheet.append([_xlsx_cell(sheet, one, cell, zone) for one, cell in zip(query.fields, row, strict=True)])
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(query.fields))}{count + 1}"
    book.save(out)
    return count


def _heading(of: Field, zone: str) -> str:
    if of.kind is Kind.TIME:
        return f"{of.name} ({zone})"
    return f"{of.name} ({of.unit})" if of.unit and of.unit != "0 to 1" else of.name


def _xlsx_cell(sheet: Any, of: Field, cell: Any, zone: ZoneInfo) -> Any:
    value = reading.plain_value(of, cell)
    if isinstance(value, datetime):
        local = value.astimezone(zone).replace(tzinfo=None)
        return local if local.year >= 1900 else _text_cell(sheet, local.isoformat(" "))
    if isinstance(value, date):
        return value if value.year >= 1900 else value.isoformat()
    if isinstance(value, float) and of.unit == "0 to 1":
        from openpyxl.cell import WriteOnlyCell

        share = WriteOnlyCell(sheet, value)
        share.number_format = "0.0%"
        return share
    if isinstance(value, bytes):
        return value.hex()
    return _text_cell(sheet, value) if isinstance(value, str) else value


def _text_cell(sheet: Any, value: Any) -> Any:
    """A text as text, also one that a sheet would run as a formula or show as an error (``#N/A``)."""
    if not isinstance(value, str):
        return value
    from openpyxl.cell import WriteOnlyCell

    plain = _NOT_IN_XML.sub("\ufffd", value)[:32_767]
    if not plain.startswith(("=", "#")):
        return plain
    cell = WriteOnlyCell(sheet, plain)
    cell.data_type = "s"
    return cell


def _notes(query: Query, about: About) -> Iterator[list[Any]]:
    of = query.relation
    yield ["name", of.name]
    yield ["what it is", of.meaning]
    yield ["one row for each", ", ".join(of.grain)]
    yield ["account", about.account]
    yield ["as of (UTC)", about.as_of.astimezone(UTC).isoformat(" ", "seconds") if about.as_of else "never refreshed"]
    yield ["definitions", DEFINITIONS]
    yield ["times are in", about.time_zone]
    for operator in query.conditions[1:]:
        yield ["only", f"{operator[0].name} {operator[1]} {operator[2]}"]
    for warning in of.warnings:
        yield [warning, WARNINGS[warning]]
    yield []
    for one in query.fields:
        yield [one.name, one.comment]


_WRITERS: dict[str, Write] = {".csv": _write_csv, ".parquet": _write_parquet, ".xlsx": _write_xlsx}
