"""The refresh of the kept marts: by work order, from the marks that landing left, in transactions.

A kept mart is a pure function of the core tables, one work order at a time. So a refresh may be killed, run twice or
run beside landings: each batch commits its rows together with the end of exactly the marks it read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, text, update

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import now_time
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.marts import calendar, calendar_tables, marks
from tuyahouse.warehouse.marts.catalogue import DEFINITIONS, KEPT
from tuyahouse.warehouse.marts.control import control_limits
from tuyahouse.warehouse.marts.field import MART_PRESENCE_DAY
from tuyahouse.warehouse.marts.intervals import BUCKETS, bucket_bounds
from tuyahouse.warehouse.marts.stations import MART_CONTROL
from tuyahouse.warehouse.marts.workspace import Workspace
from tuyahouse.warehouse.marts.writing import writing
from tuyahouse.warehouse.tables import (
    device_presence,
    flow_step,
    mart_bucket,
    mart_day,
    mart_shift,
    mart_slot,
    ops_mart,
    ops_mart_dirty,
    ops_run,
)

BATCH = 200_000
"""Steps of the work orders of one transaction, more only where one order alone has more."""

DAYS_AT_ONCE = 16
CONTROL_DAYS = timedelta(days=60)
BY_ORDER = tuple(mart for mart in KEPT if mart.grain[1] == "order_code")
_dirty = ops_mart_dirty.c


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of an account that its marts depend on."""

    time_zone: str = "UTC"
    shifts: tuple[tuple[str, time], ...] = (("day", time(0)),)
    false_means: str = "failed"
    stuck_after_h: int = 72

    @property
    def shifts_text(self) -> str:
        return ",".join(f"{name}={at:%H:%M}" for name, at in self.shifts)


@dataclass(slots=True)
class Refreshed:
    """What a refresh did. ``written`` counts rows of kept marts that were inserted, changed or deleted."""

    as_of: datetime
    orders: int = 0
    steps: int = 0
    days: int = 0
    written: int = 0
    notes: list[str] = field(default_factory=list)


def refresh(
    database: Database,
    account: str,
    rules: Rules,
    as_of: datetime | None = None,
    *,
    batch: int = BATCH,
    on_steps: Callable[[int], object] = lambda count: None,
) -> Refreshed:
    """Work off all marks of the account; changed settings or definitions mark everything first.

    ``as_of`` becomes the present of the marts; without it the start of the newest sync_sn_flows, else the clock. One
    that is not before the calendar's end counts as not given.
    """
    with writing(database) as conn:
        given = as_of if as_of and as_of < calendar.END else None
        done = Refreshed(given or _newest_start(conn, account) or now_time(conn))
        before = _prepare(conn, account, rules, done.as_of)
    while True:
        with writing(database) as conn:
            steps = _refresh_orders(conn, account, rules, done, batch)
        if steps is None:
            break
        on_steps(steps)
    with writing(database) as conn:
        done.written += calendar_tables.write_days(conn, account, done.as_of)
    for first, last in _presence_days(database, account, before, done.as_of):
        with writing(database) as conn:
            _refresh_presence(conn, account, done, first, last)
    with writing(database) as conn:
        _conclude(conn, account, done)
    return done


def rebuild(database: Database, account: str, rules: Rules, as_of: datetime | None = None, **given: Any) -> Refreshed:
    """Recompute every row. The tables stay readable; if it is interrupted, the next refresh continues it."""
    with database.begin() as conn:
        marks.mark_all(conn, account, "rebuild")
    return refresh(database, account, rules, as_of, **given)


def _newest_start(conn: Connection, account: str) -> datetime | None:
    wanted = select(func.max(ops_run.c.started_at, type_=UtcTime))
    found: datetime | None = conn.execute(
        wanted.where(
            ops_run.c.account == account, ops_run.c.flow == "sync_sn_flows", ops_run.c.started_at < calendar.END
        )
    ).scalar()
    return found


# ------------------------------------------------------------------------------------------------------------ settings


