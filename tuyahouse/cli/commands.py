"""``tuyahouse commands``: command records to follow."""

from pathlib import Path
from typing import Annotated

import typer

from tuyahouse.cli.context import AccountName, open_warehouse, read_settings
from tuyahouse.cli.intake import ends_with_ctrl_c, report
from tuyahouse.sync.commands import intake
from tuyahouse.terminal import track

app = typer.Typer(no_args_is_help=True)


@app.callback()
def commands() -> None:
    """Command records: add those that no message reports.

    Example:

    \b
      tuyahouse commands add -a factory commands.csv
    """


@app.command()
def add(
    account: AccountName,
    file: Annotated[Path, typer.Argument(help="CSV (also .gz), Excel or Parquet; detected by content.")],
    sheet: Annotated[str | None, typer.Option(help="The only sheet of a workbook to read.")] = None,
    column: Annotated[str | None, typer.Option(help="Heading of the record numbers, if it is unusual.")] = None,
) -> None:
    """Follow the commands in a file until they have ended. Adding it again changes nothing.

    The file needs a column of record numbers (command_sn, sn, 指令编号 …) and may have one of devices (device_id).
    Rows that cannot be used are listed with the reason and kept as dead letters; all others are followed. The exit
    code is then 3.

    Example:

    \b
      tuyahouse commands add -a factory commands.csv
    """
    settings = read_settings()
    name = settings.account(account).name
    with (
        open_warehouse(settings, create=True) as warehouse,
        track(f"Commands from {file.name}") as tracker,
        ends_with_ctrl_c(tracker.advance) as on_rows,
    ):
        outcome = intake.follow_commands(warehouse, name, file, sheet=sheet, column=column, on_rows=on_rows)
    report(outcome, file.name, intake.KIND)
