"""The SQLAlchemy engine of a warehouse URL, set up for tuyahouse's way of writing."""

import sqlite3
import time
from typing import Any

import psycopg
from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import URL, Connection, Engine, create_engine, event

from tuyahouse.warehouse.errors import WarehouseError

BUSY_SECONDS = 60
"""So long a writer waits for another writer of the same SQLite file."""

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    # NORMAL would lose the newest commits when the power fails, and a message is acknowledged once it is committed.
    # There is one commit a chunk or batch: waiting for the disk costs little.
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -8000",
)


def make_engine(url: URL) -> Engine:
    """An engine with a small pool. Parameters never appear in its errors: they may be tokens."""
    if url.drivername == "sqlite":
        engine = create_engine(url, hide_parameters=True, pool_size=5, max_overflow=15)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=5,
        max_overflow=15,
        pool_pre_ping=True,
        connect_args={"application_name": "tuyahouse", "connect_timeout": 15, **_options(url), **_encoding(url)},
    )
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_postgres(connection: "psycopg.Connection[Any]", _record: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise WarehouseError(
            f"The database of the warehouse is encoded in {encoding}, which cannot hold every text that Tuya sends. "
            "Name a database made with ENCODING 'UTF8' (TUYAHOUSE_WAREHOUSE_URL)."
        )
    # Else COPY takes the dumper of DB-API's Binary for every bytes value, which is Python and takes ten times as long.
    connection.adapters.register_dumper(bytes, BytesBinaryDumper)


def _options(url: URL) -> dict[str, str]:
    """No notice for every ``CREATE … IF NOT EXISTS``, no compiling of statements that run in milliseconds.

    Options in the URL win.
    """
    return {} if "options" in url.query else {"options": "-c client_min_messages=warning -c jit=off"}


def _encoding(url: URL) -> dict[str, str]:
    """UTF-8, whatever the server's encoding: a database in SQL_ASCII takes the bytes as they are."""
    return {} if "client_encoding" in url.query else {"client_encoding": "utf8"}


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    _keep_a_log(connection)


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Write ahead, so that readers and the writer do not wait for each other.

    Of processes that open a new file at the same moment SQLite refuses some at once instead of letting them wait.
    """
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the write lock first: a reader that turns writer later could not wait for it."""
    writes = connection.get_execution_options().get("tuyahouse_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
