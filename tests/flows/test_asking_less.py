"""Nights that ask only what moved, as an operator runs them: ``python -m flows nightly_sync`` against a sandbox, HTTP.

``TUYAHOUSE_TEST_NIGHTS=10x100x240`` takes ten nights of 100 work orders of 240 units (``make nights``).
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.flows.nights import begun_units, register
from tests.flows.processes import run_flow
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox, start_sandbox
from tuyahouse.sandbox.days import instant
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import flow_step, ops_api_calls
from tuyahouse.warehouse.warehouse import Warehouse

NIGHTS, ORDERS, UNITS = map(int, os.environ.get("TUYAHOUSE_TEST_NIGHTS", "4x10x30").split("x"))
AT_ONCE = max(ORDERS * 3 // 8, 3)
LEARNT = 3
"""The first night in which counts decide."""
CLAIMED = 0.995

Steps = dict[str, set[tuple[str, int, bool]]]


@pytest.fixture
def reference() -> Sandbox:
    chosen = {"factory": "reference", "orders": ORDERS, "order_units": UNITS, "orders_at_once": AT_ONCE}
    sandbox = start_sandbox(*(part for name in chosen for part in ("--set", f"{name}={chosen[name]}")))
    yield sandbox
    sandbox.stop()


def test_the_sandbox_counts_the_calls_that_we_do_and_the_warehouse_is_the_truth(
    reference: Sandbox, prefect_server: PrefectServer, tmp_path: Path, secret_key: str
) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    warehouse = Warehouse.open(url, secret_key)
    env = prefect_server.env | reference.environment(
        TUYAHOUSE_WAREHOUSE_URL=url,
        TUYAHOUSE_SECRET_KEY=secret_key,
        TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND="0",
        TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS="",
    )
    before: Steps = {}
    asked, moved, wrong = [], 0, 0
    for day in range(NIGHTS):
        reference.control("day", {"day": day})
        register(warehouse, begun_units(reference))
        code, printed = run_flow("nightly_sync", env, run_key=f"night {day}", now=instant(day).isoformat())
        assert code == 0, printed
        assert ledger(warehouse) == counted(reference), "no call more or less than we know of"
        true, known = truth(reference, day), stored(warehouse)
        if day >= LEARNT:
            news = {sn for sn in true if true[sn] != before.get(sn)}
            moved, wrong = moved + len(news), wrong + sum(true[sn] != known.get(sn) for sn in news)
        before = true
        run = runs.find_run(warehouse, "demo", "sync_sn_flows", f"night {day}")
        assert run
        asked.append(run.outcome.asked)
    assert moved and wrong <= (1 - CLAIMED) * moved, f"{wrong} of {moved} that moved"
    assert "The counts are trusted (passed)" in printed and "pass counts asked" in printed
    report = prefect_server.newest_artifact("sync-sn-flows-demo-strategy")
    assert "moved: passed a node by the pass counts" in report["data"] and "By pass_counts: " in report["description"]
    assert "By pass_counts: " in prefect_server.newest_artifact("nightly-sync-demo")["description"]
    print(f"{NIGHTS} nights asked {asked}; of {moved} that moved, {wrong} were not found the same night")
    warehouse.close()


def test_a_budget_of_nothing_asks_nothing_and_says_what_waits(
    reference: Sandbox, prefect_server: PrefectServer, tmp_path: Path, secret_key: str
) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    env = prefect_server.env | reference.environment(
        TUYAHOUSE_WAREHOUSE_URL=url,
        TUYAHOUSE_SECRET_KEY=secret_key,
        TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS="0",
        TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS="",
    )
    warehouse = Warehouse.open(url, secret_key)
    register(warehouse, begun_units(reference))
    warehouse.close()
    code, printed = run_flow("nightly_sync", env, now=instant(0).isoformat())
    assert code == 0 and counted(reference) == {}, printed
    assert "Tonight's share of the month's calls pays for 0 of " in printed


def counted(sandbox: Sandbox) -> dict[str, int]:
    """Calls by endpoint, as the sandbox counts them."""
    return {
        name.replace("{orderCode}", "{order_code}"): count
        for name, count in sandbox.control("stats")["endpoints"].items()
    }


def ledger(warehouse: Warehouse) -> dict[str, int]:
    """Calls by endpoint, as we count them."""
    calls = ops_api_calls.c
    with warehouse.read() as conn:
        rows = conn.execute(select(calls.endpoint, func.sum(calls.calls)).group_by(calls.endpoint))
        return {endpoint: int(count) for endpoint, count in rows if count}


def truth(sandbox: Sandbox, day: int) -> Steps:
    found: Steps = {}
    for step in sandbox.lines(f"truth/steps?day={day}"):
        found.setdefault(step["sn"], set()).add((step["node"], step["time_ms"], step["status"]))
    return found


def stored(warehouse: Warehouse) -> Steps:
    found: Steps = {}
    step = flow_step.c
    wanted = select(step.sn, step.node, step.happened_at, step.status).where(step.gone_at.is_(None))
    with warehouse.read() as conn:
        for sn, node, at, status in conn.execute(wanted):
            ms = round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
            found.setdefault(sn, set()).add((node, ms, status))
    return found
