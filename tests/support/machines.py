"""More processes for one account than a run's own, started as docs/deployment.md says: a Dask cluster, and workers."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.ports import free_port


@contextmanager
def dask_cluster(env: Mapping[str, str], folder: Path, processes: int = 4) -> Iterator[str]:
    """A scheduler and that many workers of one process each; its address. They log to ``dask-N.log``, N from 1 on."""
    address = f"tcp://127.0.0.1:{free_port()}"
    worker = ("dask", "worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard")
    programs = {f"dask-{number}": worker for number in range(1, processes + 1)}
    with _running({"scheduler": ("dask", "scheduler", "--host", address, "--no-dashboard"), **programs}, env, folder):
        yield address


@contextmanager
def prefect_workers(env: Mapping[str, str], folder: Path, *names: str) -> Iterator[None]:
    """Workers of the pool by these names, of one run at a time each. They log to ``NAME.log``."""
    words = ("prefect", "worker", "start", "--pool", "tuyahouse", "--limit", "1", "--name")
    eager = {**env, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with _running({name: (*words, name) for name in names}, eager, folder):
        yield


@contextmanager
def _running(programs: Mapping[str, Sequence[str]], env: Mapping[str, str], folder: Path) -> Iterator[None]:
    with ExitStack() as started:
        for name, words in programs.items():
            log = started.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen([sys.executable, "-m", *words], cwd=folder, env=env, stdout=log, stderr=log)
            started.callback(end, process)
        yield


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end; kill it if it does not."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
