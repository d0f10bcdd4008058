"""Commands about the warehouse itself: migrate, explain, dictionary."""

import sys
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Any

import typer

from tuyahouse.cli.context import AccountName, open_warehouse, opened, read_settings
from tuyahouse.cli.output import said, say, show
from tuyahouse.cli.words import stopped
from tuyahouse.warehouse.dictionary import entries, html, markdown
from tuyahouse.warehouse.errors import SchemaError
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers.explain import Explanation, explain_sn

RAW_SHOWN = 4000
STEP = (
    "happened_at",
    "node",
    "node_desc",
    "status",
    "order_code",
    "craft_line_code",
    "gone_at",
    "first_run",
    "last_run",
)
RUN = ("run_id", "flow", "run_key", "status", "started_at", "ended_at")
LETTER = ("reason", "code", "message", "attempts", "last_seen_at", "resolved_at")


class Shape(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    TABLE = "table"


def migrate() -> None:
    """Migrate the warehouse to the schema of this version. A newer or unknown schema is refused and left as it is.

    Example:

    \b
      tuyahouse migrate
    """
    settings = read_settings()
    try:
        found, did = opened(settings), "is at"
    except SchemaError:
        found, did = opened(settings, migrate=True), "was migrated to"
    with closing(found) as warehouse:
        say(f"The warehouse {warehouse.name} {did} schema {warehouse.schema_version()}.")


def dictionary(
    format_: Annotated[
        Shape, typer.Option("--format", help="markdown or html for a file, table for the terminal.")
    ] = Shape.MARKDOWN,
) -> None:
    """Describe every table, mart and column of the warehouse. Needs no settings.

    Example:

    \b
      tuyahouse dictionary --format table
      tuyahouse dictionary --format html
    """
    if format_ is not Shape.TABLE:
        typer.echo(html() if format_ is Shape.HTML else markdown(), nl=False)
        return
    columns = ("table", "column", "type", "key", "what it is")
    show(
        "Data dictionary", columns, ((e.table, e.column, e.type, "key" if e.key else "", e.comment) for e in entries())
    )


def explain(
    account: AccountName,
    sn: Annotated[str, typer.Argument(metavar="SN", help="Serial number.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Print only the newest answer, byte for byte as Tuya sent it.")
    ] = False,
) -> None:
    """Show everything the warehouse holds on a serial number, and where it comes from.

    Example:

    \b
      tuyahouse explain -a factory YZCB04ZZR00001
      tuyahouse explain -a factory YZCB04ZZR00001 --raw
    """
    settings = read_settings()
    with open_warehouse(settings) as warehouse:
        # No call is made, so an account that the warehouse knows needs no settings.
        name = account.lower() if account.lower() in runs.accounts(warehouse) else settings.account(account).name
        with warehouse.read() as conn:
            found = explain_sn(conn, name, sn.strip())
    if raw:
        _raw(found)
    elif found.registry or found.steps or found.dead_letters or found.answer:
        _show(found)
    else:
        raise stopped(f"The warehouse holds nothing on {found.sn}: register it with `tuyahouse sn add -a {name} …`.")


def _raw(found: Explanation) -> None:
    if found.answer is None:
        raise stopped(f"No answer of Tuya about {found.sn} is kept: it was never asked, or prune has deleted it.")
    sys.stdout.buffer.write(found.answer.body)
    sys.stdout.buffer.flush()


def _show(found: Explanation) -> None:
    if found.registry:
        show("Registry", ("column", "value"), ((name, said(value)) for name, value in found.registry.items()))
    else:
        say(f"{found.sn} is not registered.")
    if found.craft_line:
        show("Craft line of its work order", ("column", "value"), ((n, said(v)) for n, v in found.craft_line.items()))
    _rows("Steps (UTC)", STEP, found.steps)
    _rows("Runs that wrote them (UTC)", RUN, found.runs)
    _rows("Dead letters (UTC)", LETTER, found.dead_letters)
    if found.answer is None:
        say("No answer of Tuya is kept.")
        return
    body = found.answer.body
    shown = body[:RAW_SHOWN].decode(errors="replace")
    say(f"Newest answer that changed something, stored {said(found.answer.stored_at)} UTC in {found.answer.block_id}:")
    say(shown + (f" … {len(body) - RAW_SHOWN:,} bytes more: --raw" if len(body) > RAW_SHOWN else ""))


def _rows(title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    if rows:
        show(title, columns, ([row[name] for name in columns] for row in rows))
