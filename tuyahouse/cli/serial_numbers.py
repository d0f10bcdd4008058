"""``tuyahouse sn``: registers serial numbers and lists them."""

import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from tuyahouse.cli.context import AccountName, at_least_one, from_environment, open_warehouse, read_settings
from tuyahouse.cli.intake import ends_with_ctrl_c, report
from tuyahouse.cli.output import show
from tuyahouse.sync.intake.query import TYPED_URL_REFUSED, may_be_typed
from tuyahouse.sync.serial_numbers import register
from tuyahouse.sync.serial_numbers.state import State
from tuyahouse.terminal import track
from tuyahouse.warehouse.serial_numbers import registry

app = typer.Typer(
    no_args_is_help=True,
    help="""Serial numbers: Tuya lists none, so they are registered here.

    Example:

    \b
      tuyahouse sn add -a factory units.csv
      tuyahouse sn list -a factory --state new
    """,
)


_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Shape(StrEnum):
    TABLE = "table"
    CSV = "csv"


@app.command()
def add(
    account: AccountName,
    file: Annotated[Path | None, typer.Argument(help="CSV (also .gz), Excel or Parquet; detected by content.")] = None,
    pattern: Annotated[str | None, typer.Option(help="First and last of a range, joined by two dots.")] = None,
    query_url: Annotated[
        str | None,
        typer.Option(help="Database to query, as a SQLAlchemy URL; if it has a password, env:NAME of a variable."),
    ] = None,
    query: Annotated[str | None, typer.Option(help="SQL query whose result has a column sn.")] = None,
    work_order: Annotated[str | None, typer.Option(help="Work order of rows that name none.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The only sheet of a workbook to read.")] = None,
    column: Annotated[str | None, typer.Option(help="Heading of the serial numbers, if it is unusual.")] = None,
) -> None:
    """Register serial numbers from one source. Adding it again changes nothing.

    A file or query needs a column of serial numbers (sn, serial_number, 序列号 …) and may have one of work orders.
    Rows that cannot be used are listed with the reason and kept as dead letters; all others are registered. The exit
    code is then 3; it is 1 if the source cannot be read.

    Examples:

    \b
      tuyahouse sn add -a factory units.csv
      tuyahouse sn add -a factory units.xlsx --work-order WO-2026-118
      tuyahouse sn add -a factory --pattern YZCB04ZZR00001..YZCB04ZZR09999
      tuyahouse sn add -a factory --query-url env:MES --query 'SELECT sn FROM u'
    """
    given = [one for one in (file, pattern, query_url or query) if one]
    if len(given) != 1 or bool(query_url) != bool(query):
        raise typer.BadParameter(
            "name one source: a FILE, --pattern, or --query-url together with --query", param_hint="FILE"
        )
    if query_url and not may_be_typed(query_url):
        raise typer.BadParameter(TYPED_URL_REFUSED, param_hint="--query-url")
    settings = read_settings()
    name = settings.account(account).name
    url = from_environment(query_url, "--query-url") if query_url else None
    entries, source = register.source(file, pattern, url, query, sheet=sheet, column=column)
    with (
        open_warehouse(settings, create=True) as warehouse,
        track(f"Serial numbers from {source}") as tracker,
        ends_with_ctrl_c(tracker.advance) as on_rows,
    ):
        outcome = register.register(warehouse, name, entries, source, work_order, on_rows=on_rows)
    report(outcome, source, register.KIND)


@app.command("list")
def list_(
    account: AccountName,
    state: Annotated[State | None, typer.Option(help="Only serial numbers in this state.")] = None,
    work_order: Annotated[str | None, typer.Option(help="Only serial numbers of this work order.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(parser=at_least_one, metavar="INTEGER", help="Most to list; default: 100 in a table, all as csv."),
    ] = None,
    format_: Annotated[Shape, typer.Option("--format", help="csv lists any number.")] = Shape.TABLE,
) -> None:
    """List registered serial numbers in alphabetical order.

    Example:

    \b
      tuyahouse sn list -a factory --state open --limit 20
      tuyahouse sn list -a factory --format csv
    """
    settings = read_settings()
    name = settings.account(account).name
    most = limit or (100 if format_ is Shape.TABLE else None)
    with open_warehouse(settings) as warehouse, warehouse.read() as conn:
        wanted = state.value if state else None
        rows = registry.listing(conn, name, state=wanted, work_order=work_order, limit=most)
        if format_ is Shape.TABLE:
            _table(name, list(rows), most)
        else:
            _csv(rows)


def _table(account: str, rows: list[registry.Listed], most: int | None) -> None:
    show(f"Serial numbers of {account} (UTC)", registry.Listed._fields, rows)
    if len(rows) == most:
        typer.echo(f"The first {most:,} are shown; --limit shows more, --format csv all.")


def _csv(rows: Iterator[registry.Listed]) -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # a file of another encoding may lack what serial numbers are made of
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(registry.Listed._fields)
    lines.writerows([_as_csv(one) for one in row] for row in rows)


def _as_csv(value: object) -> object:
    """A cell that no spreadsheet treats as a formula: it gets an apostrophe, which ``sn add`` removes again."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_FORMULA) else value
