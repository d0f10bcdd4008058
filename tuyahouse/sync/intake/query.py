"""Serial numbers from a SQL query on another database."""

from collections.abc import Iterator

from tuyahouse.sync.intake.columns import Columns, find_columns, require_columns
from tuyahouse.sync.intake.rows import Entry, SourceError, entry
from tuyahouse.warehouse.external import ExternalDatabaseError, label, read_rows


def read_query(url: str, sql: str) -> Iterator[Entry]:
    """The serial numbers a query answers with, streamed; a query of one column needs no name for it.

    Raises:
        SourceError: the database cannot be reached, the query fails, or no column is a serial number. Never holds the
            URL's password.
    """
    try:
        with read_rows(url, sql) as (names, rows):
            columns = _columns(names)
            for number, cells in enumerate(rows, start=1):
                order = cells[columns.order_code] if columns.order_code is not None else None
                yield entry(f"row {number}", cells[columns.sn], order)
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


def _columns(names: list[str]) -> Columns:
    if len(names) == 1:
        return find_columns([names]) or Columns(0, None, 0)
    return require_columns([names], "The query's answer")
