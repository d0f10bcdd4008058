"""What a night would cost."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serial_numbers.test_due import candidates, moments, policies
from tuyahouse.sync.forecast import count_due, forecast, token_calls, within
from tuyahouse.sync.serial_numbers.due import is_due
from tuyahouse.sync.serial_numbers.strategies.situation import REASONS


def test_a_budget_pays_in_the_order_given():
    due = {"overdue": 5, "new": 10, "moved": 3, "finished": 20}
    assert within(due, 17) == {"overdue": 5, "new": 10, "moved": 2, "finished": 0}
    assert within(due, None) == due
    assert set(within(due, -3).values()) == {0}


def test_a_night_without_quota():
    plan = forecast({"new": 1000, "due": 13_100}, counts=300, calls_per_second=4, unknown_craft_lines=3)
    assert (plan.sn_calls, plan.counts, plan.craft_line_calls, plan.token_calls) == (14_100, 300, 6, 3)
    assert plan.calls == 14_409
    assert plan.minutes == 60
    assert (plan.quota_share, plan.quota_left, plan.left_for_later) == (None, None, 0)


def test_a_share_that_does_not_suffice_leaves_finished_ones_for_later():
    plan = forecast(
        {"new": 100, "due": 800, "finished": 500},
        calls_per_second=10,
        monthly_calls=10_000,
        calls_this_month=8000,
        tonight=1003,
    )
    assert plan.asked == {"new": 100, "due": 800, "finished": 100}
    assert plan.left_for_later == 400
    assert (plan.calls, plan.quota_left, plan.quota_share) == (1003, 997, 0.1003)


def test_a_used_up_quota_asks_nothing():
    plan = forecast({"due": 10}, counts=5, calls_per_second=4, monthly_calls=100, calls_this_month=120, tonight=0)
    assert (plan.sn_calls, plan.counts, plan.left_for_later) == (0, 0, 10)


def test_nothing_is_asked_without_a_user_of_the_production_system():
    plan = forecast({"due": 10}, counts=5, calls_per_second=4, unknown_craft_lines=2, has_pms=False)
    assert (plan.calls, plan.left_for_later) == (0, 10)


def test_nothing_due_costs_nothing():
    plan = forecast({}, calls_per_second=4, monthly_calls=100, tonight=50)
    assert (plan.calls, plan.minutes, plan.quota_left) == (0, 0, 100)


def test_an_unpaced_account_has_no_minutes():
    assert forecast({"due": 10}, calls_per_second=0).minutes is None


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
    st.dictionaries(st.sampled_from(list(REASONS)), st.integers(0, 10_000)),
    st.integers(0, 3000),
    st.integers(1, 30_000),
    st.integers(0, 30_000),
    st.integers(0, 20),
    st.integers(0, 30_000),
)
def test_a_plan_never_exceeds_tonight_s_share_nor_the_quota(due, counts, monthly, used, craft_lines, share):
    left = max(monthly - used, 0)
    tonight = min(share, left)
    plan = forecast(
        due,
        counts=counts,
        calls_per_second=4,
        monthly_calls=monthly,
        calls_this_month=used,
        tonight=tonight,
        unknown_craft_lines=craft_lines,
    )
    assert plan.counts + plan.sn_calls <= tonight
    assert plan.sn_calls == 0 or plan.calls <= left
    assert plan.sn_calls + plan.left_for_later == sum(due.values())


@given(st.lists(candidates), moments, policies)
def test_what_is_due_by_time_is_counted_without_holding_it(some, now, policy):
    assert count_due(iter(some), now, policy) == len([one for one in some if is_due(one, now, policy)])
