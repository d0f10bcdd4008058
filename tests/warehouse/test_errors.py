"""What drivers raise, as sentences: which passes, which is a value, which is the operator's to settle."""

import sqlite3

import pytest
from psycopg import errors as pg

from tuyahouse.warehouse.driver_errors import in_words
from tuyahouse.warehouse.errors import ValueRefused, WaitedTooLong, WarehouseAway, WarehouseError

WORDED: dict[str, tuple[BaseException, type[WarehouseError], str]] = {
    "a deadlock": (pg.DeadlockDetected("deadlock"), WarehouseAway, "could not wait for another transaction"),
    "a collision": (pg.SerializationFailure("collision"), WarehouseAway, "could not wait for another transaction"),
    "a lock": (
        pg.LockNotAvailable("canceling"),
        WaitedTooLong,
        "a lock of session 7 was held for longer than LOCK_WAIT",
    ),
    "a full disk": (pg.DiskFull("no space"), WarehouseError, "is full. Make room, then run again"),
    "a missing right": (pg.InsufficientPrivilege("denied"), WarehouseError, "lacks a right: denied. Grant it"),
    "a stopped server": (pg.AdminShutdown("bye"), WarehouseAway, "cannot be reached: bye"),
    "a cancelled statement": (pg.QueryCanceled("cancelled"), WarehouseAway, "could not do it now: cancelled"),
    "a lost connection": (pg.ConnectionFailure("lost"), WarehouseAway, "cannot be reached: lost"),
    "a value": (pg.NumericValueOutOfRange("too large\nROW: 1, secret"), ValueRefused, "hold a value: too large$"),
    "a number in SQLite": (OverflowError("int too large"), ValueRefused, "cannot hold a value: int too large"),
    "a full disk of SQLite": (sqlite3.OperationalError("database or disk is full"), WarehouseError, "disk is full"),
    "a damaged file": (sqlite3.DatabaseError("database disk image is malformed"), WarehouseError, "is damaged"),
    "a failing disk": (sqlite3.OperationalError("disk I/O error"), WarehouseAway, "the disk reports an error"),
}


@pytest.mark.parametrize(("error", "kind", "words"), WORDED.values(), ids=WORDED)
def test_what_a_driver_raises_is_said_in_words(error: BaseException, kind: type[WarehouseError], words: str) -> None:
    worded = in_words(error, "w.example", "session 7")
    assert type(worded) is kind
    with pytest.raises(kind, match=words):
        raise worded


@pytest.mark.parametrize("error", [pg.UndefinedColumn("no column"), pg.SyntaxError("near"), KeyError("changed_at")])
def test_a_mistake_of_the_program_is_not_disguised(error: BaseException) -> None:
    assert in_words(error, "w.example") is None
