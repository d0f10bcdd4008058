"""The command that `tuyahouse status` prints below a run continues it, pasted into a shell as it stands."""

import json
import os
import shlex
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flows.catalogue import FLOWS
from flows.command_line import kinds_of, parse_parameters
from tests.cli.conftest import PROGRAM
from tests.flows.nights import environment_of, register, units
from tests.flows.operator import Operator
from tests.flows.processes import ROOT, start_flow, wait_until
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.command_lines import flow_command
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import serial_number
from tuyahouse.warehouse.warehouse import Warehouse

ENDLESS = """CREATE VIEW units AS
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'Q' || i AS sn FROM n WHERE i < 0"""
DEVICE = {"product_key": "k", "device_name": "2ac4d7"}
GIVEN: dict[str, dict[str, Any]] = {
    "nightly_sync": {"now": "2026-03-02T22:00Z", "strategy": "stale"},
    "sync_serial_numbers": {
        "path": "units of $HOME.xlsx",
        "pattern": "A1..A9",
        "query_url": "env:MES",
        "query": "SELECT sn FROM units WHERE made > 'x'",
        "work_order": "00017",
        "sheet": "Box 2",
        "column": "barcode",
    },
    "sync_sn_flows": {
        "sns": ["000017", "A,B"],
        "work_orders": ["WO-1"],
        "limit": 5,
        "now": "2026-03-02T22:00Z",
        "strategy": "all",
    },
    "sync_devices": {"project_ids": ["123324234"], "full": True, "now": "2026-03-02T22:00Z"},
    "sync_accounts": {},
    "reconcile_commands": {"command_sns": ["1111111111111111111"], "limit": 5, "now": "2026-03-02T22:00Z"},
    "drain_messages": {"max_seconds": 60, "max_messages": 7},
    "build_report": {"out": "my report.html", "language": "zh"},
    "replay": {},
    "redrive_dead_letters": {"limit": 5},
    "prune": {},
    "grant_access": {
        "username": "isv",
        "dry_run": False,
        "nick_name": "An ISV",
        "country_code": "49",
        "project_id": "123324234",
        "room_ids": ["1420922162969059328"],
        "ticket": True,
    },
    "manage_users": {
        "dry_run": False,
        "path": "users.csv",
        "username": "alice",
        "username_type": "email",
        "country_code": "49",
        "nick_name": "Alice",
        "password_from": "env:ALICES_PASSWORD",
    },
    "manage_device_persons": {
        "dry_run": False,
        "path": "persons.csv",
        "device_id": "d",
        "person_id": "p",
        "action": "remove",
    },
    "set_device_functions": {"device_id": "d", "function_codes": ["switch_1"], "dry_run": False},
    "send_command": {
        "device_id": "d",
        "action": "open_door",
        "dry_run": False,
        "person_id": "p",
        "arguments": {"card_no": "0017", "secret_key": "env:CARD_KEY"},
    },
    "issue_visual_tokens": {"dry_run": False, "path": "devices.csv", "devices": [DEVICE]},
}
"""A value for every parameter of every flow, beside account and run key."""


class Begun(BaseException):
    """The run has begun: what it stores is known."""


@pytest.mark.parametrize("name", FLOWS)
async def test_a_run_stores_all_that_its_flow_was_given_as_the_flow_takes_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, stored = FLOWS[name], {}
    assert GIVEN[name].keys() == flow.parameters.properties.keys() - {"account", "run_key"}

    @asynccontextmanager
    async def running(
        _flow: str, _account: str, _key: str, given: Mapping[str, Any], *, keys: Any = (), now: datetime | None = None
    ) -> AsyncIterator[None]:
        stored.update(given, **({"now": now.isoformat()} if now else {}))
        raise Begun
        yield

    monkeypatch.setattr(import_module(f"flows.{name}"), "running", running)
    taken = flow.validate_parameters({"account": "demo", "run_key": "n", **GIVEN[name]})
    with pytest.raises(Begun):
        await flow.fn(**taken)
    command = flow_command(name, "demo", {**json.loads(json.dumps(stored)), "run_key": "n"})
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "flows", name]
    typed = parse_parameters([word for word in words[4:] if word != "-p"], kinds_of(flow))
    assert shown(flow.validate_parameters(typed)) == shown(taken)


def shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in parameters.items()
    }


@pytest.fixture
def warehouse_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def env(
    tuya: Sandbox, warehouse: Warehouse, sqlite_url: str, secret_key: str, prefect_server: PrefectServer
) -> dict[str, str]:
    return environment_of(tuya, sqlite_url, secret_key) | prefect_server.env


def pasted(env: Mapping[str, str], flow: str) -> tuple[int, str]:
    """The exit code of the command that `status` prints below a run of this flow, and all that it prints."""
    looked = subprocess.run([PROGRAM, "status", "-a", "demo"], env=env, capture_output=True, text=True, check=True)
    (line,) = [
        line for line in map(str.strip, looked.stdout.splitlines()) if line.startswith(f"python -m flows {flow}")
    ]
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line], env={**env, "PATH": path, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    return done.returncode, f"{line}\n{done.stdout}{done.stderr}"


def test_a_killed_query_is_asked_again_by_the_command_that_status_prints(
    env: dict[str, str], warehouse: Warehouse, tmp_path: Path
) -> None:
    env |= {"MES": f"sqlite:///{tmp_path}/mes.db"}
    with closing(sqlite3.connect(tmp_path / "mes.db")) as mes:
        mes.execute(ENDLESS)
        process = start_flow(
            "sync_serial_numbers",
            env,
            query_url="env:MES",
            query="SELECT sn FROM units",
            work_order="00017",
            run_key="n",
        )
        wait_until(lambda: runs.find_run(warehouse, "demo", "sync_serial_numbers", "n") is not None, process)
        process.kill()
        process.communicate()
        mes.executescript("DROP VIEW units; CREATE TABLE units (sn); INSERT INTO units VALUES ('Q1'), ('Q2')")
    code, printed = pasted(env, "sync_serial_numbers")
    assert code == 0, printed
    with warehouse.read() as conn:
        found = conn.execute(serial_number.select().with_only_columns(serial_number.c.sn, serial_number.c.order_code))
        assert sorted(map(tuple, found)) == [("Q1", "00017"), ("Q2", "00017")]


def test_a_red_run_that_chose_by_pass_counts_is_continued_by_the_command_that_status_prints(
    env: dict[str, str], warehouse: Warehouse, tuya: Sandbox, operator: Operator
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 10])
    env |= {"TUYAHOUSE_ACCOUNTS__DEMO__STRATEGY": "pass_counts"}
    tuya.control("options", {"quota": tuya.control("stats")["calls"] + 20})
    code, printed = operator.run("sync_sn_flows", env, run_key="n")
    assert code == 1 and "quota" in printed, printed
    tuya.control("options", {"quota": 0})
    code, printed = pasted(env, "sync_sn_flows")
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert code == 0 and found and (found.status, found.outcome.asked) == ("balanced", 30), printed
