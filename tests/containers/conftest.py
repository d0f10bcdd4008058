"""The image, built by podman. These tests take minutes: `make containers` runs them, `make test` leaves them out."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

collect_ignore_glob = [] if "TUYAHOUSE_TEST_CONTAINERS" in os.environ else ["test_*.py"]
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
IMAGE = "localhost/tuyahouse"
_NEEDED = ("podman", "runc", "mmdebstrap")
_OF_THIS_MACHINE = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
"""Files that pip needs in a build behind a proxy: mounted, so that nothing of them is in the image."""


@dataclass(frozen=True, slots=True)
class Podman:
    """podman and podman-compose on this machine."""

    env: dict[str, str]

    def run(self, *words: str, check: bool = True, seconds: float = 240) -> str:
        """What `podman …` printed, errors too."""
        done = self._run(words, seconds)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def inspect(self, kind: str, name: str) -> Any:
        """What podman knows of an image, a container or a pod."""
        told = json.loads(self._run((kind, "inspect", name), 60).stdout)
        return told[0] if isinstance(told, list) else told

    def _run(self, words: Sequence[str], seconds: float) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["podman", *words], env=self.env, capture_output=True, text=True, timeout=seconds)


@pytest.fixture(scope="session")
def podman() -> Podman:
    """Containers for real."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"containers need {', '.join(missing)}, not on this machine")
    return Podman({**os.environ, "CONTAINERS_CONF": str(HERE / "containers.conf")})


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a fresh clone of this checkout holds: the files that git knows, and nothing that was made here."""
    clone = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    return clone


@pytest.fixture(scope="session")
def image(podman: Podman, checkout: Path) -> Iterator[str]:
    """The image of deployments/containers, and stand-ins for the official ones it is made of and runs with.

    ``TUYAHOUSE_TEST_CONTAINERS=built`` takes the images that are there.
    """
    if os.environ["TUYAHOUSE_TEST_CONTAINERS"] == "built":
        yield IMAGE
        return
    for name, packages in (
        ("docker.io/library/python:3.11-slim-bookworm", "python3,python3-venv"),
        ("localhost/postgres-base", "postgresql"),
    ):
        subprocess.run([HERE / "base-image", name, packages], env=podman.env, check=True, capture_output=True)
    postgres = ("-t", "docker.io/library/postgres:17-bookworm", str(HERE / "postgres"))
    podman.run("build", "--format", "docker", *postgres)
    mounts = [word for file in _OF_THIS_MACHINE if Path(file).exists() for word in ("-v", f"{file}:{file}:ro")]
    file = ("-f", str(checkout / "deployments/containers/Containerfile"), "-t", IMAGE, str(checkout))
    podman.run("build", "--format", "docker", "--network", "host", *mounts, *file, seconds=1200)
    yield IMAGE
