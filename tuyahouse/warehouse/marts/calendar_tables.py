"""The factory's calendar as tables: shifts, their quarters of an hour, and days; extended as time and steps need it."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, Select, Table, bindparam, func, select, text

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.marts import calendar, marks
from tuyahouse.warehouse.marts.stations import MART_STATION_DAY
from tuyahouse.warehouse.tables import mart_day, mart_shift, mart_slot

Shifts = Sequence[tuple[str, time]]
_SLOT = ("account", "slot_at", "factory_day", "shift")


def is_empty(conn: Connection, account: str) -> bool:
    """Whether the account has no calendar yet."""
    return conn.execute(select(mart_shift.c.shift).where(mart_shift.c.account == account).limit(1)).first() is None


def earliest_of(table: Table, account: str) -> Select[tuple[datetime | None]]:
    """When the first row happened that is not of a wrong clock."""
    at = table.c.happened_at
    return select(func.min(at, type_=UtcTime)).where(table.c.account == account, at >= calendar.EARLIEST)


def extend(conn: Connection, account: str, zone: str, shifts: Shifts, earliest: datetime, as_of: datetime) -> bool:
    """Let the calendar reach from the day before ``earliest`` to half a year after ``as_of``; it never shrinks.

    Returns whether it grew.
    """
    held = conn.execute(
        select(
            func.min(mart_shift.c.starts_at, type_=UtcTime).label("begin"),
            func.max(mart_shift.c.ends_at, type_=UtcTime).label("end"),
            func.min(mart_shift.c.factory_day).label("first"),
            func.max(mart_shift.c.factory_day).label("last"),
        ).where(mart_shift.c.account == account)
    ).one()
    first = max(earliest, calendar.EARLIEST).date() - timedelta(days=1)
    last = as_of.date() + timedelta(days=calendar.DAYS_AHEAD)
    if held.first is not None:
        first, last = min(first, held.first), max(last, held.last)
        if (first, last) == (held.first, held.last):
            return False
    rows = calendar.shifts_between(first, last, zone, shifts)
    new = [row for row in rows if held.begin is None or row.ends_at <= held.begin or row.starts_at >= held.end]
    writer.insert_new(conn, mart_shift, ("account", *calendar.ShiftRow._fields), [(account, *row) for row in new])
    writer.insert_new(conn, mart_slot, _SLOT, [(account, *slot) for slot in calendar.slots(new)])
    if held.end is not None:
        _mark_beyond(conn, account, held.end)
    return True


def _mark_beyond(conn: Connection, account: str, end: datetime) -> None:
    """Steps that lay beyond the calendar's end may lie in it now."""
    beyond = text(
        "SELECT DISTINCT order_code FROM mart_station_day "
        "WHERE account = :account AND shift = 'none' AND factory_day >= :day"
    ).bindparams(bindparam("day", type_=mart_day.c.factory_day.type))
    orders = conn.execute(beyond, {"account": account, "day": end.date()}).scalars()
    marks.mark_orders(conn, account, orders, "calendar")


def write_days(conn: Connection, account: str, as_of: datetime) -> int:
    """Bring ``mart_day`` up to the present; returns how many rows it wrote."""
    shifts = select(*[mart_shift.c[name] for name in calendar.ShiftRow._fields]).where(mart_shift.c.account == account)
    rows = [calendar.ShiftRow(*row) for row in conn.execute(shifts.order_by(mart_shift.c.starts_at))]
    steps = MART_STATION_DAY.table.c
    worked = set(conn.execute(select(steps.factory_day).distinct().where(steps.account == account)).scalars())
    days = [(account, *day) for day in calendar.days(rows, worked, as_of)]
    written = writer.upsert(conn, mart_day, ("account", *calendar.DayRow._fields), days)
    return written.inserted + written.updated
