"""Which serial numbers are asked now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tuyahouse.settings import PlanPolicy
from tuyahouse.sync.serial_numbers.due import is_due, is_overdue, overdue_before, wait_of

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
POLICY = PlanPolicy()


@dataclass(frozen=True)
class Candidate:
    sn: str = "YZCB04ZZR00001"
    state: str = "new"
    added_at: datetime = NOW - timedelta(days=400)
    last_asked_at: datetime | None = None
    last_changed_at: datetime | None = None
    unknown_times: int = 0


def asked(state, ago, changed_ago=None, unknown_times=0):
    changed = NOW - changed_ago if changed_ago is not None else None
    return Candidate(state=state, last_asked_at=NOW - ago, last_changed_at=changed, unknown_times=unknown_times)


def hours(number):
    return timedelta(hours=number)


def days(number):
    return timedelta(days=number)


def test_one_never_asked_is_due():
    assert is_due(Candidate(added_at=NOW), NOW, POLICY)


def test_an_open_one_is_due_after_twelve_hours_or_a_quarter_of_them_early():
    assert is_due(asked("open", hours(9)), NOW, POLICY)
    assert not is_due(asked("open", hours(9) - timedelta(seconds=1)), NOW, POLICY)


def test_a_finished_one_is_first_due_after_a_week_or_six_hours_early():
    assert is_due(asked("finished", days(7) - hours(6), changed_ago=days(7) - hours(6)), NOW, POLICY)
    assert not is_due(asked("finished", days(7) - hours(7), changed_ago=days(7) - hours(7)), NOW, POLICY)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), hours(5)])
def test_a_wait_of_whole_days_is_over_in_the_night_it_ends_however_late_in_its_night_one_was_asked(late):
    daily, weekly = PlanPolicy(open_after=days(1)), PlanPolicy(open_after=days(7))
    assert is_due(asked("open", days(1) - late), NOW, daily)
    assert is_due(asked("open", days(7) - late), NOW, weekly)
    assert not is_due(asked("open", days(6) - late), NOW, weekly)


def test_a_finished_one_is_asked_after_7_then_14_28_56_112_and_at_most_180_days():
    asked_at, waits = NOW, []
    for _ in range(7):
        waits.append(wait_of(Candidate(state="finished", last_asked_at=asked_at, last_changed_at=NOW), POLICY))
        asked_at += waits[-1]
    assert waits == [days(7), days(14), days(28), days(56), days(112), days(180), days(180)]


def test_with_factor_1_a_finished_one_is_asked_every_week():
    weekly = PlanPolicy(finished_factor=1)
    assert wait_of(asked("finished", days(0), changed_ago=days(300)), weekly) == days(7)


def test_a_finished_one_without_a_recorded_change_waits_the_first_interval():
    assert wait_of(asked("finished", days(30)), POLICY) == days(7)


@pytest.mark.parametrize(
    ("times", "wait"), [(0, hours(12)), (1, hours(12)), (2, hours(24)), (4, hours(96)), (7, days(30))]
)
def test_an_unknown_one_waits_twice_as_long_each_time(times, wait):
    assert wait_of(asked("unknown", days(0), unknown_times=times), POLICY) == wait


def test_a_back_off_of_many_times_does_not_overflow():
    assert wait_of(asked("unknown", days(0), unknown_times=100_000), POLICY) == days(30)


def test_one_asked_in_the_future_is_due_unless_clocks_may_differ_by_that():
    assert not is_due(asked("open", -hours(1)), NOW, POLICY)
    assert is_due(asked("open", -hours(3)), NOW, POLICY)
    assert is_due(asked("finished", -days(365)), NOW, POLICY)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), hours(5)])
def test_one_asked_late_in_its_night_is_overdue_in_the_last_night_before_it_would_be_too_old(late):
    before = overdue_before(NOW, days(7))
    assert is_overdue(asked("open", days(6) - late), before)
    assert not is_overdue(asked("open", days(5) - late), before)
    assert is_overdue(asked("open", timedelta(0)), overdue_before(NOW, days(1)))


def test_an_unknown_state_is_treated_as_open():
    assert is_due(asked("paused", hours(9)), NOW, POLICY)
    assert not is_due(asked("paused", hours(8)), NOW, POLICY)


def test_one_that_was_asked_in_vain_is_asked_again_like_an_open_one():
    assert is_due(asked("new", hours(9)), NOW, POLICY)
    assert not is_due(asked("new", hours(8)), NOW, POLICY)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
states = st.sampled_from(["new", "open", "unknown", "finished"])
candidates = st.builds(
    Candidate,
    sn=st.text("PQ01", min_size=1, max_size=4),
    state=states,
    added_at=moments,
    last_asked_at=st.none() | moments,
    last_changed_at=st.none() | moments,
    unknown_times=st.integers(0, 40),
)
policies = st.builds(
    PlanPolicy,
    open_after=st.timedeltas(hours(1), days(3)),
    finished_after=st.timedeltas(hours(1), days(30)),
    finished_factor=st.floats(1, 5),
    finished_at_most=st.timedeltas(hours(1), days(365)),
    unknown_after=st.timedeltas(hours(1), days(3)),
    unknown_factor=st.floats(1, 5),
    unknown_at_most=st.timedeltas(hours(1), days(365)),
)


@given(candidates, moments, policies, st.timedeltas(timedelta(0), days(400)))
def test_what_is_due_stays_due_until_it_is_asked(candidate, now, policy, later):
    assume(candidate.last_asked_at is None or candidate.last_asked_at <= now)
    assert not is_due(candidate, now, policy) or is_due(candidate, now + later, policy)


@given(moments, st.lists(st.timedeltas(timedelta(0), days(60)), max_size=20), policies)
def test_waits_of_a_finished_one_never_shrink_and_end_at_the_most(changed, lateness, policy):
    asked_at, before = changed, timedelta(0)
    for late in lateness:
        wait = wait_of(Candidate(state="finished", last_asked_at=asked_at, last_changed_at=changed), policy)
        assert before <= wait <= policy.finished_at_most
        asked_at, before = asked_at + wait + late, wait


@given(st.integers(0, 60), policies)
def test_waits_of_an_unknown_one_never_shrink(times, policy):
    first, then = (wait_of(asked("unknown", days(0), unknown_times=n), policy) for n in (times, times + 1))
    assert first <= then <= policy.unknown_at_most
