"""The transactions of a refresh."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.engine import CACHE_KB

PAGES_KB = 64_000
"""What SQLite may hold in memory meanwhile: about what PostgreSQL may for each sort of the refresh."""


@contextmanager
def writing(database: Database) -> Iterator[Connection]:
    """A transaction in which one snapshot holds from the first read on, and no other refresh writes.

    On SQLite every writing transaction is so. On PostgreSQL the lock comes before the snapshot; it holds up neither
    readers nor landings.
    """
    with database.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            conn.execute(text("LOCK TABLE ops_mart IN SHARE ROW EXCLUSIVE MODE"))
            yield conn
            return
        _hold_pages(conn, PAGES_KB)
        try:
            yield conn
        finally:
            _hold_pages(conn, CACHE_KB)


def _hold_pages(conn: Connection, kilobytes: int) -> None:
    """How much SQLite holds in memory of the file and of temporary tables, and sorts there, before it uses the disk."""
    for place in ("main", "temp"):
        conn.exec_driver_sql(f"PRAGMA {place}.cache_size = -{kilobytes}")
