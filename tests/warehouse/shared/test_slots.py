"""Start slots: never two at one time, never more calls than the budget, slower when Tuya says so."""

import itertools
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.kill import ROOT
from tuyahouse.pace import MARGIN
from tuyahouse.stores import Slots
from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.shared import slots
from tuyahouse.warehouse.warehouse import Warehouse

ENDPOINT = "POST /v1.0/pms/station/sn/flows/get"
NOW = 1_800_000_000.0


def reserve(warehouse: Warehouse, want: int = 1, per_second: float = 10.0, monthly: int | None = None) -> Slots:
    return warehouse.slots.reserve("factory", ENDPOINT, per_second=per_second, want=want, monthly_calls=monthly)


def ledger(warehouse: Warehouse) -> list[tuple[int, int, int]]:
    with warehouse.read() as conn:
        rows = conn.execute(text("SELECT calls, failures, throttled FROM ops_api_calls ORDER BY endpoint, day"))
        return [tuple(row) for row in rows]


def test_the_first_slot_is_now_by_the_local_clock(warehouse: Warehouse) -> None:
    reserve(warehouse)
    time.sleep(0.2)
    before = time.time()
    first = reserve(warehouse).first
    assert before - 0.1 < first < time.time() + 0.1


def test_blocks_of_slots_follow_each_other_without_gap_or_overlap(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(4) as threads:
        blocks = sorted(threads.map(lambda _: reserve(warehouse, 3, 0.1), range(12)), key=lambda block: block.first)
    starts = [block.first + n * block.interval for block in blocks for n in range(block.count)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps == pytest.approx([10 * MARGIN] * 35, abs=0.03)


RESERVE = """
import sys
from tuyahouse.warehouse.warehouse import Warehouse
slots = Warehouse.open(sys.argv[1]).slots
for _ in range(40):
    block = slots.reserve("factory", "GET /", per_second=200.0, want=5, monthly_calls=500)
    print(*[block.first + n * block.interval for n in range(block.count)])
"""


def test_processes_share_slots_and_budget_exactly(warehouse: Warehouse, warehouse_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", RESERVE, warehouse_url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(3)
    ]
    starts = sorted(float(start) for process in processes for start in process.communicate()[0].split())
    assert len(starts) == 500
    assert max(sum(1 for other in starts if start <= other < start + 1) for start in starts) <= 200
    assert [row[0] for row in ledger(warehouse)] == [500]


def test_calls_are_ledgered_before_they_are_made(warehouse: Warehouse) -> None:
    reserve(warehouse, 7)
    reserve(warehouse, 5)
    assert ledger(warehouse) == [(12, 0, 0)]


def test_an_unpaced_endpoint_is_only_ledgered(warehouse: Warehouse) -> None:
    assert reserve(warehouse, 9, per_second=0).interval == 0.0
    assert ledger(warehouse) == [(9, 0, 0)]


def test_near_the_budget_there_are_fewer_and_then_none(warehouse: Warehouse) -> None:
    assert [reserve(warehouse, 4, monthly=10).count for _ in range(4)] == [4, 4, 2, 0]
    assert warehouse.slots.calls_this_month("factory", datetime.now(UTC)) == 10


def test_the_budget_is_that_of_the_account_over_all_endpoints(warehouse: Warehouse) -> None:
    reserve(warehouse, 8, monthly=10)
    other = warehouse.slots.reserve("factory", "GET /other", per_second=5, want=5, monthly_calls=10)
    another_account = warehouse.slots.reserve("field", ENDPOINT, per_second=5, want=5, monthly_calls=10)
    assert (other.count, another_account.count) == (2, 5)


def test_calls_of_an_earlier_month_do_not_count(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        conn.execute(
            text("INSERT INTO ops_api_calls (account, endpoint, day, calls) VALUES ('factory', 'x', '2025-01-31', 99)")
        )
    assert reserve(warehouse, 4, monthly=10).count == 4


def test_unused_calls_are_released_but_the_ledger_never_falls_below_zero(warehouse: Warehouse) -> None:
    reserve(warehouse, 5)
    warehouse.slots.release("factory", ENDPOINT, 2)
    assert ledger(warehouse) == [(3, 0, 0)]
    warehouse.slots.release("factory", ENDPOINT, 9)
    assert ledger(warehouse) == [(0, 0, 0)]


def test_a_throttle_answer_slows_every_process_down(warehouse: Warehouse, warehouse_url: str) -> None:
    reserve(warehouse)
    warehouse.slots.throttled("factory", ENDPOINT)
    other = Warehouse.open(warehouse_url)
    assert reserve(other).interval == pytest.approx(0.2 * MARGIN)
    other.close()


def test_slots_that_are_not_handed_out_can_be_put_off(warehouse: Warehouse) -> None:
    first = reserve(warehouse)
    warehouse.slots.put_off("factory", ENDPOINT, 5.0)
    assert reserve(warehouse).first - first.first == pytest.approx(5.0 + 0.1 * MARGIN, abs=0.03)


def test_refused_calls_are_counted(warehouse: Warehouse) -> None:
    reserve(warehouse, 5)
    warehouse.slots.record("factory", ENDPOINT, failures=2, throttled=1)
    warehouse.slots.record("factory", ENDPOINT, failures=1, throttled=0)
    assert ledger(warehouse) == [(5, 3, 1)]


def test_a_process_that_is_paused_while_it_reserves_holds_up_no_other_for_long(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "LONGEST_PAUSE", timedelta(seconds=0.3))
    paused, went_on, enter = Event(), Event(), slots._ledger

    def pause_once(*arguments: Any, **counts: int) -> None:
        enter(*arguments, **counts)
        if not paused.is_set():
            paused.set()
            assert went_on.wait(60), "the other one waited for it"

    monkeypatch.setattr(slots, "_ledger", pause_once)
    warehouse = Warehouse.open(fresh_postgres_url)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(reserve, warehouse)
        assert paused.wait(60)
        assert reserve(warehouse).count == 1
        went_on.set()
        with pytest.raises(WarehouseAway):
            first.result()
    assert ledger(warehouse) == [(1, 0, 0)]
    warehouse.close()
