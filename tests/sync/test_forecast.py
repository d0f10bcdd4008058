"""What a night would cost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serial_numbers.test_due import NOW, POLICY, Candidate, candidates, moments, policies
from tuyahouse.sync.forecast import Due, count_due, forecast, token_calls
from tuyahouse.sync.serial_numbers.due import select_due


def test_due_ones_are_counted_by_state():
    asked = datetime(2026, 1, 1, tzinfo=UTC)
    some = [
        Candidate(),
        Candidate(state="open", last_asked_at=asked),
        Candidate(state="open", last_asked_at=NOW),
        Candidate(state="unknown", last_asked_at=asked),
        Candidate(state="finished", last_asked_at=asked, last_changed_at=asked),
    ]
    assert count_due(some, NOW, POLICY) == Due(new=1, open=1, unknown=1, finished=1)


def test_a_budget_pays_new_ones_first_and_finished_ones_last():
    assert Due(new=5, open=10, unknown=3, finished=20).within(17) == Due(new=5, open=10, unknown=2, finished=0)


def test_a_night_without_quota():
    plan = forecast(Due(new=1000, open=13_400), calls_per_second=4, unknown_craft_lines=3)
    assert (plan.sn_calls, plan.craft_line_calls, plan.token_calls) == (14_400, 6, 3)
    assert plan.calls == 14_409
    assert plan.minutes == 60
    assert (plan.quota_share, plan.quota_left, plan.left_for_later) == (None, None, 0)


def test_a_quota_that_does_not_suffice_leaves_finished_ones_for_later():
    plan = forecast(
        Due(new=100, open=800, finished=500), calls_per_second=10, monthly_calls=10_000, calls_this_month=8997
    )
    assert plan.asked == Due(new=100, open=800, finished=100)
    assert plan.left_for_later == 400
    assert (plan.calls, plan.quota_left, plan.quota_share) == (1003, 0, 0.1003)


def test_a_used_up_quota_asks_nothing():
    plan = forecast(Due(open=10), calls_per_second=4, monthly_calls=100, calls_this_month=120)
    assert plan.asked.total == 0
    assert plan.left_for_later == 10


def test_a_limit_is_kept():
    assert forecast(Due(open=10), calls_per_second=4, limit=4).asked == Due(open=4)


def test_nothing_due_costs_nothing():
    plan = forecast(Due(), calls_per_second=4, monthly_calls=100)
    assert (plan.calls, plan.minutes, plan.quota_left) == (0, 0, 100)


def test_an_unpaced_account_has_no_minutes():
    assert forecast(Due(open=10), calls_per_second=0).minutes is None


@pytest.mark.parametrize(
    ("length", "has_pms", "calls"),
    [
        (timedelta(minutes=5), False, 1),
        (timedelta(minutes=5), True, 3),
        (timedelta(hours=3), False, 2),
        (timedelta(hours=3), True, 2 + 2 + 1),
        (timedelta(hours=20), True, 10 + 9 * 2 + 1),
        (timedelta(hours=40), True, 20 + 18 * 2 + 2),
    ],
)
def test_tokens_are_granted_every_two_hours_and_refreshed_once_a_day(length, has_pms, calls):
    assert token_calls(length.total_seconds(), has_pms) == calls


@given(
    st.builds(Due, *(st.integers(0, 10_000),) * 4),
    st.integers(1, 30_000),
    st.integers(0, 30_000),
    st.integers(0, 20),
    st.none() | st.integers(0, 5000),
)
def test_serial_numbers_never_push_a_plan_over_the_quota(due, monthly, used, craft_lines, limit):
    plan = forecast(
        due,
        calls_per_second=4,
        monthly_calls=monthly,
        calls_this_month=used,
        unknown_craft_lines=craft_lines,
        limit=limit,
    )
    assert plan.asked.total == 0 or plan.calls <= monthly - used
    assert plan.asked.total <= (due.total if limit is None else limit)
    assert plan.asked.total + plan.left_for_later == due.total


@given(st.lists(candidates), moments, policies)
def test_the_count_agrees_with_what_the_planner_chooses(some, now, policy):
    assert count_due(some, now, policy).total == len(list(select_due(some, now, policy, None)))
