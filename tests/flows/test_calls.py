"""The calls of runs are those of the ledger that the quota pays for, whatever happened in between."""

import re
from datetime import date

import pytest

from tests.flows.nights import environment_of, register, units
from tests.flows.processes import IMPATIENT, start_flow, wait_until
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared import slots
from tuyahouse.warehouse.warehouse import Warehouse

SHARE = re.compile(r"\((\d+) %\)")


def calls(warehouse: Warehouse) -> tuple[int, int]:
    """Those of all runs, and those of the ledger."""
    with warehouse.read() as conn:
        ledger = slots.calls_since(conn, "demo", date(2000, 1, 1))
    return sum(run.outcome.calls for run in runs.recent_runs(warehouse, limit=100)), ledger


def shares(printed: str) -> list[str]:
    """How far the serial numbers came, in percent."""
    return [share for line in printed.splitlines() if "sync_sn_flows: " in line for share in SHARE.findall(line)]


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_an_outage_in_the_middle_of_a_night_costs_no_count_and_shows_no_more_than_a_hundred_percent(
    tuya: Sandbox, prefect_server: PrefectServer, warehouse: Warehouse, warehouse_url: str, secret_key: str
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 30])
    demo = "TUYAHOUSE_ACCOUNTS__DEMO__"
    paced = {f"{demo}CALLS_PER_SECOND": "30", f"{demo}ATTEMPTS": "1", "TUYAHOUSE_CHUNK_SIZE": "10"}
    env = environment_of(tuya, warehouse_url, secret_key, **paced) | prefect_server.env
    process = start_flow("nightly_sync", env, program=IMPATIENT, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 20, process)
    tuya.control("faults", {"cut": 1})
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1, printed
    assert "│ status" in printed and "balanced  │" not in printed.partition("│ status")[0], printed
    assert max(map(int, shares(printed))) < 100, printed
    ours, ledger = calls(warehouse)
    assert ours == ledger > 20
    tuya.control("faults", {})
    tuya.control("tokens/kill", {})
    process = start_flow("nightly_sync", env, run_key="n")
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert {"100"} == {
        share for line in printed.splitlines() if "sync_sn_flows: " in line for share in SHARE.findall(line)
    }
    ours, ledger = calls(warehouse)
    assert ours == ledger


def test_calls_of_a_killed_run_are_counted(
    tuya: Sandbox, prefect_server: PrefectServer, warehouse: Warehouse, warehouse_url: str, secret_key: str
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 30])
    env = environment_of(tuya, warehouse_url, secret_key, TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND="10")
    process = start_flow("sync_sn_flows", env | prefect_server.env, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 8, process)
    process.kill()
    process.communicate(timeout=60)
    made = sum(tuya.control("asked").values())
    ours, ledger = calls(warehouse)
    assert ours == ledger >= made, "the chunk under way has landed nothing"
