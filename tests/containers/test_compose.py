"""compose.yaml: a night in it ends green, also when the database is killed in its middle."""

import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.containers.conftest import ROOT, Podman
from tests.deployment.conftest import free_port

PATIENCE = 400.0


class Composed:
    """A project of compose that is up, with the sandbox."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman, self.folder = podman, folder
        self.port, self.sandbox_port = free_port(), free_port()
        self.env = {**podman.env, "PREFECT_PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port)}
        self.auth = ""

    def compose(self, *words: str, seconds: float = 240) -> str:
        command = [sys.executable, "-m", "podman_compose", "-p", "tuyahouse-test", "--profile", "sandbox", *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout + done.stderr

    def api(self, path: str, body: Any = None) -> Any:
        """Prefect's API, with its authentication."""
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {self.auth}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def eventually(self, path: str, body: Any = None) -> Any:
        """What the API answers once it does, and not with nothing."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if found := self.api(path, body):
                    return found
            except (OSError, ValueError):
                pass
            assert time.monotonic() < end, self.compose("logs")[-4000:]
            time.sleep(1)

    def start(self, name: str, **parameters: Any) -> str:
        (found,) = self.eventually("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        run: str = self.api(f"deployments/{found['id']}/create_flow_run", {"parameters": parameters})["id"]
        return run

    def ended(self, run: str) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                found: dict[str, Any] = self.api(f"flow_runs/{run}")
                if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                    return found
            except OSError:
                pass
            assert time.monotonic() < end, self.compose("logs", "worker")[-4000:]
            time.sleep(1)

    def sandbox(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.sandbox_port}/sandbox/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def composed(podman: Podman, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("site") / "compose"
    shutil.copytree(ROOT / "deployments" / "compose", folder, ignore=shutil.ignore_patterns("secrets", "accounts.env"))
    subprocess.run([folder / "prepare", "--sandbox"], check=True, capture_output=True)
    project = Composed(podman, folder)
    auth = (folder / "secrets/server/PREFECT_SERVER_API_AUTH_STRING").read_bytes()
    project.auth = base64.b64encode(auth).decode()
    project.compose("down", "-v")
    printed = project.compose("up", "-d", "--no-build")
    try:
        project.eventually("health")
        yield project
    finally:
        project.compose("down", "-v")
    assert printed


def test_the_server_asks_for_its_name_and_password(composed: Composed) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{composed.port}/api/admin/version", timeout=30)
    assert refused.value.code == 401


def test_a_night_ends_green(composed: Composed) -> None:
    numbers = "YZCB04ZZR00001..YZCB04ZZR00200"
    registered = composed.ended(composed.start("register-serial-numbers", account="demo", pattern=numbers))
    assert registered["state_type"] == "COMPLETED", registered["state"]
    night = composed.ended(composed.start("nightly-demo", run_key="nightly/first"))
    assert night["state"]["message"].startswith("Good: "), night["state"]


def test_a_night_outlives_the_database_that_is_killed_in_its_middle(composed: Composed) -> None:
    composed.sandbox("day", {"day": 3})
    composed.sandbox("faults", {"slow": 1})
    in_two_days = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    run = composed.start("nightly-demo", run_key="nightly/second", now=in_two_days)
    end = time.monotonic() + PATIENCE
    while composed.api(f"flow_runs/{run}")["state_type"] != "RUNNING" and time.monotonic() < end:
        time.sleep(0.2)
    assert composed.api(f"flow_runs/{run}")["state_type"] == "RUNNING"
    names = composed.podman.run("ps", "--format", "{{.Names}}").split()
    (database,) = [name for name in names if "postgres" in name]
    composed.podman.run("kill", database)
    time.sleep(3)
    composed.podman.run("start", database)
    composed.sandbox("faults", {})
    night = composed.ended(run)
    assert night["state"]["message"].startswith("Good: "), night["state"]
