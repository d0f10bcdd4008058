"""``tuyahouse report``: the marts as one page for a person."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tuyahouse.cli.context import AccountName, open_warehouse, read_settings
from tuyahouse.cli.output import say


class Language(StrEnum):
    ENGLISH = "en"
    CHINESE = "zh"


def report(
    account: AccountName,
    out: Annotated[Path, typer.Option(help="File to write, e.g. report.html.")],
    language: Annotated[Language | None, typer.Option(help="en or zh; default: the account's REPORT_LANGUAGE.")] = None,
) -> None:
    """Write one HTML page: orders behind, yield, rework, what is stuck, devices, commands, runs.

    The file needs no network and runs no script: send it, open it on a phone, print it. It shows the marts as of their
    newest refresh.

    Example:

    \b
      tuyahouse report -a factory --out report.html
      tuyahouse report -a factory --out report.html --language zh
    """
    settings = read_settings()
    found = settings.account(account)
    from tuyahouse.report import write  # pandas takes a second to import: after the settings are known to be good

    with open_warehouse(settings) as warehouse:
        built = write(warehouse, found, out, language.value if language else None)
    if not built.as_of:
        say(f"{out}: a report without data, which says what to do. The marts of {found.name} were never refreshed.")
        return
    say(f"{out}: report of {found.name} as of {built.as_of} ({built.size / 1000:,.0f} kB).")
