"""The nightly run as an operator sees it: started as a process, judged by its exit code, its words and its tables."""

import json
import signal
from datetime import timedelta

import pytest

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import IMPATIENT, run_flow, start_flow, wait_until
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.tables import craft_line, ops_lock, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

SOME = 40
on_sqlite = pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)


@pytest.fixture
def env(tuya: Sandbox, prefect_server: PrefectServer, warehouse: Warehouse, warehouse_url: str, secret_key: str):
    """How a flow reaches sandbox, server and warehouse; forty units of each work order are registered."""
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= SOME])
    return environment_of(tuya, warehouse_url, secret_key) | prefect_server.env


def status(warehouse: Warehouse, flow: str = "sync_sn_flows", key: str = "n"):
    found = runs.find_run(warehouse, "demo", flow, key)
    assert found
    return found.status, found.outcome.asked


def asked_often(sandbox: Sandbox) -> set[str]:
    return {sn for sn, times in sandbox.control("asked").items() if times > 1}


def test_a_night_is_balanced_and_leaves_a_table_and_is_done_only_once(env, tuya, warehouse, prefect_server):
    code, printed = run_flow("nightly_sync", env, run_key="n")
    assert code == 0, printed
    assert status(warehouse) == ("balanced", 3 * SOME)
    table = prefect_server.newest_artifact("sync-sn-flows-demo")
    assert {"count": "asked", "value": 3 * SOME} in json.loads(table["data"])
    code, printed = run_flow("nightly_sync", env, run_key="n")
    assert code == 0 and "Another run_key asks anew" in printed
    assert asked_often(tuya) == set() and rows(warehouse, ops_lock) == []


@on_sqlite
def test_a_month_that_is_used_up_stops_softly_and_goes_on_when_there_are_more_calls(env, tuya, warehouse):
    code, printed = run_flow("nightly_sync", env | {"TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS": "60"}, run_key="n")
    state, asked = status(warehouse)
    assert (code, state) == (0, "stopped"), printed
    assert "MONTHLY_CALLS" in printed and 0 < asked <= 60, "a night has its share of the month"
    assert tuya.control("stats")["calls"] <= 60
    assert status(warehouse, "nightly_sync")[0] == "stopped", "a night is not whole when a part of it was stopped"
    code, printed = run_flow("nightly_sync", env | {"TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS": "50000"}, run_key="n")
    assert (code, status(warehouse)) == (0, ("balanced", 3 * SOME)), printed
    assert asked_often(tuya) == set() and len(rows(warehouse, craft_line)) >= 2


@on_sqlite
def test_a_month_that_was_used_up_before_the_night_is_no_failure(env, operator, tuya, warehouse):
    used_up = env | {"TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS": "1"}
    for key in ("n", "n2"):
        code, printed = operator.run("nightly_sync", used_up, run_key=key)
        assert code == 0 and "MONTHLY_CALLS" in printed, printed
    assert tuya.control("stats")["calls"] <= 1
    assert status(warehouse, "nightly_sync", "n2")[0] == status(warehouse, key="n2")[0] == "stopped"


@on_sqlite
def test_a_quota_that_is_used_up_stops_red_at_once_and_the_run_key_goes_on(
    env, operator, tuya, warehouse, prefect_server
):
    tuya.control("options", {"quota": 50})
    code, printed = operator.run("nightly_sync", env, run_key="n")
    state, asked = status(warehouse)
    assert (code, state, printed.count("quota is used up")) == (1, "failed", 1), printed
    assert printed.splitlines()[-2:] == [
        "When that is fixed:",
        "  python -m flows nightly_sync -p account=demo -p run_key=n",
    ]
    assert 35 <= asked <= 47
    note = prefect_server.newest_artifact("sync-sn-flows-demo-note")
    assert "run_key=n" in note["data"] and "quota" in note["data"]
    assert tuya.control("stats")["refusals"]["28841004"] <= 20, "no call beyond those in flight"
    tuya.control("options", {"quota": 0})
    code, printed = operator.run("nightly_sync", env, run_key="n")
    assert (code, status(warehouse)) == (0, ("balanced", 3 * SOME)), printed


