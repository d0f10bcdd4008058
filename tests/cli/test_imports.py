"""What a command imports: no more than it uses, so that it answers at once."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy",
    "alembic",
    "psycopg",
    "httpx",
    "aiohttp",
    "prefect",
    "pulsar",
    "pyarrow",
    "openpyxl",
    "pandas",
    "uvicorn",
)
SCRIPT = f"""
import json, sys
sys.argv = ["tuyahouse", *json.loads(sys.argv[1])]
from tuyahouse.cli import main
try:
    main()
except SystemExit:
    pass
sys.stderr.write("\\n" + json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""


def imported(*arguments: str, code: str = SCRIPT, **environment: str) -> list[str]:
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment or None)
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize("arguments", [["--help"], [], ["--version"], ["flows"]], ids=str)
def test_the_program_alone_imports_no_library(arguments: list[str]) -> None:
    assert imported(*arguments) == []


def test_status_imports_the_warehouse_and_nothing_else(tmp_path) -> None:
    environment = {"TUYAHOUSE_WAREHOUSE_URL": f"sqlite:///{tmp_path / 'w.db'}", "PATH": ""}
    assert set(imported("status", **environment)) <= {"sqlalchemy", "alembic", "psycopg"}


@pytest.mark.parametrize("name", ["status", "plan", "explain", "dead-letters"])
def test_the_help_of_a_command_on_the_warehouse_imports_no_client(name: str) -> None:
    assert set(imported(name, "--help")) <= {"sqlalchemy", "alembic", "psycopg"}


def test_importing_the_library_imports_nothing_until_it_is_used() -> None:
    code = f"import json, sys, tuyahouse; sys.stderr.write(json.dumps([n for n in {HEAVY} if n in sys.modules]))"
    assert imported(code=code) == []


def test_the_library_offers_what_a_script_needs() -> None:
    import tuyahouse

    assert [name for name in tuyahouse.__all__ if not callable(getattr(tuyahouse, name))] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tuyahouse.nothing
