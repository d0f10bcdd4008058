"""What SQLite's and PostgreSQL's drivers raise, in words that say what to do."""

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError

from tuyahouse.warehouse.errors import SchemaError, WarehouseAway, WarehouseError, refused

_SQLITE = (
    ("readonly database", WarehouseError, "is read-only. Make the file and its folder writable, or name another one"),
    ("locked", WarehouseAway, "is locked by another process for too long. Try again when that one has finished"),
    (
        "unable to open",
        WarehouseError,
        "cannot be opened. Check that the folder exists and that this user may write there",
    ),
    ("not a database", SchemaError, "is not a SQLite database. Name another file"),
    ("disk image is malformed", WarehouseError, "is damaged. Restore it from a backup"),
    ("is full", WarehouseError, "cannot grow: the disk is full. Make room, then run again"),
    ("shmsize", WarehouseError, "cannot be opened: the disk is full. Make room, then run again"),
    ("ioerr_write", WarehouseAway, "cannot be written: the disk reports an error, as where a quota is used up"),
    ("disk i/o", WarehouseAway, "cannot be read or written: the disk reports an error"),
)
"""What SQLite says or the name of its error holds, and what that means."""


def in_words(error: BaseException, where: str, holder: str = "") -> WarehouseError | None:
    """The error of a driver or of SQLAlchemy as one for the operator; None when it is a mistake of the program.

    ``where`` names the database without its password, ``holder`` the session that held a lock, where that is known.
    """
    origin: Any = error.orig if isinstance(error, DBAPIError) else error
    if type(origin).__module__.startswith("psycopg"):
        from tuyahouse.warehouse import postgres_errors  # a warehouse in SQLite does without the driver

        return postgres_errors.in_words(origin, where, holder)
    if isinstance(origin, OverflowError | sqlite3.DataError | sqlite3.IntegrityError):
        return refused(where, origin)
    text = f"{origin} {getattr(origin, 'sqlite_errorname', '')}".lower()
    for part, kind, words in _SQLITE:
        if part in text and type(origin).__module__ == "sqlite3":
            return kind(f"The warehouse {where} {words} (TUYAHOUSE_WAREHOUSE_URL).")
    return None
