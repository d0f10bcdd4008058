"""Prefect's server is lost for ever in the middle of a run: the run ends soon, with words, and its run key goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deployment.conftest import ROOT, run_prefect
from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import run_flow, start_flow, wait_until
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import ops_lock
from tuyahouse.warehouse.warehouse import Warehouse

HASTY = """
import importlib.abc, importlib.util, os, pathlib, sys


class Hasty(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "tasks.run.prefect_watch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            module.SECONDS_AWAY, module._SECONDS_BETWEEN = 4.0, 0.5
            (pathlib.Path(__file__).parent / "pid").write_text(str(os.getpid()))

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Hasty())
"""
"""A ``sitecustomize`` for processes that are not to wait a minute and a half; each leaves its number."""
WORDS = "has not answered for 4 s. Start it, or unset PREFECT_API_URL"


@pytest.fixture
def server() -> Iterator[PrefectServer]:
    """One that this test alone uses, to kill it."""
    started = PrefectServer()
    yield started
    started.close()


@pytest.fixture
def warehouse_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def env(tuya: Sandbox, warehouse: Warehouse, sqlite_url: str, secret_key: str, tmp_path: Path) -> dict[str, str]:
    """A slow run of 120 units, in a process that notices soon that the server is lost."""
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 40])
    (tmp_path / "sitecustomize.py").write_text(HASTY)
    paced = {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "2"}
    return environment_of(tuya, sqlite_url, secret_key, **paced, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")


def is_interrupted_with_words(warehouse: Warehouse) -> None:
    run = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert run and run.status == "interrupted" and WORDS in run.note, run
    assert run.outcome.asked > 0 and rows(warehouse, ops_lock) == []


def goes_on(env: dict[str, str], warehouse: Warehouse, server: PrefectServer) -> None:
    quick = {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "0", "PYTHONPATH": str(ROOT)}
    code, printed = run_flow("sync_sn_flows", env | server.env | quick, run_key="n")
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert code == 0 and found and (found.status, found.outcome.asked) == ("balanced", 120), printed


def test_in_a_terminal(
    env: dict[str, str], server: PrefectServer, prefect_server: PrefectServer, tuya: Sandbox, warehouse: Warehouse
) -> None:
    process = start_flow("sync_sn_flows", env | server.env, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 3, process)
    server.process.kill()
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1, printed
    said, command = printed.splitlines()[-2:]
    assert WORDS in said and said.endswith("To continue:") and "Traceback" not in printed, printed
    assert command == "  python -m flows sync_sn_flows -p account=demo -p run_key=n"
    is_interrupted_with_words(warehouse)
    goes_on(env, warehouse, prefect_server)


def test_on_a_worker(
    env: dict[str, str],
    server: PrefectServer,
    prefect_server: PrefectServer,
    tuya: Sandbox,
    warehouse: Warehouse,
    tmp_path: Path,
) -> None:
    told = env | server.env
    run_prefect(told, "work-pool", "create", "tuyahouse", "--type", "process")
    run_prefect({**told, "TUYAHOUSE_DEPLOY_ACCOUNT": "demo"}, "deploy", "--name", "sync_sn_flows/ask-serial-numbers")
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "tuyahouse"]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=tmp_path, env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deployment = server.api("deployments/name/sync_sn_flows/ask-serial-numbers")["id"]
        server.api(f"deployments/{deployment}/create_flow_run", {"parameters": {"run_key": "n"}})
        assert becomes_true(lambda: len(tuya.control("asked")) >= 3, 90), (tmp_path / "worker.log").read_text()
        number = int((tmp_path / "pid").read_text())
        server.process.kill()
        assert becomes_true(lambda: not is_alive(number), 60), (tmp_path / "worker.log").read_text()
    finally:
        worker.kill()
        worker.wait(60)
    is_interrupted_with_words(warehouse)
    assert WORDS in (tmp_path / "worker.log").read_text()
    goes_on(env, warehouse, prefect_server)


def becomes_true(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


def is_alive(number: int) -> bool:
    return Path(f"/proc/{number}/stat").exists() and " Z " not in Path(f"/proc/{number}/stat").read_text()
