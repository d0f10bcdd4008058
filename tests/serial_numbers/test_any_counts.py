"""Nights in which Tuya's pass counts say anything at all."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.direct_nights import Nights
from tuyahouse.cloud.calls.pms import PASS_AMOUNT
from tuyahouse.sync.serial_numbers.budget import share_of_night
from tuyahouse.warehouse.warehouse import Warehouse

MOST_DAYS = 3
KEY = "a-key-of-a-test-and-of-nothing-else"


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(st.integers(-3, 40), min_size=1, max_size=12),
    trusted=st.integers(0, 4),
    monthly=st.none() | st.integers(100, 1500),
)
def test_whatever_counts_say_no_open_one_waits_too_long_and_no_night_spends_more_than_its_share(
    tmp_path_factory: pytest.TempPathFactory, said: list[int], trusted: int, monthly: int | None
) -> None:
    """Until the night ``trusted`` the counts are true."""
    warehouse = Warehouse.open(f"sqlite:///{tmp_path_factory.mktemp('any') / 'warehouse.db'}", KEY)
    budget = {"max_staleness_days": MOST_DAYS, "monthly_calls": monthly}
    nights = Nights(warehouse, budget, orders=8, order_units=10, orders_at_once=3)
    turn = iter(said * 10_000)
    nights.client.instead = lambda path, body: (
        b"%d" % next(turn) if path == PASS_AMOUNT.path and nights.world.options.day > trusted else None
    )
    spent, unpaid = 0, False
    for day in range(8):
        night = nights.run(day)
        if monthly is not None:
            assert night.asked + night.counts <= share_of_night(monthly - spent, nights.now)
        assert unpaid or night.worst <= timedelta(days=MOST_DAYS), "older ones were not paid for, and that was said"
        spent, unpaid = spent + night.calls, unpaid or bool(night.unpaid)
    warehouse.close()
