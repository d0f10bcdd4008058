"""An analyst's lock, met by a run as an operator starts it: named in the log, waited for, bounded, left by Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import ROOT, wait_until
from tests.support.analyst import Analyst
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.tables import flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

NAMED = "Work continues when that transaction ends"


class Terminal:
    """A flow in a process group of its own; what it prints is read while it runs."""

    def __init__(self, env: Mapping[str, str], output: Path) -> None:
        self._output = output
        command = [sys.executable, "-m", "flows", "sync_sn_flows", "-p", "account=demo", "-p", "run_key=n"]
        with output.open("w") as file:
            self.process = subprocess.Popen(
                command,
                env={**env, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                process_group=0,
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.printed, self.process)

    def ends_with(self, code: int) -> None:
        assert self.process.wait(120) == code, self.printed
        assert "Traceback" not in self.printed


@pytest.fixture
def env(
    tuya: Sandbox, prefect_server: PrefectServer, warehouse: Warehouse, warehouse_url: str, secret_key: str
) -> dict[str, str]:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 10])
    return environment_of(tuya, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE="10") | prefect_server.env


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], Terminal]]:
    started: list[Terminal] = []

    def run(env: Mapping[str, str]) -> Terminal:
        started.append(Terminal(env, tmp_path / f"printed-{len(started)}"))
        return started[-1]

    yield run
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def analyst(env: dict[str, str], warehouse_url: str) -> Iterator[Analyst]:
    one = Analyst(warehouse_url, "flow_step")
    yield one
    one.close()


def test_a_lock_beyond_the_bound_ends_a_run_red_and_the_next_one_waits_and_ends_well_once_it_is_gone(
    env, start, analyst, warehouse
):
    bounded = start({**env, "TUYAHOUSE_LOCK_WAIT": "8s"})
    bounded.ends_with(1)
    assert "longer than LOCK_WAIT" in bounded.printed, bounded.printed
    assert analyst.known_as[0] in bounded.printed.split("longer than LOCK_WAIT")[0].splitlines()[-1]
    patient = start(env)
    patient.wait_for(NAMED)
    assert all(words in patient.printed for words in analyst.known_as), patient.printed
    assert "a secret of hers" not in patient.printed
    analyst.let_go()
    patient.ends_with(0)
    assert ("new",) not in rows(warehouse, serial_number, "state")


def test_ctrl_c_ends_a_run_that_waits_for_a_lock(env, start, analyst, warehouse):
    run = start(env)
    run.wait_for(NAMED)
    os.killpg(run.process.pid, signal.SIGINT)
    run.ends_with(130)
    assert "python -m flows sync_sn_flows -p account=demo -p run_key=n" in run.printed
    analyst.let_go()
    assert rows(warehouse, flow_step, "sn") == []
