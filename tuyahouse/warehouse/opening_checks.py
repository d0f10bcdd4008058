"""The place of a warehouse that is not there yet: what is found instead, and whether one could be made there."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from tuyahouse.warehouse import schema
from tuyahouse.warehouse.database.address import sqlite_path, whole
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.errors import NoWarehouse, WarehouseError


def require_file(url: URL) -> None:
    """Refuse a SQLite file that is not there or holds nothing of ours, before opening it would change it.

    Raises:
        NoWarehouse: it is so.
    """
    if url.drivername != "sqlite":
        return
    file = sqlite_path(url)
    if not file.is_file():
        raise NoWarehouse(
            f"There is no warehouse {whole(url)}. TUYAHOUSE_WAREHOUSE_URL names it: go to the folder in which it is "
            "a name, write the whole path of the file, or make a new one there by `tuyahouse migrate`."
        )
    if file.stat().st_size == 0 or _lacks_schema(file):
        raise none_yet(url)


def none_yet(url: URL) -> NoWarehouse:
    """The error of a file or database without tables."""
    return NoWarehouse(
        f"{whole(url)} holds no warehouse. TUYAHOUSE_WAREHOUSE_URL names it: name another one, or make one there by "
        "`tuyahouse migrate`."
    )


def require_folder(url: URL) -> None:
    """Refuse a SQLite file that cannot be made, because of its folder.

    Raises:
        WarehouseError: says what to change.
    """
    folder = sqlite_path(url).absolute().parent
    if not folder.is_dir():
        raise WarehouseError(f"There is no folder {folder}: make it, or name another file by TUYAHOUSE_WAREHOUSE_URL.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WarehouseError(
            f"Nothing can be written into {folder}: make it writable, or name another file by TUYAHOUSE_WAREHOUSE_URL."
        )


def require_tables_allowed(database: Database) -> None:
    """Make a table and take it back.

    Raises:
        WarehouseError: the database cannot be reached, or does not let us; says what to change.
    """
    try:
        with database.begin() as conn:
            conn.exec_driver_sql("CREATE TABLE tuyahouse_trial (a integer)")
            raise _Back
    except _Back:
        pass


class _Back(Exception):
    """Ends a transaction, which is rolled back."""


def _lacks_schema(file: Path) -> bool:
    """Whether SQLite reads the file and finds no table of schemas in it. What it cannot read is said on opening."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            named = "SELECT 1 FROM sqlite_master WHERE name = ?"
            return conn.execute(named, (schema.VERSION_TABLE,)).fetchone() is None
    except sqlite3.Error:
        return False
