"""``python -m flows --list``: what is read from the files of the flows is what they are, without Prefect."""

import inspect
import subprocess
import sys
from pathlib import Path

from flows.catalogue import FLOWS
from flows.listing import Listed, listing

ROOT = Path(__file__).parents[2]
HEAVY = ("prefect", "sqlalchemy", "httpx", "aiohttp", "asyncio")
SCRIPT = f"""
import runpy, sys
sys.argv = ["flows", "--list"]
try:
    runpy.run_module("flows", run_name="__main__")
except SystemExit as end:
    print(end.code, [name for name in {HEAVY} if name in sys.modules])
"""


def test_the_list_imports_no_library_that_takes_long() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    *lines, last = done.stdout.splitlines()
    assert last == "0 []", done.stderr
    assert len(lines) == 2 * len(FLOWS) and lines[0].startswith("nightly_sync ")


def test_the_list_is_what_the_flows_are() -> None:
    assert listing() == [
        Listed(name, (flow.description or "").splitlines()[0], list(inspect.signature(flow.fn).parameters))
        for name, flow in FLOWS.items()
    ]


def test_a_flow_that_does_not_exist_is_refused_with_those_that_do() -> None:
    command = [sys.executable, "-m", "flows", "nightly"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    words = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == 2 and "there is no flow 'nightly'; there are: nightly_sync, sync_serial_numbers" in words
