"""What PostgreSQL's driver raises, in words that say what to do."""

import re

import psycopg
from psycopg import errors as pg

from tuyahouse.warehouse.errors import WaitedTooLong, WarehouseAway, WarehouseError, refused

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
_HINT = "Check TUYAHOUSE_WAREHOUSE_URL"


def in_words(error: psycopg.Error, where: str, holder: str = "") -> WarehouseError | None:
    """The driver's error as one for the operator; None when it is a mistake of the program."""
    if isinstance(error, pg.LockNotAvailable):
        return _waited(where, holder)
    said = " ".join(str(error).split())
    if isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(_REFUSED_CLASSES):
        return refused(where, error)
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


def _lost(error: psycopg.OperationalError) -> bool:
    return error.sqlstate is None or error.sqlstate.startswith("08")
