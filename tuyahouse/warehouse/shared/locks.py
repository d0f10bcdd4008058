"""Locks that end by time: a killed run blocks others for a lease at most, and on its own machine not at all."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, select, update

from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import insert, now_time
from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.held_lock import HeldLock
from tuyahouse.warehouse.shared.processes import is_dead, this_process
from tuyahouse.warehouse.tables import ops_lock

log = logging.getLogger(__name__)


class LockHeld(WarehouseError):
    """``holder`` has held the lock since ``acquired_at`` and keeps it until ``expires_at``, or longer by renewal."""

    def __init__(self, name: str, holder: str, acquired_at: datetime, expires_at: datetime) -> None:
        super().__init__(
            f"{name} is being worked on by {holder} since {acquired_at:%Y-%m-%d %H:%M:%S} UTC. Wait for its end; "
            f"if it has died, its lock ends by itself at {expires_at:%H:%M:%S} UTC."
        )
        self.name = name
        self.holder = holder
        self.acquired_at = acquired_at
        self.expires_at = expires_at


class Lock:
    """A named lock; once acquired, renew it well before ``lease`` is over."""

    def __init__(self, database: Database, name: str, holder: str, lease: timedelta) -> None:
        self._database = database
        self._process = f"{this_process()}#{uuid4().hex[:8]}"
        self.name = name
        self.holder = holder
        self.lease = lease

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockHeld: another holder has it.
        """
        with self._database.begin() as conn:
            while not self._insert(conn):
                wanted = select(ops_lock).where(ops_lock.c.name == self.name).with_for_update()
                if (row := conn.execute(wanted).one_or_none()) is not None:
                    self._take_over(conn, row)
                    return

    def renew(self) -> None:
        """Extend the lock to a full lease from now.

        Raises:
            LockLost: it had ended and another holder has taken it.
        """
        with self._database.begin() as conn:
            mine = update(ops_lock).where(*self._mine()).values(expires_at=now_time(conn) + self.lease)
            if conn.execute(mine).rowcount == 0:
                raise LockLost(f"The lock of {self.name} ended before it was renewed and was taken by another run.")

    @property
    def held(self) -> HeldLock:
        """What proves in any process that this taking of the lock still holds."""
        return HeldLock(self.name, self._process, self.lease)

    def release(self) -> None:
        """Release the lock. Never raises: a lock that cannot be released ends by itself."""
        try:
            with self._database.begin() as conn:
                conn.execute(delete(ops_lock).where(*self._mine()))
        except WarehouseError as error:
            log.warning("The lock of %s could not be released and ends by itself: %s", self.name, error)

    def _insert(self, conn: Connection) -> bool:
        """Take the lock if it is free; returns whether it was."""
        new = insert(conn, ops_lock).values(name=self.name, **self._fields(conn))
        return conn.execute(new.on_conflict_do_nothing().returning(ops_lock.c.name)).first() is not None

    def _take_over(self, conn: Connection, row: Row[Any]) -> None:
        if row.expires_at > now_time(conn) and not is_dead(row.process.partition("#")[0]):
            raise LockHeld(self.name, row.holder, row.acquired_at, row.expires_at)
        log.warning("The lock of %s was left behind by %s; it is taken over.", self.name, row.holder)
        conn.execute(update(ops_lock).where(ops_lock.c.name == self.name).values(self._fields(conn)))

    def _fields(self, conn: Connection) -> dict[str, Any]:
        now = now_time(conn)
        return {"holder": self.holder, "process": self._process, "acquired_at": now, "expires_at": now + self.lease}

    def _mine(self) -> list[Any]:
        return [ops_lock.c.name == self.name, ops_lock.c.process == self._process]


def of_what_is_due(account: str, flow: str) -> str:
    """The lock of runs that choose what is due: one at a time."""
    return f"{account}/{flow}"


def of_run(account: str, flow: str, run_key: str) -> str:
    """The lock that a run holds while it is under way."""
    return f"{account}/{flow}/{run_key}"


def is_held(conn: Connection, name: str) -> bool:
    """Whether the lock has not ended and its holder may be alive."""
    row = conn.execute(select(ops_lock.c.process, ops_lock.c.expires_at).where(ops_lock.c.name == name)).one_or_none()
    return row is not None and row.expires_at > now_time(conn) and not is_dead(row.process.partition("#")[0])


def acquire(database: Database, name: str, holder: str, lease: timedelta) -> Lock:
    """Take the lock ``name``; ``holder`` is what others that want it are shown.

    Raises:
        LockHeld: another holder has it; names the holder, since when and until when.
    """
    lock = Lock(database, name, holder, lease)
    lock.acquire()
    return lock


@contextmanager
def account_lock(database: Database, name: str, holder: str, lease: timedelta) -> Iterator[Lock]:
    """Hold the lock inside the block, which calls ``renew()`` in time. Raises :class:`LockHeld` on entry."""
    lock = acquire(database, name, holder, lease)
    try:
        yield lock
    finally:
        lock.release()


def holders(conn: Connection, account: str, now: datetime) -> list[str]:
    """The holders of the locks of this account that have not expired, i.e. its runs under way."""
    rows = conn.execute(select(ops_lock.c.name, ops_lock.c.holder).where(ops_lock.c.expires_at > now))
    return [str(holder) for name, holder in rows if account in re.split(r"[/: ]", name)]


class _Back(Exception):
    """Rolls back the trial of :func:`require_writable`."""


def require_writable(database: Database) -> None:
    """Write a row and roll it back.

    Raises:
        WarehouseError: the database cannot be written to; says why.
    """
    moment = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
    trial = {"name": f"trial {uuid4().hex}", "holder": "doctor", "process": "doctor"}
    try:
        with database.begin() as conn:
            conn.execute(ops_lock.insert().values(acquired_at=moment, expires_at=moment, **trial))
            raise _Back
    except _Back:
        pass
