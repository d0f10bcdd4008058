"""The file of a flow, run as a program."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_file_of_a_flow_run_as_a_program_says_how_the_flow_is_run() -> None:
    done = subprocess.run(
        [sys.executable, "flows/nightly_sync.py"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.endswith("runs nothing. At the top of the repository: python -m flows nightly_sync\n")


def test_every_file_of_a_flow_says_so() -> None:
    files = [file for file in (ROOT / "flows").glob("*.py") if "@flow(" in file.read_text()]
    assert files and [file.name for file in files if f"python -m flows {file.stem}" not in file.read_text()] == []
