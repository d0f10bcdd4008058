"""Nights that ask only what moved: the planner and landing code against the reference factory, without HTTP."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.direct_nights import ACCOUNT, Nights
from tuyahouse.cloud.calls.pms import PASS_AMOUNT
from tuyahouse.sync.serial_numbers.definitions import NIGHTS
from tuyahouse.warehouse.ledgers import drift
from tuyahouse.warehouse.serial_numbers import pass_counts
from tuyahouse.warehouse.warehouse import Warehouse

LEARNT = NIGHTS + 1
"""The first night counts nothing: no craft line is known. Two nights later the counts are trusted."""


@pytest.fixture
def warehouse_url(sqlite_url: str) -> str:
    return sqlite_url


def trust(warehouse: Warehouse) -> pass_counts.Trust:
    with warehouse.read() as conn:
        return pass_counts.trust(conn, ACCOUNT)


def test_counts_that_proved_true_find_all_that_moved_for_a_part_of_the_calls(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, orders=12, order_units=40, orders_at_once=4)
    told = [nights.run(day) for day in range(7)]
    assert told[0].counts == 0 and trust(warehouse).definition == "passed"
    after = told[LEARNT:]
    assert sum(night.moved for night in after) > 100
    assert sum(night.found for night in after) == sum(night.moved for night in after)
    assert sum(night.boards for night in after) > 0, "boards that went on in another order are among them"
    assert sum(night.asked for night in after) < 1.5 * sum(night.moved for night in after)
    assert max(night.worst for night in told) <= timedelta(days=7)


def test_one_contradiction_ends_it_and_all_that_is_due_is_asked_from_then_on(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, orders=12, order_units=40, orders_at_once=4, pass_counts="lie", lie_from=3.0)
    told = [nights.run(day) for day in range(6)]
    assert trust(warehouse).agreed == 0 and "Tuya counts" in (trust(warehouse).reason or "")
    with warehouse.read() as conn:
        assert [(row.kind, row.field) for row in drift.listing(conn, ACCOUNT)] == [("pass_count", "contradicted")]
    assert any("contradicted" in note for night in told[4:] for note in night.notes)
    open_found = [(night.found - night.boards_found, night.moved - night.boards) for night in told[4:]]
    assert all(found == moved for found, moved in open_found), "the night that finds it out asks everything"


@pytest.mark.parametrize(("how", "definition"), [("failures", "reached"), ("lag", "passed_hour_late")])
def test_what_counts_count_is_found_out(warehouse: Warehouse, how: str, definition: str) -> None:
    nights = Nights(warehouse, orders=12, order_units=40, orders_at_once=4, pass_counts=how)
    for day in range(5):
        nights.run(day)
    assert trust(warehouse).definition == definition


def test_an_endpoint_without_rights_is_said_and_asked_again_after_a_week(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, orders=12, order_units=10, orders_at_once=4, pass_counts="refused")
    told = [nights.run(day) for day in range(10)]
    asked = [day for day, night in enumerate(told) if night.counts]
    assert asked == [1, 8] and all(told[1].counts < 10 for _ in asked)
    assert "Tuya refuses pass counts" in told[1].notes[0] and "1106" in told[1].notes[0]
    assert all(night.found - night.boards_found > 0 for night in told[:4])


@pytest.mark.parametrize("result", [b'"twelve"', b"-4", b"null"])
def test_counts_that_are_none_leave_their_orders_to_the_clock(warehouse: Warehouse, result: bytes) -> None:
    nights = Nights(warehouse, orders=8, order_units=30, orders_at_once=4)
    for day in range(LEARNT):
        nights.run(day)
    assert trust(warehouse).agreed >= NIGHTS
    nights.client.instead = lambda path, body: result if path == PASS_AMOUNT.path else None
    night = nights.run(LEARNT)
    assert night.found - night.boards_found >= 0.8 * (night.moved - night.boards) > 0
    assert night.counts and night.notes, "a note says what happened"


def test_random_order_finds_all_and_asks_no_more_than_all(warehouse: Warehouse) -> None:
    """Order tells nothing there. Counts and calls stay within all that are open; finished boards are looked for within
    what that leaves."""
    nights = Nights(warehouse, orders=16, order_units=200, orders_at_once=4, unit_order="random")
    told = [nights.run(day) for day in range(10)][LEARNT + 1 :]
    assert sum(night.found - night.boards_found for night in told) >= 0.995 * sum(
        night.moved - night.boards for night in told
    )
    finished = sum(night.reasons.get("finished", 0) for night in told)  # asked by every strategy
    assert sum(night.calls for night in told) - finished <= 1.01 * sum(night.open for night in told)


def test_a_night_spends_its_share_of_the_month(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, {"monthly_calls": 900})
    assert all(0 < nights.run(day).asked <= 36 for day in range(4)), "the nights that are left share the calls"


@pytest.mark.parametrize("strategy", ["all", "stale"])
def test_the_other_strategies_count_nothing(warehouse: Warehouse, strategy: str) -> None:
    nights = Nights(warehouse, {"strategy": strategy})
    told = [nights.run(day) for day in range(3)]
    assert [night.counts for night in told] == [0, 0, 0]
    assert told[2].found == told[2].moved - told[2].boards or strategy == "stale"


def test_the_plan_is_the_same_for_the_same_state(warehouse: Warehouse, tmp_path: Path) -> None:
    def calls(warehouse: Warehouse) -> list[tuple[int, int]]:
        nights = Nights(warehouse, orders=8, order_units=30, orders_at_once=4)
        told = [nights.run(day) for day in range(6)]
        return [(night.calls, night.asked) for night in told]

    other = Warehouse.open(f"sqlite:///{tmp_path}/other.db", "a-key-for-another-warehouse-of-tests")
    assert calls(warehouse) == calls(other)
    other.close()
