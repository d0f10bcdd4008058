"""Ctrl-C as a terminal sends it, to every process of its group, SIGTERM and SIGKILL, without a Prefect server."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import ROOT, wait_until
from tests.support.analyst import Analyst
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import ops_lock
from tuyahouse.warehouse.warehouse import Warehouse

PACED = "TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND"


@pytest.fixture
def warehouse_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def env(tuya: Sandbox, warehouse: Warehouse, sqlite_url: str, secret_key: str, tmp_path: Path) -> dict[str, str]:
    """A slow night of 120 units, without a server."""
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 40])
    variables = environment_of(tuya, sqlite_url, secret_key, **{PACED: "4"}, PREFECT_HOME=str(tmp_path / "prefect"))
    return {name: value for name, value in variables.items() if name != "PREFECT_API_URL"}


@pytest.fixture
def terminal() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a flow in a process group of its own, as a terminal does."""
    started: list[subprocess.Popen[str]] = []

    def start(env: Mapping[str, str], name: str = "nightly_sync") -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", name, "-p", "account=demo", "-p", "run_key=n"],
            env={**env, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def servers_of(home: str) -> list[int]:
    """Temporary servers of Prefect that use this home, however they were started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command, environ = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue
            if (b"uvicorn" in command or b"temporary_server" in command) and home.encode() in environ:
                found.append(int(entry.name))
    return found


def gone(home: str, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while servers_of(home) and time.monotonic() < end:
        time.sleep(0.1)
    return not servers_of(home)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_ends_a_night_as_interrupted_and_says_how_it_goes_on(
    env, terminal, tuya, warehouse, number
):
    process = terminal(env)
    wait_until(lambda: len(tuya.control("asked")) >= 5, process)
    os.killpg(process.pid, number)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
    assert printed.splitlines()[-2:] == [
        "Interrupted. What was answered is committed. To continue:",
        "  python -m flows nightly_sync -p account=demo -p run_key=n",
    ]
    assert printed.count("o continue") == printed.count("python -m flows") == 1, printed
    for flow in ("nightly_sync", "sync_sn_flows"):
        found = runs.find_run(warehouse, "demo", flow, "n")
        assert found and found.status == "interrupted", flow
    assert rows(warehouse, ops_lock) == []
    assert gone(env["PREFECT_HOME"])


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_ctrl_c_while_answers_are_landed_ends_within_seconds_and_a_second_one_at_once(
    env, terminal, tuya, sqlite_url, warehouse, again
):
    process = terminal(env)
    wait_until(lambda: len(tuya.control("asked")) >= 3, process)
    analyst = Analyst(sqlite_url, "flow_step")  # what was answered cannot be landed
    os.killpg(process.pid, signal.SIGINT)
    begun = time.monotonic()
    if again:
        time.sleep(1)
        assert process.poll() is None
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    analyst.close()
    assert process.returncode == 130 and "Traceback" not in printed, printed
    assert time.monotonic() - begun < (5 if again else 20), printed
    assert again or printed.splitlines()[-1] == "  python -m flows nightly_sync -p account=demo -p run_key=n", printed
    assert gone(env["PREFECT_HOME"])


@pytest.mark.parametrize(("hangup", "status"), [("default", "interrupted"), ("ignore", "balanced")])
def test_a_terminal_that_is_closed_interrupts_a_run_or_is_missed_by_none_that_ignores_it(
    env, tuya, warehouse, hangup, status
):
    ours, theirs = pty.openpty()
    flow = [sys.executable, "-m", "flows", "nightly_sync", "-p", "account=demo", "-p", "run_key=n"]
    process = subprocess.Popen(
        ["setsid", "--ctty", "env", f"--{hangup}-signal=HUP", *flow],
        env={**env, "PYTHONPATH": str(ROOT), PACED: "20"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.set_blocking(ours, False)

    def asks() -> bool:
        with suppress(BlockingIOError):
            os.read(ours, 65536)
        return len(tuya.control("asked")) >= 5

    wait_until(asks, process)
    os.close(ours)
    assert process.wait(120) == {"interrupted": 130, "balanced": 0}[status]
    for name in ("nightly_sync", "sync_sn_flows"):
        found = runs.find_run(warehouse, "demo", name, "n")
        assert found and found.status == status, (name, found)
    assert rows(warehouse, ops_lock) == []
    assert gone(env["PREFECT_HOME"])


def test_a_run_that_is_killed_leaves_no_server_of_prefects_behind(env, terminal, tuya):
    process = terminal(env)
    wait_until(lambda: len(tuya.control("asked")) >= 1, process)
    assert servers_of(env["PREFECT_HOME"])
    process.kill()
    assert gone(env["PREFECT_HOME"])


def test_a_temporary_server_of_prefects_that_is_killed_ends_the_run_with_words(env, terminal, tuya, warehouse):
    process = terminal(env)
    wait_until(lambda: len(tuya.control("asked")) >= 3, process)
    (server,) = servers_of(env["PREFECT_HOME"])
    os.kill(server, signal.SIGKILL)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "Traceback" not in printed, printed
    said, command = printed.splitlines()[-2:]
    assert said.startswith("Prefect's temporary server ended while it was needed: ") and "PREFECT_API_URL" not in said
    assert command == "  python -m flows nightly_sync -p account=demo -p run_key=n"
    for flow in ("nightly_sync", "sync_sn_flows"):
        found = runs.find_run(warehouse, "demo", flow, "n")
        assert found and found.status == "interrupted" and "temporary server ended" in found.note, found


@pytest.mark.parametrize("seconds", [0, 0.4, 2])
def test_ctrl_c_before_the_run_begins_prints_no_traceback(env, terminal, seconds):
    process = terminal(env)
    wait_until(
        lambda: bool(psutil.Process(process.pid).children()), process
    )  # it starts the temporary server first of all
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in printed, printed
    assert gone(env["PREFECT_HOME"])


def test_a_server_of_prefects_that_is_away_is_named_before_anything_starts(env, terminal, tuya):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{one.getsockname()[1]}/api"
    process = terminal({**env, "PREFECT_API_URL": url})
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in printed, printed
    assert f"Prefect's server at {url} does not answer. Start it, or unset PREFECT_API_URL" in printed
    assert tuya.control("asked") == {}