def _prepare(conn: Connection, account: str, rules: Rules, as_of: datetime) -> Row[Any] | None:
    """Bring the settings in force up to date; returns the row of ``ops_mart`` as it was before."""
    before = conn.execute(select(ops_mart).where(ops_mart.c.account == account)).one_or_none()
    settings = {
        "definitions": DEFINITIONS,
        "time_zone": rules.time_zone,
        "shifts": rules.shifts_text,
        "false_means": rules.false_means,
        "stuck_after_h": rules.stuck_after_h,
    }
    if before is None:
        conn.execute(ops_mart.insert().values(account=account, as_of=as_of, refreshed_at=now_time(conn), **settings))
        marks.mark_all(conn, account, "first refresh")
    else:
        changed = {name for name, value in settings.items() if getattr(before, name) != value}
        if changed:
            conn.execute(update(ops_mart).where(ops_mart.c.account == account).values(settings))
        if changed & {"time_zone", "shifts"}:
            for table in (mart_shift, mart_slot, mart_day):
                conn.execute(delete(table).where(table.c.account == account))
        if changed - {"stuck_after_h"}:
            marks.mark_all(conn, account, "settings")
    if conn.execute(select(func.count()).select_from(mart_bucket)).scalar_one() != BUCKETS:
        writer.upsert(conn, mart_bucket, ("bucket", "from_s", "to_s"), bucket_bounds())
    first = [conn.execute(calendar_tables.earliest_of(device_presence, account)).scalar(), as_of]
    if calendar_tables.is_empty(conn, account):
        first.append(conn.execute(calendar_tables.earliest_of(flow_step, account)).scalar())
    calendar_tables.extend(conn, account, rules.time_zone, rules.shifts, min(filter(None, first)), as_of)
    return before


# --------------------------------------------------------------------------------------------------------- work orders


def _refresh_orders(conn: Connection, account: str, rules: Rules, done: Refreshed, batch: int) -> int | None:
    """Refresh the next marked work orders; returns how many steps they have, None when no order is marked."""
    marked = _marked_orders(conn, account, batch)
    if not marked.orders:
        return None
    space = Workspace(conn, account)
    space.take(marked.orders)
    false_is_failed = rules.false_means == "failed"
    steps = space.stage_steps(false_is_failed=false_is_failed)
    earliest, factory = space.earliest_without_shift(calendar.EARLIEST), (rules.time_zone, rules.shifts)
    if earliest is not None and calendar_tables.extend(conn, account, *factory, earliest, done.as_of):
        steps = space.stage_steps(false_is_failed=false_is_failed, again=True)
    for mart in BY_ORDER:
        rows = space.fill(mart)
        done.written += space.write(mart, rows, "order_code IN (SELECT order_code FROM mart_todo)")
    _end_marks(conn, account, marked.marks)
    done.orders += len(marked.orders)
    done.steps += steps
    return steps


@dataclass(slots=True)
class _Marked:
    orders: list[str] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)


def _marked_orders(conn: Connection, account: str, batch: int) -> _Marked:
    """The next work orders of about ``batch`` steps together, at least one, with their marks."""
    found, steps = _Marked(), 0
    wanted = select(_dirty.order_code, _dirty.mark).where(_dirty.account == account)
    rows = conn.execute(wanted.where(~_dirty.order_code.startswith(marks.PRESENCE)).order_by(_dirty.order_code)).all()
    counted = select(func.count()).where(flow_step.c.order_code == bindparam("o"))  # of any account: by the index alone
    for order, mark in rows:
        if not found.orders or found.orders[-1] != order:
            count = conn.execute(counted, {"o": order}).scalar_one()
            if found.orders and steps + count > batch:
                break
            found.orders.append(order)
            steps += count
        found.marks.append((order, mark))
    return found


def _end_marks(conn: Connection, account: str, read: Sequence[tuple[str, str]]) -> None:
    """Delete exactly the marks that were read: one that came since is for the next time."""
    if read:
        conn.execute(
            delete(ops_mart_dirty).where(
                _dirty.account == account, _dirty.order_code == bindparam("o"), _dirty.mark == bindparam("m")
            ),
            [{"o": order, "m": mark} for order, mark in read],
        )


# ------------------------------------------------------------------------------------------------------------ presence


