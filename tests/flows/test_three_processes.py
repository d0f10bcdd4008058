"""Three processes ask on one account, started as users start them: they share one token, however often it dies."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import ANY

import pytest

from tests.cli.conftest import PROGRAM
from tests.flows.nights import environment_of, register, rows, units
from tests.flows.operator import Operator
from tests.flows.processes import start_flow, wait_until
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.tables import ops_lock
from tuyahouse.warehouse.warehouse import Warehouse

on_sqlite = pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)


def test_each_death_of_the_token_costs_one_grant_and_no_serial_number(
    sandboxes: Callable[..., Sandbox],
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    prefect_server: PrefectServer,
) -> None:
    sandbox = sandboxes("--serial-numbers", "2400", "--day", "3", "--set", "token_calls=500")
    register(warehouse, units(sandbox))
    orders = sorted({order for _, order in units(sandbox)})
    env = environment_of(sandbox, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE="100") | prefect_server.env
    named = {order: [sn for sn, its_order in units(sandbox) if its_order == order] for order in orders}
    processes = [start_flow("sync_sn_flows", env, run_key=f"of {order}", sns=named[order]) for order in orders]
    printed = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], printed
    found = [runs.find_run(warehouse, "demo", "sync_sn_flows", f"of {order}") for order in orders]
    assert [(run.status, run.outcome.asked, run.outcome.failed) for run in found if run] == [("balanced", 800, 0)] * 3
    tokens = sandbox.control("stats")["tokens"]
    assert tokens["pms_deaths"] >= 4
    assert tokens.get("logins", 0) + tokens.get("pms_refreshes", 0) == tokens["pms_deaths"] + 1
    assert tokens["grants"] + tokens.get("refreshes", 0) == tokens.get("platform_deaths", 0) + 1
    assert rows(warehouse, ops_lock) == []


@on_sqlite
def test_a_serial_number_on_demand_in_the_middle_of_a_slow_night_is_answered_long_before_the_night_ends(
    tuya: Sandbox,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    prefect_server: PrefectServer,
    operator: Operator,
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 40])
    paced = {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "3"}
    env = environment_of(tuya, warehouse_url, secret_key, **paced) | prefect_server.env
    night = start_flow("nightly_sync", env, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 5, night)
    code, printed = operator.run("sync_sn_flows", env, sns=["YZCB04ZZR00041"], run_key="now")
    asked = tuya.control("asked")
    assert code == 0 and night.poll() is None, printed
    assert asked["YZCB04ZZR00041"] == 1 and len(asked) < 100, "the night had long to go"
    wait_until(lambda: 0 < shown(prefect_server)[0] < 99, night)
    assert shown(prefect_server)[1].startswith("sync_sn_flows: ")
    said, _ = night.communicate(timeout=240)
    assert night.returncode == 0, said
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert found and (found.status, found.outcome.asked) == ("balanced", 120)
    assert shown(prefect_server) == (100.0, ANY)
    assert set(tuya.control("asked").values()) == {1}


def shown(server: PrefectServer) -> tuple[float, str]:
    """Percent and words of the progress that the newest night shows; a hundred if none has shown any."""
    try:
        artifact = server.newest_artifact("nightly-sync-demo-progress")
    except OSError:
        return 100.0, ""
    return float(artifact["data"]), artifact["description"]


@on_sqlite
def test_one_serial_number_is_asked_beside_a_run_of_all_that_is_due_but_not_beside_its_own_run_key(
    tuya: Sandbox, warehouse: Warehouse, warehouse_url: str, secret_key: str, operator: Operator
) -> None:
    env = environment_of(tuya, warehouse_url, secret_key)
    minutes = timedelta(minutes=5)
    with locks.account_lock(warehouse, "demo/sync_sn_flows", "run night", minutes):
        code, printed = operator.run("sync_sn_flows", env, sns=["YZCB04ZZR00011"], run_key="now")
        assert code == 0, printed
        code, printed = operator.run("sync_sn_flows", env, run_key="due")
        assert code == 1 and "is being worked on by run night" in printed
    with locks.account_lock(warehouse, "demo/sync_sn_flows/now", "run now", minutes):
        code, printed = operator.run("sync_sn_flows", env, sns=["YZCB04ZZR00011"], run_key="now")
        assert code == 1 and "is being worked on by run now" in printed


@on_sqlite
def test_a_doctor_in_the_middle_of_a_night_disturbs_no_call_of_it(
    tuya: Sandbox, warehouse: Warehouse, warehouse_url: str, secret_key: str, prefect_server: PrefectServer
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 20])
    paced = {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "5", "TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS": "north-hall"}
    env = environment_of(tuya, warehouse_url, secret_key, **paced) | prefect_server.env
    night = start_flow("sync_sn_flows", env, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 5, night)
    logins = tuya.control("stats")["tokens"]["logins"]
    doctor = subprocess.run([PROGRAM, "doctor", "--no-messages"], env=env, capture_output=True, text=True, timeout=120)
    assert doctor.returncode == 0 and "a run is under way" in doctor.stdout, doctor.stdout + doctor.stderr
    assert night.poll() is None, "the night had long to go"
    said, _ = night.communicate(timeout=240)
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert night.returncode == 0 and found and (found.outcome.asked, found.outcome.failed) == (60, 0), said
    assert sum(tuya.control("asked").values()) <= 61, "the doctor's own question, and no call of the night twice"
    assert tuya.control("stats")["tokens"]["logins"] == logins