def test_ctrl_c_commits_what_is_done_says_how_to_go_on_and_leaves_no_lock(env, tuya, warehouse):
    process = start_flow("nightly_sync", env | {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "20"}, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 15, process)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert "run_key=n" in printed.splitlines()[-1]
    state, asked = status(warehouse)
    assert state == "interrupted" and asked >= 10
    assert [at is not None for (at,) in rows(warehouse, serial_number, "last_asked_at")].count(True) == asked
    assert rows(warehouse, ops_lock) == []
    code, printed = run_flow("nightly_sync", env, run_key="n")
    assert (code, status(warehouse)) == (0, ("balanced", 3 * SOME)), printed
    assert len(asked_often(tuya)) <= 8, "those in flight"


@on_sqlite
def test_a_second_night_at_the_same_time_is_refused_and_names_the_first(env, operator, tuya, warehouse):
    with locks.account_lock(warehouse, "demo/nightly_sync", "run other", timedelta(minutes=5)):
        code, printed = operator.run("nightly_sync", env, run_key="n")
    assert code == 1
    assert printed.splitlines()[-3].startswith("demo/nightly_sync is being worked on by run other since")
    assert tuya.control("asked") == {}
    refused = runs.find_run(warehouse, "demo", "nightly_sync", "n")
    assert refused and (refused.status, refused.note) == ("failed", printed.splitlines()[-3])


@on_sqlite
def test_a_part_that_another_run_works_on_is_done_at_the_end_of_the_night(env, tuya, warehouse):
    lock = locks.acquire(warehouse, "demo/sync_sn_flows", "run on demand", timedelta(minutes=5))
    process = start_flow("nightly_sync", env, run_key="n")
    commands = lambda: runs.find_run(warehouse, "demo", "reconcile_commands", "n")  # noqa: E731
    wait_until(lambda: (found := commands()) is not None and found.status == "balanced", process)
    assert tuya.control("asked") == {}
    lock.release()
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert status(warehouse) == ("balanced", 3 * SOME)


@on_sqlite
def test_the_same_night_started_twice_is_refused_and_the_first_is_left_alone(env, operator, tuya, warehouse):
    runs.start_run(warehouse, "demo", "nightly_sync", "n", {})
    with locks.account_lock(warehouse, "demo/nightly_sync", "run n", timedelta(minutes=5)):
        code, printed = operator.run("nightly_sync", env, run_key="n")
    assert code == 1
    assert printed.splitlines()[-3].startswith("demo/nightly_sync is being worked on by run n since")
    assert "asked" not in printed, "the counts of a run under way say nothing of this start"
    assert status(warehouse, "nightly_sync")[0] == "running"


def test_a_database_that_goes_away_for_good_is_said_in_words(tuya, prefect_server, own_postgres, secret_key):
    url = own_postgres.create_database()
    warehouse = Warehouse.open(url, secret_key)
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= SOME])
    warehouse.close()
    env = environment_of(tuya, url, secret_key, TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND="10")
    process = start_flow("sync_sn_flows", env | prefect_server.env, program=IMPATIENT, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 5, process)
    own_postgres.stop()
    printed, _ = process.communicate(timeout=200)
    own_postgres.start()
    assert process.returncode == 1, printed
    assert "Traceback" not in printed
    assert "cannot be reached" in printed.splitlines()[-3]
    assert printed.splitlines()[-1].endswith("-p run_key=n")


@on_sqlite
def test_a_clock_ten_minutes_off_is_corrected_and_reported(env, operator, tuya, warehouse):
    tuya.control("clock", {"offset_seconds": 600})
    code, printed = operator.run("nightly_sync", env, run_key="n")
    assert (code, status(warehouse)) == (0, ("balanced", 3 * SOME)), printed
    assert "clock of this machine is off by +600 s" in printed
