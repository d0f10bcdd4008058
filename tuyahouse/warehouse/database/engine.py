"""The SQLAlchemy engine of a warehouse URL, set up for tuyahouse's way of writing."""

import sqlite3
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from tuyahouse.warehouse.database.patience import is_ending, seconds_left
from tuyahouse.warehouse.database.postgres_locks import PostgresLockWatch, name_of_this_process
from tuyahouse.warehouse.database.sqlite_locks import SqliteLocks
from tuyahouse.warehouse.database.values import json_text
from tuyahouse.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    import psycopg

LOCK_WAIT = 600.0
"""Seconds that a statement waits for a lock where no setting says otherwise."""

CACHE_KB = 8_000
"""Pages that a connection to SQLite holds in memory."""

_PRAGMAS = (
    # NORMAL would lose the newest commits when the power fails, and a message is acknowledged once it is committed.
    # There is one commit a chunk or batch: waiting for the disk costs little.
    "PRAGMA synchronous = FULL",
    f"PRAGMA cache_size = -{CACHE_KB}",
)


def make_engine(url: URL, lock_wait: float = LOCK_WAIT) -> tuple[Engine, PostgresLockWatch | None]:
    """An engine with a small pool, and what watches its locks. Its errors show no parameters: they may be tokens.

    A statement waits for the locks of other sessions for ``lock_wait`` seconds at most.
    """
    if url.drivername == "sqlite":
        engine = create_engine(url, hide_parameters=True, json_serializer=json_text, pool_size=5, max_overflow=15)
        locks = SqliteLocks(url, lock_wait)
        # Before a connection is opened, which would leave an empty file where one was deleted.
        event.listen(engine, "do_connect", lambda *_: locks.require_same_file())
        event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, locks))
        event.listen(engine, "begin", locks.begin)
        return engine, None
    return _postgres_engine(url, lock_wait)


def _postgres_engine(url: URL, lock_wait: float) -> tuple[Engine, PostgresLockWatch]:
    arguments = _connect_args(url)
    engine = create_engine(
        url,
        hide_parameters=True,
        json_serializer=json_text,
        pool_size=5,
        max_overflow=15,
        pool_pre_ping=True,
        connect_args=arguments,
    )
    watch = PostgresLockWatch(url, arguments, lock_wait)
    session = _Sessions(url, lock_wait)
    event.listen(engine, "connect", session.prepare)
    event.listen(engine, "begin", session.begin)
    # By the pool's record: the connection itself is None where it was invalidated.
    event.listen(engine, "checkout", lambda _connection, record, _proxy: watch.begin(id(record)))
    event.listen(engine, "checkin", lambda _connection, record: watch.end(id(record)))
    return engine, watch


def _connect_args(url: URL) -> dict[str, Any]:
    """UTF-8, whatever the server's encoding: a database in SQL_ASCII takes the bytes as they are."""
    named = url.query.get("application_name")
    encoding = {} if "client_encoding" in url.query else {"client_encoding": "utf8"}
    application = name_of_this_process(named if isinstance(named, str) else None)
    return {"application_name": application, "connect_timeout": 15, **encoding}


class _Sessions:
    """Settings of the sessions with PostgreSQL. Options of the URL win."""

    def __init__(self, url: URL, lock_wait: float) -> None:
        # No notice for every CREATE … IF NOT EXISTS, no compiling of statements that run in milliseconds, and times in
        # UTC, which need no conversion.
        wanted = {
            "client_min_messages": "warning",
            "jit": "off",
            "timezone": "UTC",
            "lock_timeout": f"{lock_wait * 1000:.0f}",
        }
        given = str(url.query.get("options", ""))
        self._settings = {name: value for name, value in wanted.items() if name not in given}
        self._lock_wait = lock_wait

    def prepare(self, connection: "psycopg.Connection[Any]", record: Any) -> None:
        from psycopg.types.string import BytesBinaryDumper

        _require_encoding(connection)
        # Else COPY takes the dumper of DB-API's Binary for every bytes value: it is Python, and ten times slower.
        connection.adapters.register_dumper(bytes, BytesBinaryDumper)
        connection.autocommit = True
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        record.info["pooled"] = pooled = pid != connection.info.backend_pid
        if pooled:
            connection.prepare_threshold = None  # the next transaction may meet another session of the server's
        else:
            connection.execute("; ".join(f"SET {name} = {value}" for name, value in self._settings.items()) or "SELECT")
        connection.autocommit = False

    def begin(self, connection: Connection) -> None:
        settings = dict(self._settings) if connection.info["pooled"] else {}
        if is_ending():
            settings["lock_timeout"] = f"{seconds_left(self._lock_wait) * 1000:.0f}"
        if settings:
            connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items()))


def _require_encoding(connection: "psycopg.Connection[Any]") -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise WarehouseError(
            f"The database of the warehouse is encoded in {encoding}, which cannot hold every text that Tuya sends. "
            "Name a database made with ENCODING 'UTF8' (TUYAHOUSE_WAREHOUSE_URL)."
        )


def _prepare_sqlite(connection: sqlite3.Connection, locks: SqliteLocks) -> None:
    connection.isolation_level = None  # transactions begin where SqliteLocks says, not where the driver guesses
    locks.keep_a_log(connection)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
