"""Start slots and the ledger of calls, shared by all processes of an account (see tuyahouse.stores).

A reservation takes the next starts of one endpoint and enters their calls in the ledger, and with the run that they are
for, before they are made. Even if the process is killed, no slot is used twice and neither counts too few calls.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Date, bindparam, case, func, select, text, update

from tuyahouse.pace import Pace, slow_down, steady_time, take
from tuyahouse.stores import Slots
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import insert, now_seconds
from tuyahouse.warehouse.tables import ops_api_calls, ops_pace, ops_run

_ADD_CALLS = text(  # as text: SQLAlchemy compiles its own ON CONFLICT anew each time
    "INSERT INTO ops_api_calls (account, endpoint, day, calls, failures, throttled) "
    "VALUES (:account, :endpoint, :day, :calls, :failures, :throttled) ON CONFLICT (account, endpoint, day) DO UPDATE "
    "SET calls = ops_api_calls.calls + excluded.calls, failures = ops_api_calls.failures + excluded.failures, "
    "throttled = ops_api_calls.throttled + excluded.throttled"
).bindparams(bindparam("day", type_=Date))

LONGEST_PAUSE = timedelta(seconds=30)
"""A process that is paused while it reserves holds up all others of the account no longer than this."""


class WarehouseSlots:
    """A :class:`tuyahouse.stores.SlotStore` in ``ops_pace`` and ``ops_api_calls``; calls of a run are in ``ops_run``
    too."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], float] = steady_time,
        *,
        offset: "_Offset | None" = None,
        run_id: str | None = None,
    ) -> None:
        self._database = database
        self._offset = offset or _Offset(database, now)
        self._run_id = run_id
        self._days: dict[tuple[str, str], date] = {}

    def of_run(self, run_id: str) -> "WarehouseSlots":
        """The same for the calls of a run, which counts them too."""
        return WarehouseSlots(self._database, offset=self._offset, run_id=run_id)

    def reserve(self, account: str, endpoint: str, *, per_second: float, want: int, monthly_calls: int | None) -> Slots:
        """Take up to ``want`` starts and count their calls; fewer near the month's budget, none when it is used up."""
        offset = self._offset.seconds()
        with self._database.begin(LONGEST_PAUSE) as conn:
            if monthly_calls is not None:
                _one_at_a_time(conn, account)
            pace = _locked(conn, account, endpoint) if per_second else Pace(0.0)
            now = now_seconds(conn)
            count = want if monthly_calls is None else min(want, monthly_calls - _used(conn, account, now))
            if count <= 0:
                return Slots(now - offset, 0.0, 0)
            slots = Slots(now, 0.0, count)
            if per_second:
                slots, pace = take(pace, now, per_second, count)
                _store(conn, account, endpoint, pace)
            self._days[account, endpoint] = _day(now)
            _ledger(conn, account, endpoint, _day(now), calls=count)
            self._count(conn, count)
        return replace(slots, first=slots.first - offset)

    def release(self, account: str, endpoint: str, unused: int) -> None:
        """Deduct reserved calls that were not made."""
        if unused <= 0:
            return
        with self._database.begin(LONGEST_PAUSE) as conn:
            day = self._days.get((account, endpoint)) or _day(now_seconds(conn))
            left = case((ops_api_calls.c.calls > unused, ops_api_calls.c.calls - unused), else_=0)
            conn.execute(_at(ops_api_calls, account, endpoint).where(ops_api_calls.c.day == day).values(calls=left))
            self._count(conn, -unused)

    def _count(self, conn: Connection, calls: int) -> None:
        """Under no lock of the run: they are made, whoever it belongs to by now."""
        if self._run_id:
            mine = update(ops_run).where(ops_run.c.run_id == self._run_id)
            conn.execute(mine.values(calls=ops_run.c.calls + calls))

    def put_off(self, account: str, endpoint: str, seconds: float) -> None:
        """Postpone all slots not handed out yet by ``seconds``: a start was late, and the second after it is full."""
        with self._database.begin(LONGEST_PAUSE) as conn:
            pace = _locked(conn, account, endpoint)
            _store(conn, account, endpoint, replace(pace, next_slot=pace.next_slot + seconds))

    def throttled(self, account: str, endpoint: str) -> None:
        """Halve the pace of the endpoint for all processes, as Tuya asked."""
        with self._database.begin(LONGEST_PAUSE) as conn:
            pace = _locked(conn, account, endpoint)
            _store(conn, account, endpoint, slow_down(pace, now_seconds(conn)))

    def record(self, account: str, endpoint: str, *, failures: int, throttled: int) -> None:
        """Add to today's counts of refused calls."""
        if failures or throttled:
            with self._database.begin(LONGEST_PAUSE) as conn:
                day = _day(now_seconds(conn))
                _ledger(conn, account, endpoint, day, failures=failures, throttled=throttled)

    def calls_this_month(self, account: str, now: datetime) -> int:
        """Calls in the calendar month (UTC) of ``now``."""
        with self._database.read() as conn:
            return _used(conn, account, now.timestamp())

    def calls_today(self, account: str, now: datetime) -> int:
        """Calls on the day (UTC) of ``now``."""
        with self._database.read() as conn:
            return calls_since(conn, account, _day(now.timestamp()))