def _presence_days(
    database: Database, account: str, before: Row[Any] | None, as_of: datetime
) -> Iterator[tuple[date, date]]:
    """Spans of factory days whose presence is to be computed, each at most some days long.

    Those since the day before the newest refresh, and marked ones. All of them for ``presence/all``.
    """
    days = mart_day.c
    with database.read() as conn:
        wanted_marks = select(_dirty.order_code, _dirty.mark).where(_dirty.account == account)
        marked = [tuple(row) for row in conn.execute(wanted_marks.where(_dirty.order_code.startswith(marks.PRESENCE)))]
        begun = select(days.factory_day).where(days.account == account, days.starts_at < as_of)
        all_days = list(conn.execute(begun.order_by(days.factory_day)).scalars())
        first = select(func.min(device_presence.c.happened_at, type_=UtcTime))
        earliest = conn.execute(first.where(device_presence.c.account == account)).scalar()
    if earliest is None or not all_days:
        with database.begin() as conn:
            _end_marks(conn, account, marked)
        return
    start = min(all_days[-2:]) if before is None else min(before.as_of.date() - timedelta(days=2), min(all_days[-2:]))
    named = {day.removeprefix(marks.PRESENCE) for day, _ in marked}
    around = {day + timedelta(days=n) for day in map(date.fromisoformat, named - {"all"}) for n in (-1, 0, 1)}
    begin = earliest.date() - timedelta(days=1)
    wanted = [day for day in all_days if day >= begin and (day >= start or day in around or "all" in named)]
    while wanted:
        span = [wanted.pop(0)]
        while wanted and len(span) < DAYS_AT_ONCE and wanted[0] == span[-1] + timedelta(days=1):
            span.append(wanted.pop(0))
        yield span[0], span[-1]
    with database.begin() as conn:
        _end_marks(conn, account, marked)


def _refresh_presence(conn: Connection, account: str, done: Refreshed, first: date, last: date) -> None:
    space = Workspace(conn, account)
    span = {"first_day": first, "last_day": last}
    rows = space.fill(MART_PRESENCE_DAY, as_of=done.as_of, **span)
    done.written += space.write(MART_PRESENCE_DAY, rows, "factory_day BETWEEN :first_day AND :last_day", span)
    done.days += (last - first).days + 1


# ------------------------------------------------------------------------------------------------------------- the end


def _conclude(conn: Connection, account: str, done: Refreshed) -> None:
    """The control chart, and the present of all marts; nothing is written where nothing changed."""
    space = Workspace(conn, account)
    rows = list(_control_rows(conn, account, done.as_of))
    if rows:
        columns = ", ".join(MART_CONTROL.columns)
        values = ", ".join(f":{name}" for name in MART_CONTROL.columns)
        day = bindparam("factory_day", type_=mart_day.c.factory_day.type)
        conn.execute(text(f"INSERT INTO new_mart_control ({columns}) VALUES ({values})").bindparams(day), rows)
    done.written += space.write(MART_CONTROL, len(rows), "1 = 1")
    current = conn.execute(select(ops_mart.c.as_of).where(ops_mart.c.account == account)).scalar_one()
    if done.written or current != done.as_of:
        values_ = {"as_of": done.as_of, "refreshed_at": now_time(conn)}
        conn.execute(update(ops_mart).where(ops_mart.c.account == account).values(values_))


def _control_rows(conn: Connection, account: str, as_of: datetime) -> Iterator[dict[str, Any]]:
    wanted = text(
        "SELECT COALESCE(craft_line_code, '') AS line, node, factory_day, first_passed, first_failed "
        "FROM mart_station_daily WHERE account = :account AND factory_day > :since AND factory_day <= :today "
        "AND first_passed + first_failed > 0 ORDER BY 1, 2, 3"
    )
    day_type = mart_day.c.factory_day.type
    today = as_of.astimezone(UTC).date() + timedelta(days=1)  # the factory's day may be ahead of UTC's
    typed = wanted.bindparams(bindparam("since", type_=day_type), bindparam("today", type_=day_type))
    typed = typed.columns(factory_day=day_type)  # type: ignore[assignment]
    span = {"account": account, "since": today - CONTROL_DAYS, "today": today}
    by_node: dict[tuple[str, str], list[tuple[date, int, int]]] = {}
    for line, node, day, passed, failed in conn.execute(typed, span):
        by_node.setdefault((line, node), []).append((day, int(passed), int(passed) + int(failed)))
    for (line, node), points in by_node.items():
        for judged in control_limits(points):
            yield {
                "account": account,
                "craft_line_code": line,
                "node": node,
                **{name: getattr(judged, name) for name in MART_CONTROL.columns[3:]},
            }
