"""Nights in which Tuya's pass counts say anything at all; and where the warehouse's own counts come from."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tests.support.direct_nights import ACCOUNT, Nights
from tuyahouse.cloud.calls.pms import PASS_AMOUNT
from tuyahouse.sync.serial_numbers.budget import share_of_night
from tuyahouse.warehouse.serial_numbers import pass_counts
from tuyahouse.warehouse.warehouse import Warehouse

MOST_DAYS = 3
KEY = "a-key-of-a-test-and-of-nothing-else"


@pytest.fixture
def nights(sqlite_url: str, secret_key: str) -> Iterator[Nights]:
    warehouse = Warehouse.open(sqlite_url, secret_key)
    yield Nights(warehouse, orders=8, order_units=10, orders_at_once=3)
    warehouse.close()


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


def test_the_warehouse_counts_from_an_index_and_never_scans_all_steps(nights: Nights) -> None:
    nights.run(0)
    order = nights.world.factory.orders[0].code
    until = {"N": (nights.now, nights.now)}
    asked: list[tuple[str, Any]] = []
    with nights.warehouse.read() as conn:
        event.listen(conn, "before_cursor_execute", lambda c, cur, sql, values, ctx, many: asked.append((sql, values)))
        pass_counts.passed(conn, ACCOUNT, order, until, failures=False)
        pass_counts.waiting_units(conn, ACCOUNT, order)
        pass_counts.finished_units(conn, ACCOUNT, order)
        pass_counts.feeders(conn, ACCOUNT, order)
        pass_counts.unasked_since(conn, ACCOUNT, [order], nights.now)
        counting = [one for one in asked if "flow_step" in one[0] or "serial_number" in one[0]]
        assert len(counting) == 5
        for sql, values in counting:
            steps = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert not [one for one in steps if one.startswith(("SCAN flow_step", "SCAN serial_number"))], (sql, steps)
