"""``tuyahouse orders``: plans of work orders."""

from pathlib import Path
from typing import Annotated

import typer

from tuyahouse.cli.context import AccountName, open_warehouse, read_settings
from tuyahouse.cli.intake import ends_with_ctrl_c, report
from tuyahouse.cli.output import say
from tuyahouse.sync.serial_numbers import orders
from tuyahouse.terminal import track

app = typer.Typer(no_args_is_help=True)
_SHOWN = 10


@app.callback()
def callback() -> None:
    """Work orders: how many units are planned and when they are due.

    Example:

    \b
      tuyahouse orders add -a factory orders.csv
    """


@app.command()
def add(
    account: AccountName,
    file: Annotated[Path, typer.Argument(help="CSV (also .gz), Excel or Parquet; detected by content.")],
    sheet: Annotated[str | None, typer.Option(help="The only sheet of a workbook to read.")] = None,
    column: Annotated[str | None, typer.Option(help="Heading of the work orders, if it is unusual.")] = None,
) -> None:
    """Import plans from a file with the columns order_code, planned_units, due_at and product.

    A due date without a zone is in FACTORY_TIME_ZONE; without a time it is the end of that day. A work order without
    units is kept and named. Rows that cannot be used are listed with the reason and kept as dead letters; the exit
    code is then 3.

    Example:

    \b
      tuyahouse orders add -a factory orders.csv
    """
    settings = read_settings()
    found = settings.account(account)
    with (
        open_warehouse(settings, create=True) as warehouse,
        track(f"Work orders from {file.name}") as tracker,
        ends_with_ctrl_c(tracker.advance) as on_rows,
    ):
        outcome = orders.add_plans(warehouse, found, file, sheet=sheet, column=column, on_rows=on_rows)
        unknown = orders.unknown_orders(warehouse, found.name)
    if unknown:
        named = ", ".join(unknown[:_SHOWN]) + (" …" if len(unknown) > _SHOWN else "")
        say(f"{len(unknown):,} planned work orders have no units yet: {named}. Their plans are kept.")
    report(outcome, file.name, orders.KIND)
