"""Errors of a warehouse, in words that say what to do."""

import re
import sqlite3
from typing import Any

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError


class WarehouseError(Exception):
    """The warehouse cannot do what was asked; the text says why and what to change."""


class WarehouseAway(WarehouseError):
    """A passing state: connection lost, server restarting, file locked for too long, deadlock. Retrying helps."""


class WaitedTooLong(WarehouseAway):
    """Another session held a lock for longer than LOCK_WAIT. Trying again at once would wait as long."""


class ValueRefused(WarehouseError):
    """A value that the database cannot hold: a number or time out of range, a key too long for an index, NUL.

    Nothing was stored. The same rows are refused again: see :func:`tuyahouse.warehouse.bulk.halves.land_in_halves`.
    """


class LockLost(WarehouseError):
    """The lock of a run ended before it was renewed, and another run has taken over. Nothing more is written."""


class NoWarehouse(WarehouseError):
    """There is no warehouse yet: no file, or an empty database. Nothing was created."""


class SchemaError(WarehouseError):
    """The tables there are not those of this version of tuyahouse; nothing was changed."""


_PASSING = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.IdleInTransactionSessionTimeout,
    pg.TooManyConnections,
)
_COLLISION = (pg.DeadlockDetected, pg.SerializationFailure)
_OUT_OF_ORDER = ("53", "57", "58")
"""SQLSTATE classes of a server that lacks something, was told to stop, or whose disk fails: no statement's fault."""

_REFUSED_CLASSES = ("22", "23", "54")
"""SQLSTATE classes of a value that does not fit: data exceptions, broken constraints, limits of the server."""

_NO_ENTRY = (pg.InvalidPassword, pg.InvalidAuthorizationSpecification)

_SERVER_SPEAKS = re.compile(r" failed: (?!FATAL:  (?:the database system|sorry|remaining connection))\S+:  ")
"""A refusal of the server's while connecting, in whatever language: ``SEVERITY:  text``. The driver keeps its SQLSTATE
to itself; what it says by itself is English and has no severity."""

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
_HINT = "Check TUYAHOUSE_WAREHOUSE_URL"


def in_words(error: BaseException, where: str, holder: str = "") -> WarehouseError | None:
    """The error of a driver or of SQLAlchemy as one for the operator; None when it is a mistake of the program.

    ``where`` names the database without its password, ``holder`` the session that held a lock, where that is known.
    """
    origin: Any = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, pg.LockNotAvailable):
        return _waited(where, holder)
    if isinstance(origin, psycopg.Error):
        return _postgres(origin, where)
    if isinstance(origin, OverflowError | sqlite3.DataError | sqlite3.IntegrityError):
        return _refused(where, origin)
    text = f"{origin} {getattr(origin, 'sqlite_errorname', '')}".lower()
    for part, kind, words in _SQLITE:
        if part in text and type(origin).__module__ == "sqlite3":
            return kind(f"The warehouse {where} {words} (TUYAHOUSE_WAREHOUSE_URL).")
    return None


def _postgres(error: psycopg.Error, where: str) -> WarehouseError | None:
    said = " ".join(str(error).split())
    if isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(_REFUSED_CLASSES):
        return _refused(where, error)
    if isinstance(error, pg.InvalidSchemaName):
        return WarehouseError(
            f"The warehouse {where} has no schema to put tables into: {said}. Create the one that search_path names "
            f"(CREATE SCHEMA …), or name another. {_HINT}."
        )
    if "pg_hba.conf" in said and error.sqlstate is None:  # a file's name is the same in every language
        return WarehouseError(
            f"The warehouse {where} refuses the connection: {said}. Ask its administrator to add a line for this "
            f"host, user and database to pg_hba.conf; if it requires encryption, add ?sslmode=require. {_HINT}."
        )
    if isinstance(error, _COLLISION):
        return WarehouseAway(f"The warehouse {where} could not wait for another transaction: {said}. Try again.")
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return WarehouseError(f"The warehouse {where} is read-only. {_HINT}: it must be the primary server, writable.")
    if isinstance(error, pg.InsufficientPrivilege):
        return WarehouseError(
            f"The user of the warehouse {where} lacks a right: {said}. Grant it, or use another user."
        )
    if isinstance(error, pg.DiskFull):
        return WarehouseError(f"The disk of the warehouse {where} is full. Make room, then run again.")
    if (
        isinstance(error, _NO_ENTRY)
        or "authentication failed" in said
        or ("does not exist" in said and error.sqlstate is None)
    ):
        return WarehouseError(
            f"The warehouse {where} refuses the connection: {said}. {_HINT} (user, password, database)."
        )
    if error.sqlstate is None and _SERVER_SPEAKS.search(str(error)):
        return WarehouseAway(
            f"The warehouse {where} refuses the connection: {said}. {_HINT} (user, password, database). It is tried "
            "again, as the server may be starting or have no connection left."
        )
    if isinstance(error, _PASSING) or (isinstance(error, psycopg.OperationalError) and _lost(error)):
        return WarehouseAway(f"The warehouse {where} cannot be reached: {said}. Check that it runs. {_HINT}.")
    if error.sqlstate is not None and error.sqlstate.startswith(_OUT_OF_ORDER):
        return WarehouseAway(f"The warehouse {where} could not do it now: {said}. Try again, or see the server's log.")
    return None


def _waited(where: str, holder: str) -> WaitedTooLong:
    return WaitedTooLong(
        f"The warehouse {where}: a lock of {holder or 'another session'} was held for longer than LOCK_WAIT. "
        "End that transaction, then start this again."
    )


def _refused(where: str, error: BaseException) -> ValueRefused:
    """The driver's first line alone: the lines after it hold the row."""
    return ValueRefused(f"The warehouse {where} cannot hold a value: {(str(error).splitlines() or [''])[0]}")


def _lost(error: psycopg.OperationalError) -> bool:
    return error.sqlstate is None or error.sqlstate.startswith("08")
