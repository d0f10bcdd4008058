"""``make setup`` with a Python that will not do."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def setup(checkout: Path, python: Path) -> subprocess.CompletedProcess:
    command = ["make", "setup", f"PYTHON={python}"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=60)


def test_an_old_python_is_refused_before_anything_is_made(checkout: Path, tmp_path: Path) -> None:
    made = '[ "$1" = -m ] && mkdir .venv && exit 0; exit 1'
    done = setup(checkout, program(tmp_path / "old" / "python3", made))
    assert done.returncode != 0
    assert "is older than Python 3.11: make PYTHON=/path/to/python3.11" in done.stdout
    assert not (checkout / ".venv").exists()


def test_a_half_made_environment_is_removed(checkout: Path, tmp_path: Path) -> None:
    breaks = '[ "$1" = -m ] && mkdir .venv && exit 1; exit 0'
    assert setup(checkout, program(tmp_path / "new" / "python3", breaks)).returncode != 0
    assert not (checkout / ".venv").exists()
