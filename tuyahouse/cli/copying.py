"""``tuyahouse copy``: the warehouse into another database."""

from contextlib import closing
from typing import Annotated

import typer

from tuyahouse.cli.context import from_environment, open_warehouse, read_settings
from tuyahouse.cli.output import say
from tuyahouse.cli.words import stopped
from tuyahouse.settings import Settings
from tuyahouse.warehouse.copying import copy_all, require_no_runs
from tuyahouse.warehouse.database.address import parse_url
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.warehouse import Warehouse


def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="Database to copy into, as a SQLAlchemy URL; env:NAME reads it from that variable.",
            show_default=False,
        ),
    ],
) -> None:
    """Copy the whole warehouse into an empty database, e.g. from a SQLite file to PostgreSQL.

    All or nothing: after an error or Ctrl-C the target is unchanged. Live tokens, locks and start slots are not copied.

    Example:

    \b
      tuyahouse copy --to postgresql://tuyahouse@db.example/warehouse
      TARGET=postgresql://tuyahouse:password@db.example/warehouse tuyahouse copy --to env:TARGET
    """
    settings = read_settings()
    url = from_environment(to, "--to")
    with open_warehouse(settings) as source:
        require_no_runs(source)
        with closing(_open_target(url, settings)) as target:
            copied = copy_all(source, target, lambda table, rows: say(f"  {table:<24} {rows:>12,} rows"))
            say(f"Copied {sum(copied.values()):,} rows of {source.name} into {target.name}.")
    say("Set TUYAHOUSE_WAREHOUSE_URL to the copy, and keep TUYAHOUSE_SECRET_KEY. The next run logs in anew.")


def _open_target(url: str, settings: Settings) -> Warehouse:
    try:
        if parse_url(url) == parse_url(settings.warehouse_url):
            raise stopped("--to names the warehouse itself (TUYAHOUSE_WAREHOUSE_URL). Name another database.")
        return Warehouse.open(url, settings.secret_key, lock_wait=settings.lock_wait)
    except WarehouseError as error:  # its text names the setting; here it is the option
        raise stopped(str(error).replace("TUYAHOUSE_WAREHOUSE_URL", "--to")) from None
