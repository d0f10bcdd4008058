"""What an operator has: a server with its services, the deployments, a worker, and two accounts with a sandbox each."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.machines import end
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox, start_sandbox

collect_ignore = [] if os.environ.get("TUYAHOUSE_TEST_UP") else ["test_up.py"]
"""`make up` under way takes a machine of its own for minutes: `make look` runs that."""
ROOT = Path(__file__).parent.parent.parent
SERIAL_NUMBERS = 40
PASSWORD = "password-of-alice-on-the-worker"


@dataclass(frozen=True)
class Site:
    """A Prefect server to which everything is deployed, with a worker that reaches a sandbox and a SQLite warehouse.

    ``sandbox`` is that of the account ``demo``, ``annex`` that of the second account."""

    prefect: PrefectServer
    sandbox: Sandbox
    annex: Sandbox
    warehouse: Path
    env: dict[str, str]
    worker: "subprocess.Popen[bytes]"

    @property
    def pages(self) -> str:
        """Where the UI is."""
        return self.prefect.url.removesuffix("/api")

    def deployment(self, name: str) -> dict[str, Any]:
        """A deployment as the server knows it."""
        found: dict[str, Any]
        (found,) = self.prefect.api("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return found

    def start(self, name: str, *, account: str | None = "demo", run_name: str = "", **parameters: Any) -> str:
        """Start a run as the UI does; its id. Without an account, none was chosen."""
        chosen = {} if account is None else {"account": account}
        body = {"parameters": {**chosen, **parameters}} | ({"name": run_name} if run_name else {})
        return str(self.prefect.api(f"deployments/{self.deployment(name)['id']}/create_flow_run", body)["id"])

    def retry(self, flow_run: str) -> None:
        """Press Retry on the page of a run that has ended, once its process has too.

        Prefect's worker reports a run as crashed whose process leaves with an error while it is scheduled anew.
        """
        while self._has_process(flow_run):
            time.sleep(0.2)
        time.sleep(2)  # until the worker has seen it leave
        state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
        self.prefect.api(f"flow_runs/{flow_run}/set_state", {"state": state, "force": True})

    def _has_process(self, flow_run: str) -> bool:
        for process in psutil.Process(self.worker.pid).children(recursive=True):
            with suppress(psutil.Error):
                if process.environ().get("PREFECT__FLOW_RUN_ID") == flow_run:
                    return True
        return False

    def ended(self, flow_run: str, seconds: float = 180) -> dict[str, Any]:
        """The run, when it has ended."""
        end = time.monotonic() + seconds
        while True:
            run: dict[str, Any] = self.prefect.api(f"flow_runs/{flow_run}")
            if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                return run
            assert time.monotonic() < end, f"still {run['state_name']} after {seconds} s"
            time.sleep(0.5)

    def wait_until(self, so: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for what follows a run."""
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, f"not so after {seconds} s"
            time.sleep(0.2)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Server, pool, deployments and worker, each by the command that docs/deployment.md names."""
    home = tmp_path_factory.mktemp("site")
    warehouse = home / "warehouse.db"
    with ExitStack() as started:
        sandbox = start_sandbox("--serial-numbers", str(SERIAL_NUMBERS))
        started.callback(sandbox.stop)
        annex = start_sandbox("--serial-numbers", "10", "--set", "slow_seconds=3")
        started.callback(annex.stop)
        server = PrefectServer("--analytics-off")
        started.callback(server.close)
        told = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TUYAHOUSE_"))}
        second = {name.replace("__DEMO__", "__ANNEX__"): value for name, value in annex.env.items()}
        demo = {"ALLOW_WRITES": "true", "APP_SCHEMA": "sandboxapp", "FACTORY_TIME_ZONE": "Asia/Shanghai"}
        env = {
            **told,
            **sandbox.env,
            **second,
            **server.env,
            **{f"TUYAHOUSE_ACCOUNTS__DEMO__{name}": value for name, value in demo.items()},
            "TUYAHOUSE_WAREHOUSE_URL": f"sqlite:///{warehouse}",
            "TUYAHOUSE_TOKEN_DIR": str(home / "tokens"),
            "TUYAHOUSE_REPORT_DIR": str(home / "reports"),
            "ALICES_PASSWORD": PASSWORD,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        deploy(env)
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "tuyahouse"]
        with (home / "worker.log").open("wb") as log:
            worker = subprocess.Popen(command, cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        started.callback(end, worker)
        yield Site(server, sandbox, annex, warehouse, env, worker)


def deploy(env: dict[str, str], *words: str) -> str:
    """What `make deploy` does; what it printed."""
    command = [sys.executable, "-m", "deployments.deploy", *words]
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_prefect(env: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "prefect", *words]
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
