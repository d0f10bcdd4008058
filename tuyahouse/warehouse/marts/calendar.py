"""The factory's calendar. Pure: local starts of shifts in, UTC rows out.

A shift belongs to the factory day on which the day's first shift began: a night shift to the day before midnight.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
DAYS_AHEAD = 180
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""The calendar never begins earlier: what is dated before is a wrong clock, and falls on its UTC date."""

END = datetime(2100, 1, 1, tzinfo=UTC)
"""The present of the marts lies before: what is stored as later is a wrong clock."""

FEW_DAYS = 14
LATELY = timedelta(days=28)


class ShiftRow(NamedTuple):
    """A row of ``mart_shift``."""

    starts_at: datetime
    ends_at: datetime
    factory_day: date
    shift: str


class DayRow(NamedTuple):
    """A row of ``mart_day``."""

    factory_day: date
    starts_at: datetime
    ends_at: datetime
    is_workday: bool
    workday_no: int


def shifts_between(first: date, last: date, zone: str, shifts: Sequence[tuple[str, time]]) -> list[ShiftRow]:
    """Every shift of the factory days ``first`` to ``last``, without gaps; the first of ``shifts`` begins the day."""
    place, begins = ZoneInfo(zone), shifts[0][1]
    starts = []
    for number in range((last - first).days + 2):  # the day after the last ends the last shift
        factory_day = first + timedelta(days=number)
        for name, at in shifts:
            local = datetime.combine(factory_day if at >= begins else factory_day + timedelta(days=1), at, place)
            starts.append((local.astimezone(UTC), factory_day, name))
    starts.sort()
    rows = [ShiftRow(start, end, day, name) for (start, day, name), (end, _, _) in itertools.pairwise(starts)]
    return [row for row in rows if row.starts_at < row.ends_at and row.factory_day <= last]


def slots(rows: Iterable[ShiftRow]) -> Iterator[tuple[datetime, date, str]]:
    """The quarters of an hour of these shifts: (begin, factory day, shift)."""
    for row in rows:
        at = row.starts_at
        while at < row.ends_at:
            yield at, row.factory_day, row.shift
            at += QUARTER


def days(rows: Sequence[ShiftRow], with_steps: Collection[date], as_of: datetime) -> list[DayRow]:
    """One row a factory day, with whether it is a workday.

    A past day is one if a step happened on it. Today and later: if at least half of the same weekdays of the 28 days
    before today had steps; every day is, while fewer than 14 days had steps.
    """
    bounds: dict[date, tuple[datetime, datetime]] = {}
    for row in rows:
        begin, _ = bounds.get(row.factory_day, (row.starts_at, row.ends_at))
        bounds[row.factory_day] = (begin, row.ends_at)
    today = next((day for day, (begin, end) in bounds.items() if begin <= as_of < end), as_of.date())
    usual = _usual_weekdays(today, with_steps)
    found, workdays = [], 0
    for day, (begin, end) in sorted(bounds.items()):
        is_workday = day in with_steps if day < today else day.weekday() in usual
        workdays += is_workday
        found.append(DayRow(day, begin, end, is_workday, workdays))
    return found


def _usual_weekdays(today: date, with_steps: Collection[date]) -> set[int]:
    if sum(day < today for day in with_steps) < FEW_DAYS:
        return set(range(7))
    lately = [today - timedelta(days=number) for number in range(1, LATELY.days + 1)]
    worked = {weekday: [day in with_steps for day in lately if day.weekday() == weekday] for weekday in range(7)}
    return {weekday for weekday, found in worked.items() if 2 * sum(found) >= len(found)}
