"""``python -m flows`` as an operator starts it: a process of its own against a real Prefect server."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]


FLOWS = ("-m", "flows")
IMPATIENT = (
    "-c",
    """
import flows.__main__ as program
from tasks.run import retries
retries.retry_delays[:] = [0.1, 0.1, 0.1]
program.main()
""",
)
"""``python -m flows`` that does not wait minutes for what is away."""


def start_flow(
    name: str, env: Mapping[str, str], *, program: Sequence[str] = FLOWS, **parameters: Any
) -> "subprocess.Popen[str]":
    """Start it and return at once; output and errors go into one pipe. A parameter that is None is left out."""
    given = {key: value for key, value in {"account": "demo", **parameters}.items() if value is not None}
    pairs = [word for key, value in given.items() for word in ("-p", f"{key}={text(value)}")]
    return subprocess.Popen(
        [sys.executable, *program, name, *pairs],
        env={**env, "PYTHONPATH": env.get("PYTHONPATH") or str(ROOT), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_flow(name: str, env: Mapping[str, str], **parameters: Any) -> tuple[int, str]:
    """Run it to its end; exit code and all that it printed."""
    process = start_flow(name, env, **parameters)
    printed, _ = process.communicate(timeout=240)
    return process.returncode, printed


def text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def wait_until(true: Callable[[], bool], process: "subprocess.Popen[str]", seconds: float = 120) -> None:
    """Wait for a condition while the process runs."""
    end = time.monotonic() + seconds
    while not true():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(f"It ended or hung before that:\n{process.communicate()[0]}")
        time.sleep(0.02)


def pause(process: "subprocess.Popen[str]", warehouse_url: str) -> None:
    """Stop a process, but not while it writes to SQLite: there is one writer, and all others would wait for it."""
    _stop(process)
    while warehouse_url.startswith("sqlite") and _is_written_to(warehouse_url.removeprefix("sqlite:///")):
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    """Returns once all of its threads stand still."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def _is_written_to(file: str) -> bool:
    probe = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        probe.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        probe.close()
    return False