class _Offset:
    """Seconds by which the clock of the store is ahead of this process's steady clock.

    PostgreSQL's clock is read once a minute; of seven readings the quickest counts. For SQLite it is the clock of this
    machine, which all its processes share.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._known = 0.0
        self._until = 0.0

    def seconds(self) -> float:
        if self._database.dialect == "sqlite":
            return time.time() - self._now()
        if not self._until - 60 <= self._now() < self._until:
            with self._database.read() as conn:
                now_seconds(conn)
                self._known = min(self._ask(conn) for _ in range(7))[1]
            self._until = self._now() + 60
        return self._known

    def _ask(self, conn: Connection) -> tuple[float, float]:
        before = self._now()
        theirs = now_seconds(conn)
        after = self._now()
        return after - before, theirs - (before + after) / 2


def _one_at_a_time(conn: Connection, account: str) -> None:
    """Serialise reservations of an account: two at once could both take the last call of the budget."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"calls/{account}"})


def _used(conn: Connection, account: str, now: float) -> int:
    return calls_since(conn, account, _day(now).replace(day=1))


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def _locked(conn: Connection, account: str, endpoint: str) -> Pace:
    """The pace of the endpoint, its row locked until the commit."""
    columns = (ops_pace.c.next_slot, ops_pace.c.slowdown, ops_pace.c.throttled_at)
    wanted = select(*columns).where(ops_pace.c.account == account, ops_pace.c.endpoint == endpoint).with_for_update()
    row = conn.execute(wanted).one_or_none()
    if row is None:
        new = insert(conn, ops_pace).values(account=account, endpoint=endpoint, next_slot=0.0, slowdown=1.0)
        conn.execute(new.on_conflict_do_nothing())
        row = conn.execute(wanted).one()
    return Pace(*row)


def _store(conn: Connection, account: str, endpoint: str, pace: Pace) -> None:
    conn.execute(_at(ops_pace, account, endpoint).values(**vars(pace)))


def _at(table: Any, account: str, endpoint: str) -> Any:
    return update(table).where(table.c.account == account, table.c.endpoint == endpoint)


def _ledger(
    conn: Connection, account: str, endpoint: str, day: date, *, calls: int = 0, failures: int = 0, throttled: int = 0
) -> None:
    counts = {"calls": calls, "failures": failures, "throttled": throttled}
    conn.execute(_ADD_CALLS, {"account": account, "endpoint": endpoint, "day": day, **counts})


def calls_since(conn: Connection, account: str, day: date) -> int:
    """Calls since that day (UTC), that day included."""
    total = func.coalesce(func.sum(ops_api_calls.c.calls), 0)
    wanted = select(total).where(ops_api_calls.c.account == account, ops_api_calls.c.day >= day)
    return int(conn.execute(wanted).scalar_one())


def calls_by_endpoint(conn: Connection, account: str, day: date) -> list[tuple[str, int, int, int]]:
    """(endpoint, calls, failures, throttled) since that day, the most used first."""
    counts = [func.sum(ops_api_calls.c[name]) for name in ("calls", "failures", "throttled")]
    wanted = (
        select(ops_api_calls.c.endpoint, *counts)
        .where(ops_api_calls.c.account == account, ops_api_calls.c.day >= day)
        .group_by(ops_api_calls.c.endpoint)
        .order_by(counts[0].desc(), ops_api_calls.c.endpoint)
    )
    return [(endpoint, int(a), int(b), int(c)) for endpoint, a, b, c in conn.execute(wanted)]
