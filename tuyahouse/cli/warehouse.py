"""Commands about the warehouse itself: migrate, dictionary."""

from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from tuyahouse.cli.context import opened, read_settings
from tuyahouse.cli.output import say, show
from tuyahouse.warehouse.dictionary import entries, html, markdown
from tuyahouse.warehouse.errors import SchemaError


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
