"""``tuyahouse export``: a table or mart as a file."""

from pathlib import Path
from typing import Annotated

import typer

from tuyahouse import export as files
from tuyahouse.cli.context import AccountName, open_warehouse, read_settings
from tuyahouse.cli.output import say


def export(
    account: AccountName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Table or mart, see `tuyahouse dictionary`.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .xlsx.")],
    since: Annotated[str | None, typer.Option(help="From this day or time (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Before this day or time (UTC).")] = None,
    where: Annotated[list[str] | None, typer.Option(help="COLUMN=VALUE, once for each column: all must hold.")] = None,
) -> None:
    """Write a table or mart to a file. Memory stays flat, however large it is.

    Ids are text in a workbook, its times are local to the factory. A cell that a spreadsheet would run as a formula is
    written as text.

    Example:

    \b
      tuyahouse export mart_order -a factory --out orders.xlsx
      tuyahouse export flow_step -a factory --out steps.parquet --since 2026-03-01
    """
    settings = read_settings()
    found = settings.account(account).name
    conditions = _conditions(where or [])
    with open_warehouse(settings) as warehouse:
        count = files.export(warehouse, name, found, out, where=conditions, since=since, until=until)
    say(f"{out}: {count:,} rows of {name}.")


def _conditions(pairs: list[str]) -> dict[str, str]:
    conditions: dict[str, str] = {}
    for column, value in map(_condition, pairs):
        if column in conditions:
            raise typer.BadParameter(
                f"{column} is named twice, and all conditions must hold: name it once, or read several values by "
                "frames.read",
                param_hint="--where",
            )
        conditions[column] = value
    return conditions


def _condition(pair: str) -> tuple[str, str]:
    column, equals, value = pair.partition("=")
    if not equals or not column:
        raise typer.BadParameter(f"{pair!r} is not COLUMN=VALUE", param_hint="--where")
    return column.strip(), value
