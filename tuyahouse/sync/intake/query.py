"""Keys from a SQL query on another database."""

from collections.abc import Iterator

from tuyahouse.sync.intake.columns import Columns, Headings, find_columns, require_columns
from tuyahouse.sync.intake.rows import Item, SourceError, entry
from tuyahouse.warehouse.external import ExternalDatabaseError, label, read_rows


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
    """What to call a query's database in the registry: without user, password and options.

    Raises:
        SourceError: it is no URL.
    """
    try:
        return label(url)
    except ExternalDatabaseError as error:
        raise SourceError(str(error)) from None


def _columns(names: list[str], headings: Headings) -> Columns:
    if len(names) == 1:
        return find_columns([names], headings) or Columns(0, None, 0, named=False)
    return require_columns([names], "The query's answer", headings)
