"""Keys from a SQL query on another database."""

import re
from collections.abc import Iterator

from tuyahouse.sync.intake.columns import Columns, Headings, find_columns, require_columns
from tuyahouse.sync.intake.rows import Item, SourceError, entry
from tuyahouse.warehouse.external import ExternalDatabaseError, label, read_rows

_HARMLESS = "sslmode|ssl_mode|charset|encoding|connect_timeout|application_name|driver|service_name|mode|uri|Encrypt"
TYPED_URL = (
    r"^(env:[A-Za-z_][A-Za-z0-9_]*|[A-Za-z][A-Za-z0-9+_]*://([^:/?#@\s]*@)?[^?#@\r\n\t]*"
    rf"(\?(&?({_HARMLESS})=[^&=@#\s]*)*)?)$(?![\s\S])"
)
"""A URL as it may be typed: the name of a variable, or a URL with neither a password nor an option that could be one.

Written so that readers of JSON Schema understand it too.
"""

TYPED_URL_REFUSED = (
    "it may hold a password, or an option that could be one, and what is typed is kept in histories, lists of "
    "processes and Prefect's database; put the URL into an environment variable and write env:NAME"
)


def may_be_typed(url: str) -> bool:
    """Whether a URL, as a person typed it, can hold no password."""
    return re.search(TYPED_URL, url) is not None


def read_query(url: str, sql: str, headings: Headings) -> Iterator[Item]:
    """The keys a query answers with, streamed; a query of one column needs no name for it.

    Raises:
        SourceError: the database cannot be reached, the query fails, or no column holds keys. Never holds the
            URL's password.
    """
    try:
        with read_rows(url, sql) as (names, rows):
            columns = _columns(names, headings)
            for number, cells in enumerate(rows, start=1):
                beside = cells[columns.companion] if columns.companion is not None else None
                yield entry(f"row {number}", cells[columns.key], beside)
    except ExternalDatabaseError as error:
        raise SourceError(str(error)) from None


def query_label(url: str) -> str:
    """The name of a query's database in the registry: its URL without user, password and options.

    Raises:
        SourceError: it is not a URL.
    """
    try:
        return label(url)
    except ExternalDatabaseError as error:
        raise SourceError(str(error)) from None


def _columns(names: list[str], headings: Headings) -> Columns:
    if len(names) == 1:
        return find_columns([names], headings) or Columns(0, None, 0, named=False)
    return require_columns([names], "The query's answer", headings)
