"""One account at 50 calls a second, asked by several processes at once. ``python -m benchmarks.machines``

The chunks of one run are asked by four processes of a Dask cluster, and two runs by two workers of Prefect's. Token,
pace and ledger are shared through PostgreSQL. The sandbox counts: when each call came, and for which serial number. The
share of the limit is that between the first call and the last.
"""

import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import prefect_server, table
from benchmarks.pace import busiest_second
from tests.deployment.conftest import deploy
from tests.flows.nights import environment_of, register, units
from tests.flows.processes import ROOT, run_flow
from tests.support.machines import dask_cluster, prefect_workers
from tests.support.postgres import OwnPostgres
from tests.support.sandbox import Sandbox, start_sandbox
from tuyahouse.warehouse.warehouse import Warehouse

LIMIT, UNITS = 50, 3000
KEY = "a-key-of-the-benchmarks-and-of-nothing-else"
SETTINGS = {
    "PYTHONPATH": str(ROOT),
    "TUYAHOUSE_CHUNK_SIZE": "500",
    "TUYAHOUSE_CHUNKS_AT_ONCE": "4",
    "TUYAHOUSE_ACCOUNTS__DEMO__CONCURRENCY": "32",
    "TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": str(LIMIT),
}


@contextmanager
def factory(postgres: OwnPostgres) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A sandbox and a warehouse that knows its serial numbers; the environment of a process that reaches both."""
    url = postgres.create_database()
    tuya = start_sandbox("--serial-numbers", str(UNITS))
    try:
        warehouse = Warehouse.open(url, KEY)
        register(warehouse, units(tuya))
        warehouse.close()
        yield tuya, environment_of(tuya, url, KEY, **SETTINGS)
    finally:
        tuya.stop()


def on_dask(env: Mapping[str, str], folder: Path) -> None:
    with dask_cluster(env, folder) as address:
        settings = {"TUYAHOUSE_TASK_RUNNER": "dask", "TUYAHOUSE_DASK_ADDRESS": address}
        code, printed = run_flow("sync_sn_flows", {**env, **settings})
    assert code == 0, printed


def on_two_workers(env: Mapping[str, str], folder: Path, numbers: Sequence[str]) -> None:
    """Half of the serial numbers in a run of each worker."""
    deploy(dict(env), "--only", "ask-serial-numbers")
    with prefect_workers(env, folder, "one", "two"):
        (found,) = _api(env, "deployments/filter", {"deployments": {"name": {"any_": ["ask-serial-numbers"]}}})
        path = f"deployments/{found['id']}/create_flow_run"
        halves = [{"account": "demo", "sns": numbers[half::2], "run_key": f"half-{half}"} for half in (0, 1)]
        started = [_api(env, path, {"parameters": half})["id"] for half in halves]
        ended = [_ended(env, run) for run in started]
    assert [run["state_type"] for run in ended] == ["COMPLETED"] * 2, ended


def _api(env: Mapping[str, str], path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{env['PREFECT_API_URL']}/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def _ended(env: Mapping[str, str], run: str) -> Any:
    while (found := _api(env, f"flow_runs/{run}"))["state_type"] in ("SCHEDULED", "PENDING", "RUNNING"):
        time.sleep(0.5)
    return found


def counted(name: str, tuya: Sandbox) -> list[str]:
    """What the sandbox counted."""
    asked, starts = tuya.control("asked"), sorted(tuya.control("starts"))
    share = (len(starts) - 1) / (starts[-1] - starts[0]) / LIMIT
    again = sum(asked.values()) - UNITS
    return [name, str(len(starts)), f"{share:.1%}", str(busiest_second(starts)), str(again)]


def main() -> None:
    rows = [["", "calls", "of 50/s", "busiest second as it arrives", "serial numbers asked twice"]]
    postgres = OwnPostgres()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "prefect").mkdir()
        with prefect_server(folder / "prefect") as prefect:
            with factory(postgres) as (tuya, env):
                on_dask({**env, **prefect}, folder)
                rows.append(counted("four processes of a Dask cluster", tuya))
            with factory(postgres) as (tuya, env):
                on_two_workers({**env, **prefect}, folder, [sn for sn, _ in units(tuya)])
                rows.append(counted("two workers of Prefect's", tuya))
    postgres.close()
    table(f"{UNITS:,} serial numbers of one account at {LIMIT} calls a second", rows)


if __name__ == "__main__":
    main()
