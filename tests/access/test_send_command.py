"""send_command, as an operator starts it: sent once, followed to its end by the API and by messages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.catalogue import FLOWS
from tests.access.desk import DEMO, Desk, settings_for, told
from tests.flows.operator import Operator
from tests.flows.processes import run_flow, start_flow, wait_until
from tests.support.kill import kill
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text
from tuyahouse.warehouse.tables import command
from tuyahouse.warehouse.warehouse import Warehouse

OPEN = "POST /v1.0/access-control/{device_id}/persons/{person_id}/actions/open"
ALWAYS_DUE = {
    "TUYAHOUSE_COMMANDS__ASK_AFTER": "0s",
    "TUYAHOUSE_COMMANDS__DEADLINE": "9000d",
    "TUYAHOUSE_COMMANDS__GIVE_UP_AFTER": "9000d",
}
"""The sandbox lives on days of its own, which may be long ago by the clock of this machine."""
PERSON_KEY = "key-of-the-person-4711"


def device_of(desk: Desk, product_type: str = "wf_znmj") -> str:
    devices = desk.sandbox.lines("truth/devices")
    return str(next(each["device_id"] for each in devices if each["product_type"] == product_type))


def opening(desk: Desk, **more: Any) -> dict[str, Any]:
    return {"device_id": device_of(desk), "action": "open_door", "person_id": "p1", **more}


def test_a_door_is_opened_dry_then_really_once_a_run(desk: Desk) -> None:
    before = desk.calls(OPEN)
    code, printed = desk.start("send_command", **opening(desk))
    assert (code, told(printed, "would be done")) == (0, 1), printed
    assert desk.held["sent"] == [] and desk.rows(command, "command_sn") == []

    printed = desk.write("send_command", **opening(desk), run_key="one")
    ((sn, device_id, source, run),) = desk.rows(command, "command_sn", "device_id", "source", "first_run")
    assert [(each["sn"], each["device_id"], each["person_id"]) for each in desk.held["sent"]] == [(sn, device_id, "p1")]
    assert (device_id, source) == (device_of(desk), "write") and f"Record number: {sn}." in printed
    assert desk.audit("call", "outcome", "run_id", "result") == [(OPEN, "done", run, {"command_sns": [sn]})]
    assert told(desk.write("send_command", **opening(desk), run_key="one"), "skipped") == 1
    assert desk.calls(OPEN) == before + 1
    desk.write("send_command", **opening(desk), run_key="two")
    assert desk.calls(OPEN) == before + 2 and len(desk.rows(command, "command_sn")) == 2


@pytest.mark.parametrize(("fate", "status"), [("finish", 3), ("fail", 4)])
def test_a_command_reaches_its_end_through_messages_and_through_the_api(
    sandboxes: Callable[..., Sandbox],
    operator: Operator,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    tmp_path: Path,
    fate: str,
    status: int,
) -> None:
    few = {"devices": 40, "events_per_device": 0, "commands_per_day": 2, "unreadable": 0, "day": 3, "sent_fate": fate}
    sandbox = sandboxes(*(word for name, value in few.items() for word in ("--set", f"{name}={value}")))
    env = settings_for(sandbox, warehouse_url, secret_key, str(tmp_path / "tokens"))
    desk = Desk(sandbox, warehouse, operator, env)
    desk.write("send_command", **opening(desk))
    sn = desk.held["sent"][0]["sn"]

    def follow(name: str) -> tuple[Any, ...]:
        code, printed = desk.start(name, ALWAYS_DUE)
        assert code == 0, printed
        columns = ("command_sn", "source", "api_status", "message_status", "process_status", "verdict")
        return next(row[1:] for row in desk.rows(command, *columns) if row[0] == sn)

    assert follow("reconcile_commands") == ("write", 1, None, 1, "api_ahead")
    sandbox.control("day", {"day": 4})
    follow("drain_messages")
    assert follow("reconcile_commands") == ("write", status, status, status, "matched")


def test_a_command_for_many_persons_brings_as_many_record_numbers(desk: Desk) -> None:
    people = [{"person_id": f"p{number}", "name": "Ann"} for number in range(3)]
    given = {"device_id": device_of(desk), "action": "add_door_persons", "arguments": {"person_list": people}}
    desk.write("send_command", **given)
    assert [sn for (sn,) in desk.rows(command, "command_sn")] == sorted(each["sn"] for each in desk.held["sent"])
    assert len(desk.held["controllers"][device_of(desk)]) == 3


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"person_id": None}, "open_door needs a person_id"),
        ({"action": "add_door_card"}, "add_door_card needs the argument card_no"),
        ({"device_id": "nobody"}, "2010"),
        ({"action": "call_elevator"}, "2003"),
        ({"action": "add_door_person", "arguments": {"secret_key": "env:NOT_THERE"}}, "has no variable NOT_THERE"),
        (
            {"action": "add_door_person", "arguments": {"secret_key": "file:/nowhere"}},
            "The file /nowhere cannot",
        ),
    ],
)
def test_a_command_that_cannot_be_sent_is_red_in_words(desk: Desk, given: dict[str, Any], words: str) -> None:
    code, printed = desk.start("send_command", dry_run=False, **(opening(desk) | given))
    assert code == 1 and words in printed and "Traceback" not in printed, printed
    assert desk.held["sent"] == [] and desk.rows(command, "command_sn") == []


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_dry_run_says_what_would_happen_and_what_nobody_can_know(desk: Desk) -> None:
    for device, action, args, words in (
        ("nobody", "open_door", {}, "Check the device id: it must be a device of this cloud project"),
        (device_of(desk), "add_door_person", {"secret_key": "env:NOT_THERE"}, "has no variable NOT_THERE"),
    ):
        given = {"device_id": device, "person_id": "p1", "action": action, "arguments": args}
        code, printed = desk.start("send_command", **given)
        assert code == 1 and words in printed, printed
    code, printed = desk.start("send_command", **opening(desk, action="call_elevator"))
    assert code == 0 and "Whether a device of the product type wf_znmj can do call_elevator, Tuya says only" in printed


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_command_for_persons_of_whom_one_is_in_doubt_is_reported_and_not_sent(desk: Desk) -> None:
    def adding(*persons: str) -> dict[str, Any]:
        people = [{"person_id": person, "name": f"{person} of {len(persons)}"} for person in persons]
        return opening(desk, action="add_door_persons", person_id=None, arguments={"person_list": people})

    desk.sandbox.control("options", {"fault_methods": ["POST"]})
    desk.sandbox.control("faults", {"cut": 1})
    assert desk.start("send_command", **adding("p1", "p2"), dry_run=False)[0] == 1
    desk.sandbox.control("faults", {})
    sent = len(desk.held["sent"])
    desk.write("send_command", **adding("p3"))
    assert len(desk.held["sent"]) == sent + 1
    code, printed = desk.start("send_command", **adding("p2", "p4"), dry_run=False)
    assert code == 1 and told(printed, "unknown") == 1 and len(desk.held["sent"]) == sent + 1, printed
    desk.write("send_command", **adding("p2", "p4"))
    assert all(at for (at,) in desk.audit("settled_at"))


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_command_whose_answer_was_cut_is_not_sent_again(desk: Desk, prefect_server: PrefectServer) -> None:
    before = desk.calls(OPEN)
    desk.sandbox.control("options", {"fault_methods": ["POST"]})
    desk.sandbox.control("faults", {"cut": 1})
    code, printed = desk.start("send_command", **opening(desk), dry_run=False, run_key="one")
    assert code == 1 and told(printed, "unknown") == 1, printed
    assert printed.splitlines()[-1].endswith("start a run with a new run_key.") and "fixed" not in printed, printed
    desk.sandbox.control("faults", {})
    desk.write("send_command", **opening(desk, action="add_door_person"))
    for run_key in ("two", "one"):
        code, printed = desk.start("send_command", **opening(desk), dry_run=False, run_key=run_key)
        assert code == 1 and "Look at the device." in printed, printed
        assert printed.splitlines()[-1].endswith("start a run with a new run_key.") and "fixed" not in printed
    said = json.dumps(prefect_server.everything("artifacts"))
    failed = [run for run in prefect_server.everything("flow_runs") if run["state_type"] == "FAILED"]
    mine = [run["state"]["message"] for run in failed if run["parameters"].get("run_key") in ("one", "two")]
    assert "start a run with a new run_key." in said and any("Look at the device." in each for each in mine)
    assert not any("press Retry" in each for each in mine if "Look at the device." in each), mine
    assert desk.calls(OPEN) == before + 1
    assert sorted(desk.audit("outcome", "attempts")) == [("done", 1), ("unknown", 0), ("unknown", 1)]
    desk.write("send_command", **opening(desk), run_key="three")
    assert desk.calls(OPEN) == before + 2


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_two_runs_of_the_same_intent_at_once_send_one_command(desk: Desk, prefect_server: PrefectServer) -> None:
    before = desk.calls(OPEN)
    desk.sandbox.control("faults", {"slow": 1})
    env = desk.env | prefect_server.env
    given = {**opening(desk), "dry_run": "false", "run_key": "same"}
    started = [start_flow("send_command", env, **given) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert 0 in [process.returncode for process in started], printed
    assert desk.calls(OPEN) == before + 1, printed


@pytest.mark.kill
def test_a_run_that_is_killed_during_its_call_sends_nothing_twice_and_messages_bring_its_record(
    sandboxes: Callable[..., Sandbox],
    operator: Operator,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    tmp_path: Path,
    prefect_server: PrefectServer,
) -> None:
    few = {"devices": 40, "events_per_device": 0, "commands_per_day": 2, "unreadable": 0, "day": 3, "slow_seconds": 60}
    sandbox = sandboxes(*(word for name, value in few.items() for word in ("--set", f"{name}={value}")))
    env = settings_for(sandbox, warehouse_url, secret_key, str(tmp_path / "tokens"))
    desk = Desk(sandbox, warehouse, operator, env)
    sandbox.control("options", {"fault_methods": ["POST"]})
    sandbox.control("faults", {"slow": 1})
    patient = env | {f"{DEMO}TIMEOUT_SECONDS": "90"} | prefect_server.env
    process = start_flow("send_command", patient, **opening(desk), dry_run="false", run_key="one")
    wait_until(lambda: desk.calls(OPEN) == 1, process)
    kill(process)
    assert desk.audit("outcome") == [("pending",)] and desk.rows(command, "command_sn") == []
    sandbox.control("faults", {})
    code, printed = desk.start("send_command", **opening(desk), dry_run=False, run_key="two")
    assert code == 1 and told(printed, "unknown") == 1 and desk.calls(OPEN) == 1, printed
    sandbox.control("day", {"day": 4})
    for name in ("drain_messages", "reconcile_commands"):
        assert desk.start(name, ALWAYS_DUE)[0] == 0
    sn = desk.held["sent"][0]["sn"]
    found = desk.rows(command, "command_sn", "source", "process_status", "verdict")
    assert (sn, "message", 3, "matched") in found


def test_a_secret_of_an_argument_is_sent_and_is_nowhere_else(
    desk: Desk, prefect_server: PrefectServer, warehouse_url: str, tmp_path: Path
) -> None:
    env = desk.env | prefect_server.env | {"KEY_OF_ANN": PERSON_KEY, "TUYAHOUSE_LOG_LEVEL": "debug"}
    arguments = {"name": "Ann", "secret_key": "env:KEY_OF_ANN"}
    given = {**opening(desk, action="add_door_person"), "arguments": arguments, "dry_run": "false"}
    code, printed = run_flow("send_command", env, **given)
    assert code == 0, printed
    assert desk.held["sent"][0]["body"] == {"name": "Ann", "secret_key": PERSON_KEY}
    kept = prefect_server.everything("flow_runs", "task_runs", "artifacts")
    assert leaks_in_text([PERSON_KEY], printed + json.dumps(kept)) == []
    assert leaks_in_files([PERSON_KEY], tmp_path, prefect_server.home) == []
    if warehouse_url.startswith("postgresql"):
        assert leaks_in_postgres([PERSON_KEY], warehouse_url) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"action": "dance"}, "there is no 'dance'; there are: open_door"),
        ({"arguments": {"secret_key": PERSON_KEY}}, "secret_key is a secret and must not be typed"),
        ({"arguments": {"person_list": [{"Password": 12345678}]}}, "Password is a secret and must not be typed"),
        ({"arguments": "x"}, "dictionary"),
    ],
)
def test_parameters_of_a_wrong_kind_are_refused_before_a_run_begins(given: dict[str, Any], words: str) -> None:
    right = {"account": "demo", "device_id": "d", "action": "open_door", "arguments": {"secret_key": "env:X"}}
    FLOWS["send_command"].validate_parameters(right)
    with pytest.raises(Exception, match=words) as refused:
        FLOWS["send_command"].validate_parameters(right | given)
    assert PERSON_KEY not in str(refused.value)
