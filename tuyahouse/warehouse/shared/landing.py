"""The transactions in which runs land: fenced by the run's locks, and never while a replay rebuilds the same rows.

A process that was paused for longer than its lease wakes up without knowing that another run has taken over. So the
locks are checked inside every transaction that lands, and held in it: no takeover fits between check and commit. A run
carries what it holds from task to task (:class:`Fenced`), so that every process checks the same.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, and_, func, or_, select, text

from tuyahouse.times import utc_now
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import now_time
from tuyahouse.warehouse.database.patience import is_over
from tuyahouse.warehouse.errors import LockLost, WaitedTooLong
from tuyahouse.warehouse.held_lock import HeldLock
from tuyahouse.warehouse.tables import ops_lock

log = logging.getLogger(__name__)

IDLE = timedelta(seconds=60)
"""PostgreSQL ends a landing whose process was paused for a lease, or this long, so that it blocks no other run."""

_POLL_SECONDS = 0.2


class Fenced(Protocol):
    """A run, and the locks under which it works."""

    @property
    def account(self) -> str: ...
    @property
    def locks(self) -> Sequence[HeldLock]: ...


@contextmanager
def fenced(database: Database, locks: Sequence[HeldLock]) -> Iterator[Connection]:
    """A transaction of a run; no other run can take over before it ends.

    Raises:
        LockLost: another run has taken over one of the locks; nothing is written.
    """
    with database.begin() as conn:
        _enter(conn, locks)
        yield conn


@contextmanager
def landing(database: Database, run: Fenced) -> Iterator[Connection]:
    """A transaction in which a run writes what it asked; begins once no replay of the account is under way.

    Raises:
        LockLost: another run has taken over one of the run's locks; nothing is written.
        WaitedTooLong: the process is ending while a replay is under way; nothing is written.
    """
    waited = False
    while True:
        with database.begin() as conn:
            # A replay may take minutes. The landing waits outside of a transaction, so that it blocks no other.
            if _share(conn, run.account):
                _enter(conn, run.locks)
                yield conn
                return
        if not waited:
            log.warning("A replay of %s is rebuilding rows: what was answered lands after it.", run.account)
        waited = True
        if is_over():
            raise WaitedTooLong(f"A replay of {run.account} is rebuilding rows. What was answered was not written.")
        time.sleep(_POLL_SECONDS)


@contextmanager
def rebuilding(database: Database, run: Fenced) -> Iterator[Connection]:
    """A transaction that rewrites what others landed: it waits for their landings, and they wait for it.

    Raises:
        LockLost: as for :func:`landing`.
    """
    with database.begin() as conn:
        if _waits(conn):
            conn.execute(text(f"SELECT pg_advisory_xact_lock({_KEY})"), {"of": _key(run.account)})
        _enter(conn, run.locks)
        yield conn


_KEY = "hashtextextended(:of, 0)"


def _key(account: str) -> str:
    return f"tuyahouse landing {account}"


def _waits(conn: Connection) -> bool:
    """Whether others can write at the same time: SQLite has a single writer."""
    return conn.dialect.name == "postgresql"


def _share(conn: Connection, account: str) -> bool:
    if not _waits(conn):
        return True
    return bool(conn.execute(text(f"SELECT pg_try_advisory_xact_lock_shared({_KEY})"), {"of": _key(account)}).scalar())


def _enter(conn: Connection, locks: Sequence[HeldLock]) -> None:
    """Make sure that all these locks are still held, and hold their rows until the end of the transaction."""
    if not locks:
        return
    wanted = select(ops_lock.c.name)
    if conn.dialect.name == "postgresql":
        idle = f"{int(min(min(each.lease for each in locks), IDLE).total_seconds() * 1000)}ms"
        wanted = wanted.add_columns(func.set_config("idle_in_transaction_session_timeout", idle, True))
    mine = or_(*[and_(ops_lock.c.name == each.name, ops_lock.c.process == each.process) for each in locks])
    # A key-share lock lets the run renew its lease, and makes a takeover wait for the commit.
    held = {row.name for row in conn.execute(wanted.where(mine).with_for_update(read=True, key_share=True))}
    for each in locks:
        if each.name not in held:
            raise LockLost(
                f"The lock of {each.name} ended while this process was paused or cut off, and another run took over. "
                "What this run asked since then was not written. Its run key continues with what was left."
            )


def shared_clock(database: Database, ahead: timedelta = timedelta(0)) -> Callable[[], datetime]:
    """A clock that all processes of this warehouse agree on, to put askings in order.

    PostgreSQL's time, asked once and carried on by the monotonic clock of this process; for SQLite this machine's time.
    ``ahead`` is added: a run may take another time for its present.
    """
    if database.dialect == "sqlite":
        return lambda: utc_now() + ahead
    with database.read() as conn:
        begun, asked = now_time(conn) + ahead, time.monotonic()
    return lambda: begun + timedelta(seconds=time.monotonic() - asked)
