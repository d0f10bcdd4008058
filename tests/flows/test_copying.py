"""A warehouse that a night has filled, moved to another database by ``tuyahouse copy``."""

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.cli.conftest import PROGRAM
from tests.flows.nights import environment_of
from tests.flows.operator import Operator
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox
from tests.warehouse.landing import Entry
from tuyahouse.warehouse.copying import NOT_COPIED
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared.locks import account_lock
from tuyahouse.warehouse.tables import metadata, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

PROJECTS = "TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS"


@pytest.fixture
def night(tuya: Sandbox, sqlite_url: str, secret_key: str, operator: Operator) -> dict[str, str]:
    """The environment of a SQLite warehouse in which a night with devices and commands has run."""
    env = environment_of(tuya, sqlite_url, secret_key, **{PROJECTS: tuya.env[PROJECTS]})
    added = tuyahouse(env, "sn", "add", "-a", "demo", "--pattern", "YZCB04ZZR00001..YZCB04ZZR00120")
    assert added.returncode == 0, added.stderr
    code, printed = operator.run("nightly_sync", env, run_key="n")
    assert code == 0, printed
    return env


def tuyahouse(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([PROGRAM, *arguments], env=env, capture_output=True, text=True, timeout=240)


def rows(url: str, secret_key: str) -> dict[str, list[Any]]:
    """Every row of every table that is copied, sorted."""
    with closing(Warehouse.open(url, secret_key)) as warehouse, warehouse.read() as conn:
        tables = [table for table in metadata.sorted_tables if table.name not in NOT_COPIED]
        return {table.name: sorted(map(_in_one_order, conn.execute(select(table)))) for table in tables}


def _in_one_order(row: Any) -> str:
    """The row as text; documents with sorted keys, for PostgreSQL stores them in an order of its own."""
    return json.dumps(list(row), sort_keys=True, default=repr)


def test_a_copy_to_postgresql_and_back_has_every_row_and_goes_on_where_the_night_stopped(
    night: dict[str, str],
    tmp_path: Path,
    sqlite_url: str,
    fresh_postgres_url: str,
    secret_key: str,
    operator: Operator,
) -> None:
    original = rows(sqlite_url, secret_key)
    assert all(original[name] for name in ("flow_step", "device", "craft_line", "raw_block", "ops_run", "ops_chunk"))
    there = tuyahouse(night | {"TARGET": fresh_postgres_url}, "copy", "--to", "env:TARGET")
    assert there.returncode == 0, there.stderr
    assert f"Copied {sum(map(len, original.values())):,} rows" in there.stdout
    assert rows(fresh_postgres_url, secret_key) == original
    moved = night | {"TUYAHOUSE_WAREHOUSE_URL": fresh_postgres_url}
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert tuyahouse(moved, "copy", "--to", back).returncode == 0
    assert rows(back, secret_key) == original
    code, printed = operator.run("nightly_sync", moved, run_key="n")
    assert code == 0, printed
    assert "balanced" in printed


def test_a_copy_into_a_database_with_rows_or_into_itself_is_refused(
    night: dict[str, str], sqlite_url: str, fresh_postgres_url: str, secret_key: str
) -> None:
    itself = tuyahouse(night, "copy", "--to", sqlite_url)
    assert (itself.returncode, "names the warehouse itself" in itself.stderr) == (1, True)
    assert tuyahouse(night, "copy", "--to", fresh_postgres_url).returncode == 0
    again = tuyahouse(night, "copy", "--to", fresh_postgres_url)
    assert again.returncode == 1
    assert "already holds rows in" in again.stderr
    assert "Name a database without rows." in again.stderr


def test_a_copy_while_a_run_is_under_way_is_refused_and_names_the_run(
    night: dict[str, str], sqlite_url: str, fresh_postgres_url: str, secret_key: str
) -> None:
    with (
        closing(Warehouse.open(sqlite_url, secret_key)) as warehouse,
        account_lock(warehouse, "demo/nightly_sync", "lucid-otter", timedelta(minutes=1)),
    ):
        refused = tuyahouse(night, "copy", "--to", fresh_postgres_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("lucid-otter is under way")
    assert not any(rows(fresh_postgres_url, secret_key).values())


def test_a_target_that_cannot_be_used_is_named_as_such(night: dict[str, str], postgres: Postgres) -> None:
    for url, words in (
        ("mysql://host/db", "--to names mysql"),
        (postgres.url.rpartition("/")[0] + "/no_such_database", "Check --to"),
    ):
        refused = tuyahouse(night, "copy", "--to", url)
        assert refused.returncode == 1
        assert words in refused.stderr
        assert "TUYAHOUSE_WAREHOUSE_URL" not in refused.stderr


def test_a_copy_that_is_killed_or_interrupted_leaves_no_row(
    night: dict[str, str], sqlite_url: str, fresh_postgres_url: str, secret_key: str
) -> None:
    with closing(Warehouse.open(sqlite_url, secret_key)) as warehouse, warehouse.begin() as conn:
        registry.add(conn, "demo", (Entry(f"Z{n:06}") for n in range(200_000)), "pattern", datetime.now(UTC))
    for end, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        copying = subprocess.Popen(
            [PROGRAM, "copy", "--to", fresh_postgres_url], env=night, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert copying.stdout is not None
        copying.stdout.readline()  # the first table is done, so the transaction is open
        time.sleep(0.05)
        copying.send_signal(end)
        copying.communicate()
        assert copying.returncode == code
        with closing(Warehouse.open(fresh_postgres_url, secret_key)) as target, target.read() as conn:
            assert conn.execute(select(func.count()).select_from(serial_number)).scalar() == 0
