"""One account asked from many processes at once: the chunks of a run on a Dask cluster, and runs on two workers.

The sandbox says when each call came and for which serial number.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.conftest import deploy
from tests.flows.nights import environment_of, register, units
from tests.flows.processes import ROOT, run_flow, start_flow, wait_until
from tests.support.machines import dask_cluster, prefect_workers
from tests.support.ports import free_port
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox, start_sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

LIMIT, UNITS = 50, 300
pytestmark = pytest.mark.parametrize("warehouse_url", ["postgresql"], indirect=True)


@pytest.fixture
def tuya() -> Iterator[Sandbox]:
    started = start_sandbox("--serial-numbers", str(UNITS))
    yield started
    started.stop()


@pytest.fixture
def env(
    tuya: Sandbox, warehouse: Warehouse, warehouse_url: str, secret_key: str, prefect_server: PrefectServer
) -> dict[str, str]:
    register(warehouse, units(tuya))
    paced = {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": str(LIMIT), "TUYAHOUSE_CHUNK_SIZE": "25"}
    concurrent = {"TUYAHOUSE_CHUNKS_AT_ONCE": "4", "TUYAHOUSE_ACCOUNTS__DEMO__CONCURRENCY": "32"}
    found = environment_of(tuya, warehouse_url, secret_key, **paced, **concurrent, PYTHONPATH=str(ROOT))
    return found | prefect_server.env


@pytest.fixture
def cluster(env: dict[str, str], tmp_path: Path) -> Iterator[str]:
    with dask_cluster(env, tmp_path) as address:
        yield address


def kept_to_the_limit(tuya: Sandbox) -> None:
    """No serial number twice, and no faster than one process may be: processes that share no pace take half the time.

    Within a second calls may bunch on their way where the machine is busy.
    """
    asked, starts = tuya.control("asked"), sorted(tuya.control("starts"))
    assert len(asked) == UNITS and set(asked.values()) == {1}
    assert starts[-1] - starts[0] >= 0.95 * (UNITS - 1) / LIMIT


def test_the_chunks_of_a_run_on_four_processes_of_a_dask_cluster(
    env: dict[str, str], cluster: str, tuya: Sandbox, warehouse: Warehouse, tmp_path: Path
) -> None:
    on_dask = {"TUYAHOUSE_TASK_RUNNER": "dask", "TUYAHOUSE_DASK_ADDRESS": cluster}
    process = start_flow("sync_sn_flows", env | on_dask, run_key="n")
    printed, _ = process.communicate(timeout=280)
    assert process.returncode == 0, printed
    run = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert run and (run.status, run.outcome.asked) == ("balanced", UNITS)
    kept_to_the_limit(tuya)
    logs = [(tmp_path / f"dask-{number}.log").read_text() for number in range(1, 5)]
    assert all("Finished in state Completed" in log for log in logs), logs


def test_ctrl_c_ends_a_run_on_a_cluster_of_its_own_and_the_run_key_goes_on(
    env: dict[str, str], tuya: Sandbox, warehouse: Warehouse
) -> None:
    on_dask = {"TUYAHOUSE_TASK_RUNNER": "dask", "TUYAHOUSE_CHUNKS_AT_ONCE": "2"}
    process = start_flow("sync_sn_flows", env | on_dask, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 60, process)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in printed, printed
    stopped = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert stopped and stopped.status == "interrupted" and 0 < stopped.outcome.asked < UNITS
    code, printed = run_flow("sync_sn_flows", env, run_key="n")
    run = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert code == 0 and run and (run.status, run.outcome.asked) == ("balanced", UNITS), printed
    again = [times for times in tuya.control("asked").values() if times > 1]
    assert len(again) <= 2 * 25, "the chunks in flight"


def test_a_cluster_that_is_not_there_is_told(env: dict[str, str], warehouse: Warehouse) -> None:
    nowhere = f"tcp://127.0.0.1:{free_port()}"
    on_dask = {"TUYAHOUSE_TASK_RUNNER": "dask", "TUYAHOUSE_DASK_ADDRESS": nowhere}
    code, printed = run_flow("sync_sn_flows", env | on_dask | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"})
    assert code == 1 and "Traceback" not in printed, printed
    assert f"The Dask cluster at {nowhere} does not answer" in printed


def test_two_workers_of_prefects_on_one_account(
    env: dict[str, str], tuya: Sandbox, warehouse: Warehouse, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    deploy(env, "--only", "ask-serial-numbers")
    numbers = [sn for sn, _ in units(tuya)]
    halves = {"even": numbers[::2], "odd": numbers[1::2]}
    with prefect_workers(env, tmp_path, *halves):
        (found,) = prefect_server.api("deployments/filter", {"deployments": {"name": {"any_": ["ask-serial-numbers"]}}})
        path = f"deployments/{found['id']}/create_flow_run"
        asked = [
            prefect_server.api(path, {"parameters": {"account": "demo", "sns": sns, "run_key": name}})["id"]
            for name, sns in halves.items()
        ]
        ended = [_ended(prefect_server, run) for run in asked]
    assert [run["state_type"] for run in ended] == ["COMPLETED"] * 2, [run["state"] for run in ended]
    logs = {name: (tmp_path / f"{name}.log").read_text() for name in halves}
    assert all(f"Worker '{name}' submitting flow run" in log for name, log in logs.items()), logs
    kept_to_the_limit(tuya)


def _ended(server: PrefectServer, run: str) -> dict[str, object]:
    end = time.monotonic() + 180
    while True:
        found: dict[str, object] = server.api(f"flow_runs/{run}")
        if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED"):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.5)
