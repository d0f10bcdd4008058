"""compose.yaml: a night in it ends green, also when the database is killed in its middle."""

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.conftest import Podman
from tests.containers.installation import Installation
from tests.support.ports import free_port


class Composed(Installation):
    """A project of compose in this folder, with the sandbox."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        port, sandbox_port = free_port(), free_port()
        self.podman, self.folder = podman, folder
        self.env = {**podman.env, "PREFECT_PORT": str(port), "SANDBOX_PORT": str(sandbox_port)}
        local = "http://127.0.0.1"
        logs = lambda: self.compose("logs")  # noqa: E731
        super().__init__(f"{local}:{port}", f"{local}:{sandbox_port}", folder / "secrets", logs)

    def compose(self, *words: str) -> str:
        command = [sys.executable, "-m", "podman_compose", "-p", "tuyahouse-test", "--profile", "sandbox", *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def composed(
    podman: Podman, image: str, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("site") / "compose"
    shutil.copytree(checkout / "deployments" / "compose", folder)
    subprocess.run([folder / "prepare", "--sandbox"], check=True, capture_output=True)
    project = Composed(podman, folder)
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
        urllib.request.urlopen(f"{composed.prefect}/api/admin/version", timeout=30)
    assert refused.value.code == 401


def register(composed: Composed, numbers: str) -> None:
    registered = composed.ended(composed.start("register-serial-numbers", account="demo", pattern=numbers))
    assert registered["state_type"] == "COMPLETED", registered["state"]


def test_a_night_ends_green(composed: Composed) -> None:
    register(composed, "YZCB04ZZR00001..YZCB04ZZR00200")
    night = composed.ended(composed.start("nightly-demo", run_key="nightly/first"))
    assert night["state"]["message"].startswith("Good: "), night["state"]


def test_a_night_outlives_the_database_that_is_killed_in_its_middle(composed: Composed) -> None:
    register(composed, "YZCB04ZZR00201..YZCB04ZZR00500")
    composed.sandbox("faults", {"slow": 1})
    before = calls(composed)
    run = composed.start("nightly-demo", run_key="nightly/second")
    composed.wait_for(lambda: calls(composed) >= before + 20)
    assert calls(composed) < before + 300, "the night had long to go"
    names = composed.podman.run("ps", "--format", "{{.Names}}").split()
    (database,) = [name for name in names if "postgres" in name]
    composed.podman.run("kill", database)
    time.sleep(3)
    composed.podman.run("start", database)
    composed.sandbox("faults", {})
    night = composed.ended(run)
    assert night["state"]["message"].startswith("Good: "), night["state"]
    asked = composed.sandbox("asked")
    assert len(asked) == 500


def calls(composed: Composed) -> int:
    """How many questions about serial numbers the sandbox was asked."""
    return sum(composed.sandbox("asked").values())
