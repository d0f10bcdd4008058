"""The factory's calendar: nights that cross midnight, a night that is an hour short, days on which nobody works."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

from tuyahouse.warehouse.marts.calendar import days, shifts_between, slots
from tuyahouse.warehouse.marts.control import control_limits

THREE = (("early", time(6)), ("late", time(14)), ("night", time(22)))


def test_a_night_shift_belongs_to_the_day_on_which_it_began_and_may_be_an_hour_short() -> None:
    rows = shifts_between(date(2026, 3, 27), date(2026, 3, 29), "Europe/Berlin", THREE)
    assert [row.shift for row in rows] == ["early", "late", "night"] * 3
    night = rows[5]
    assert (night.factory_day, night.starts_at, night.ends_at - night.starts_at) == (
        date(2026, 3, 28),
        datetime(2026, 3, 28, 21, tzinfo=UTC),
        timedelta(hours=7),
    )
    assert all(before.ends_at == after.starts_at for before, after in itertools.pairwise(rows))


def test_a_day_may_begin_in_the_afternoon() -> None:
    [late, night, deep] = shifts_between(
        date(2026, 1, 5), date(2026, 1, 5), "UTC", (("late", time(14)), ("night", time(22)), ("deep", time(2)))
    )
    assert (late.starts_at.day, night.starts_at.day, deep.starts_at.day, deep.ends_at.hour) == (5, 5, 6, 14)
    assert {row.factory_day for row in (late, night, deep)} == {date(2026, 1, 5)}


def test_quarters_of_an_hour_fill_the_shifts() -> None:
    rows = shifts_between(date(2026, 3, 2), date(2026, 3, 2), "Asia/Kathmandu", THREE)
    found = list(slots(rows))
    assert len(found) == 96
    assert found[0] == (datetime(2026, 3, 2, 0, 15, tzinfo=UTC), date(2026, 3, 2), "early")


def test_a_factory_that_rests_on_sundays_has_no_workday_on_the_next_one() -> None:
    first, as_of = date(2026, 2, 1), datetime(2026, 3, 4, 9, tzinfo=UTC)
    rows = shifts_between(first, date(2026, 3, 20), "UTC", (("day", time(0)),))
    worked = [first + timedelta(days=n) for n in range(31) if (first + timedelta(days=n)).weekday() != 6]
    found = {row.factory_day: row for row in days(rows, set(worked), as_of)}
    assert not found[date(2026, 3, 1)].is_workday, "a Sunday in the past"
    assert not found[date(2026, 3, 8)].is_workday, "and one to come"
    assert found[date(2026, 3, 4)].is_workday and found[date(2026, 3, 9)].is_workday
    assert found[date(2026, 3, 9)].workday_no - found[date(2026, 3, 4)].workday_no == 4


def test_every_day_is_a_workday_while_little_is_known() -> None:
    rows = shifts_between(date(2026, 3, 1), date(2026, 3, 12), "UTC", (("day", time(0)),))
    found = days(rows, {date(2026, 3, 2)}, datetime(2026, 3, 4, tzinfo=UTC))
    assert [row.is_workday for row in found] == [False, True, False, *[True] * 9]


def test_limits_of_a_control_chart() -> None:
    counts = [(95, 100), (190, 200), (93, 100), (96, 100), (188, 200), (97, 100), (94, 100), (95, 100), (189, 200)]
    points = [(date(2026, 3, n), *one) for n, one in enumerate([*counts, (80, 100)], 1)]
    judged = control_limits(points)
    assert (judged[0].mean, judged[0].sigma_z) == (0.9475, 1.0)
    assert (round(judged[1].lower or 0, 4), round(judged[1].upper or 0, 4), judged[1].is_out) == (0.9002, 0.9948, False)
    last = judged[-1]
    assert (last.share, round(last.lower or 0, 4), last.upper, last.is_out) == (0.8, 0.8806, 1.0, True)
    assert [one.lower for one in control_limits(points[:8])] == [None] * 8
