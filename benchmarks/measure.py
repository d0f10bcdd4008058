"""Runs programs as child processes and measures what they used; starts the servers they need."""

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.ports import free_port


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child used: CPU, including that of children it waited for, and its own memory."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


def run(*command: str, env: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end; ``python`` stands for this Python and ``tuyahouse`` for the one installed beside it.

    Raises:
        RuntimeError: it did not exit 0; holds what it printed.
    """
    child = subprocess.Popen(
        [_program(command[0]), *command[1:]],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    begin = time.monotonic()
    peaks: list[float] = []
    threading.Thread(target=_watch_memory, args=(child.pid, peaks), daemon=True).start()
    printed = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{printed[-4000:]}")
    return Usage(used.ru_utime + used.ru_stime, time.monotonic() - begin, max(peaks, default=0.0))


def _watch_memory(pid: int, peaks: list[float]) -> None:
    """Record the high-water mark of a process until it is gone.

    The kernel's own figure (ru_maxrss) will not do: it begins with the size of the process that started this one.
    """
    status = Path(f"/proc/{pid}/status")
    while True:
        try:
            mark = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return
        peaks.append(int(mark.split()[1]) / 1024)
        time.sleep(0.05)


def _program(name: str) -> str:
    if name == "python":
        return sys.executable
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def cost_of_one(small: Usage, large: Usage, items: int) -> float:
    """CPU microseconds of one of the ``items`` by which two runs differ, which leaves out what starting costs."""
    return (large.cpu_seconds - small.cpu_seconds) / items * 1e6


def least(usages: Iterable[Usage]) -> Usage:
    """The run with the least CPU: of equal runs, the one that other work on the machine disturbed least."""
    return min(usages, key=lambda usage: usage.cpu_seconds)


class Rounds:
    """What the first and the second run of some programs used at two sizes, round after round."""

    def __init__(self, small: int, large: int) -> None:
        self.small = small
        self.large = large
        self._runs: dict[tuple[str, str, int], list[Usage]] = {}

    def note(self, program: str, size: int, first: Usage, second: Usage) -> None:
        for which, usage in (("first", first), ("second", second)):
            self._runs.setdefault((program, which, size), []).append(usage)

    def of(self, program: str, which: str, size: int) -> list[Usage]:
        """One usage a round."""
        return self._runs[program, which, size]

    def cost(self, program: str, which: str) -> float:
        """CPU microseconds of one item, from the least disturbed run of each size."""
        small, large = (least(self.of(program, which, size)) for size in (self.small, self.large))
        return cost_of_one(small, large, self.large - self.small)


@contextlib.contextmanager
def tuya(*program: str) -> Iterator[str]:
    """The fast server of benchmarks/server.py, or a module that serves other answers, in a process of its own; its base
    URL."""
    command = [sys.executable, "-m", *(program or ("benchmarks.server",))]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """A Prefect server in a process of its own, as in production; the environment that reaches it."""
    port = free_port()
    env = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [_program("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/health")
        yield env
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(url: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def table(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print rows below a title, columns aligned."""
    print(f"\n{title}")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)


def rows_written(database: str, table: str) -> int:
    """How many rows of the table were ever inserted, updated or deleted, by PostgreSQL's own count.

    The server adds a session's rows when the session ends, a moment after its program: this waits for that.
    """
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    written = "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = %s"
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(f"{others} AND backend_type = 'client backend'").fetchone() != (0,):
            time.sleep(0.02)
        row = connection.execute(written, [table]).fetchone()
    return int(row[0]) if row else 0
