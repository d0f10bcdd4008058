"""``tuyahouse explain`` of a device and of a command: rows, changes, runs, messages, bytes."""

import asyncio
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from tests.cli.test_looking import row
from tests.commands.days import begin_of, day
from tests.commands.days import told as told_by_sandbox
from tests.devices.nights import account_of, night
from tests.marts import example
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.devices.explain import changes_of
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 3, 3, tzinfo=UTC)


def test_a_device_says_its_row_its_run_its_call_and_the_bytes(cli, sandbox: Sandbox, sqlite_url: str) -> None:
    with closing(Warehouse.open(sqlite_url)) as warehouse:
        account = account_of(sandbox)
        asyncio.run(night(warehouse, account, "n", details=True))
        with warehouse.read() as conn:
            device_id, name = conn.execute(
                select(tables.device.c.device_id, tables.device.c.device_name).order_by(tables.device.c.device_id)
            ).first()
    shown = cli("explain", "-a", "demo", "device", device_id).stdout
    assert row(shown, "device_name") == ["device_name", name]
    assert "first seen" in shown and "sync_devices" in shown and "Functions" in shown
    assert "Newest answer of device_details that changed something" in shown
    assert "tid " in shown and "answered 20" in shown
    assert "extend_data " not in shown and "answer_hash" not in shown
    body = json.loads(cli("explain", "-a", "demo", "device", device_id, "--raw").stdout_bytes)
    assert body


def test_what_changed_when_with_its_values_but_never_the_vendors_data() -> None:
    common = dict.fromkeys(tables.device_history.c.keys())
    states = [
        common | {"valid_from": AT, "first_run": "r1", "device_name": "Door", "ended_by": "changed"},
        common
        | {
            "valid_from": AT + timedelta(days=1),
            "valid_to": AT + timedelta(days=2),
            "device_name": "Gate",
            "extend_data": "secret",
            "changed_columns": "device_name,extend_data",
            "ended_by": "vanished",
            "first_run": "r2",
            "last_run": "r3",
        },
    ]
    assert [tuple(each.values()) for each in changes_of(states)] == [
        (AT, "r1", "first seen", "", ""),
        (AT + timedelta(days=1), "r2", "device_name", "Door", "Gate"),
        (AT + timedelta(days=1), "r2", "extend_data", "(not shown)", "(not shown)"),
        (AT + timedelta(days=2), "vanished", "", "", "r3"),
    ]


@pytest.fixture
def told(sqlite_url: str) -> None:
    """The worked example's commands, the first word of c1 from a message."""
    with closing(Warehouse.open(sqlite_url)) as warehouse:
        example.fill(warehouse)
        said = tables.command_observation
        with warehouse.begin() as conn:
            message = {"account": "f", "message_id": "1:2:3:4", "received_at": AT, "trace_id": "tid-of-it"}
            conn.execute(insert(tables.raw_message), [{**message, "verdict": "landed", "payload": b"\x00sealed"}])
            first = (said.c.command_sn == "c1") & (said.c.source == "message") & (said.c.process_status == 1)
            conn.execute(update(said).where(first).values(message_id="1:2:3:4"))
            conn.execute(update(tables.command).where(tables.command.c.command_sn == "c1").values(first_run="r"))


@pytest.mark.usefixtures("told")
def test_a_command_says_who_said_what_when_and_the_message_that_told_it(cli) -> None:
    shown = cli("explain", "-a", "f", "command", "c1").stdout
    assert row(shown, "verdict") == ["verdict", "matched"]
    assert row(shown, "2026-03-03 00:59:00")[:4] == ["2026-03-03 00:59:00", "message", "1", "2026-03-03 00:59:01"]
    assert shown.count("2026-03-03 00:59:12") == 2  # the end, by message and by API
    assert "tid-of-it" in shown and "sync_sn_flows" in shown
    assert cli("explain", "-a", "f", "command", "c1", "--raw").stdout_bytes == b"\x00sealed"


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["device", "nobody"], "holds nothing on the device nobody: read the lists with `python -m flows sync_devices"),
        (["command", "nobody"], "holds nothing on the command nobody: name it with `tuyahouse commands add -a f"),
        (["command", "c2", "--raw"], "No answer and no message about the command c2 is kept"),
        (["device", "d1", "--raw"], "No answer of Tuya about d1 is kept"),
        (["sn", "nobody"], "holds nothing on nobody: register it"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_is_not_there_says_what_to_do(cli, arguments: list[str], said: str) -> None:
    done = cli("explain", "-a", "f", *arguments)
    assert done.exit_code == 1 and said in done.stderr


def test_a_command_that_was_asked_shows_the_answer_of_the_api_its_call_and_its_run(
    cli, sandbox: Sandbox, sqlite_url: str
) -> None:
    now = begin_of(sandbox) + timedelta(days=1)
    with closing(Warehouse.open(sqlite_url)) as warehouse:
        command_sn = told_by_sandbox(sandbox)[0]["command_sn"]
        for number in range(2):  # the second answer brings nothing new
            at = now + timedelta(days=number)
            asyncio.run(day(warehouse, account_of(sandbox), f"day {number}", at, given=[command_sn]))
        with warehouse.read() as conn:
            assert len(conn.execute(select(tables.raw_block)).all()) == 1
    shown = cli("explain", "-a", "demo", "command", command_sn).stdout
    assert "Newest answer of the API with news" in shown and "tid " in shown and "answered 20" in shown
    assert "reconcile_commands" in shown and "process_status" in shown
    body = json.loads(cli("explain", "-a", "demo", "command", command_sn, "--raw").stdout_bytes)
    assert body["success"] is True and body["result"]


def test_a_wrong_kind_names_those_there_are(cli) -> None:
    done = cli("explain", "-a", "demo", "gateway", "x")
    assert done.exit_code == 2 and "'gateway' is none of sn, device and command" in done.stderr.replace("│\n│", "")
    done = cli("explain", "-a", "demo", "device")
    assert done.exit_code == 2 and "name one thing: tuyahouse explain device KEY" in done.stderr
