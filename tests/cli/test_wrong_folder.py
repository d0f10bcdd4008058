"""Commands that read, in a folder or database without a warehouse: they say where they looked and make nothing."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import PROGRAM

READING = [
    ["status"],
    ["plan"],
    ["sn", "list"],
    ["dead-letters", "list"],
    ["dead-letters", "show", "SN1"],
    ["dead-letters", "redrive"],
    ["dead-letters", "dismiss", "--by", "ana", "--why", "scrapped", "SN1"],
    ["explain", "SN1"],
    ["export", "mart_order", "--out", "orders.csv"],
    ["marts", "refresh"],
    ["copy", "--to", "sqlite:///copy.db"],
]


@pytest.fixture
def elsewhere(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The settings of somebody who stands in the wrong folder: the default names a file in the working directory."""
    return environment | {"TUYAHOUSE_WAREHOUSE_URL": "sqlite:///tuyahouse.db"}


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_command_that_reads_makes_no_warehouse_and_names_the_file_it_looked_for(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*command, TUYAHOUSE_WAREHOUSE_URL="sqlite:///tuyahouse.db")
    assert result.exit_code == 1
    assert result.stderr == (
        f"There is no warehouse {tmp_path}/tuyahouse.db. TUYAHOUSE_WAREHOUSE_URL names it: go to the folder in which "
        "it is a name, write the whole path of the file, or make a new one there by `tuyahouse migrate`.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_in_a_process_of_its_own_nothing_is_left_behind(elsewhere: dict[str, str], tmp_path: Path) -> None:
    env = {**os.environ, **elsewhere}
    ended = subprocess.run([PROGRAM, "status"], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"There is no warehouse {tmp_path}/tuyahouse.db.")
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_that_a_warehouse_would_be_new_and_makes_none(cli, tmp_path: Path) -> None:
    result = cli("doctor", "--no-messages")
    assert result.exit_code == 0
    said = f"note  warehouse: new, empty: `tuyahouse sn add` or the first run makes it in {tmp_path}/warehouse.db"
    assert said in result.stdout.splitlines()
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_what_keeps_a_new_warehouse_from_being_made(cli, tmp_path: Path) -> None:
    result = cli("doctor", "--no-messages", TUYAHOUSE_WAREHOUSE_URL=f"sqlite:///{tmp_path}/no/such.db")
    assert result.exit_code == 1
    assert f"wrong warehouse: There is no folder {tmp_path}/no: make it" in result.stdout


def test_an_empty_database_is_left_empty(cli, fresh_postgres_url: str, secret_key: str) -> None:
    named = {"TUYAHOUSE_WAREHOUSE_URL": fresh_postgres_url}
    for command in (["status"], ["explain", "SN1"]):
        result = cli(*command, **named)
        assert (result.exit_code, "holds no warehouse" in result.stderr) == (1, True)
    able = cli("doctor", "--no-messages", **named, TUYAHOUSE_SECRET_KEY=secret_key)
    assert able.exit_code == 0 and "note  warehouse: new, empty" in able.stdout
    without_key = cli("doctor", "--no-messages", **named)
    assert without_key.exit_code == 1 and "TUYAHOUSE_SECRET_KEY is not set" in without_key.stdout
    with psycopg.connect(fresh_postgres_url) as conn:
        assert conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_status_names_the_warehouse_that_it_reads(cli, tmp_path: Path) -> None:
    cli("migrate")
    assert cli("status").stdout.startswith(f"Warehouse {tmp_path}/warehouse.db\n")


def test_what_makes_a_warehouse_says_so(cli, tmp_path: Path) -> None:
    said = f"Made a new warehouse: {tmp_path}/warehouse.db"
    assert said in cli("sn", "add", "-a", "demo", "--pattern", "B1..B2").stderr.replace("\n", "")
    assert "Made a new" not in cli("sn", "add", "-a", "demo", "--pattern", "B1..B3").stderr
