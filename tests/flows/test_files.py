"""The file of a flow, run as a program."""

import subprocess
import sys
from pathlib import Path

from flows.catalogue import FLOWS

ROOT = Path(__file__).parent.parent.parent


# Imported only once, for it takes seconds: each file is then run as a program.
SCRIPT = """
import runpy, sys
for name in sys.argv[1:]:
    try:
        runpy.run_path(f"flows/{name}.py", run_name="__main__")
    except SystemExit as end:
        print(end)
"""


def test_the_file_of_a_flow_run_as_a_program_says_how_the_flow_is_run() -> None:
    files = sorted(file.stem for file in (ROOT / "flows").glob("*.py") if "@flow(" in file.read_text())
    done = subprocess.run([sys.executable, "-c", SCRIPT, *files], cwd=ROOT, capture_output=True, text=True, timeout=120)
    says = "This file defines a flow and runs nothing. At the top of the repository: python -m flows"
    assert done.stdout.splitlines() == [f"{says} {name}" for name in files] and len(files) == len(FLOWS), done.stderr
