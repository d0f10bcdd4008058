"""grant_access, as an operator starts it: dry, then real, checked by what the sandbox holds afterwards."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from flows.catalogue import FLOWS
from tests.access.desk import DEMO, Desk, told
from tests.flows.processes import run_flow, start_flow, wait_until
from tests.support.kill import kill
from tests.support.prefect import PrefectServer
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import authorization_grant, authorized_account, ops_write

ADMIN, TICKET = "POST /v1.0/industry/auth/admin", "POST /v1.0/industry/auth/ticket"
LIST = "GET /v1.0/illumination/account/list"
PERMISSION = "POST /v1.0/illumination/account/permission/add"


def rooms(desk: Desk) -> tuple[str, list[str]]:
    """A project and two of its rooms."""
    project, known = next(iter(desk.held["rooms"].items()))
    return project, known[:2]


def held(desk: Desk, name: str = "isv") -> Any:
    return next((one for one in desk.held["accounts"] if one["loginName"] == name), None)


def asking(desk: Desk, **more: Any) -> dict[str, Any]:
    project, room_ids = rooms(desk)
    return {"username": "isv", "nick_name": "Integrator", "project_id": project, "room_ids": room_ids, **more}


def test_it_is_dry_by_default_then_grants_and_then_finds_it_granted(desk: Desk) -> None:
    project, room_ids = rooms(desk)
    before = [desk.calls(call) for call in (ADMIN, PERMISSION)]
    code, printed = desk.start("grant_access", **asking(desk))
    assert code == 0 and "Dry run: nothing was written" in printed, printed
    assert told(printed, "would be done") == 2 and held(desk) is None and desk.audit("outcome") == []

    printed = desk.write("grant_access", **asking(desk), run_key="real")
    assert told(printed, "done") == 2, printed
    account = held(desk)
    assert (account["nickName"], account["permissions"]) == ("Integrator", {project: room_ids})
    run = runs.find_run(desk.warehouse, "demo", "grant_access", "real")
    assert run and (run.status, run.outcome.asked, run.outcome.answered) == ("balanced", 2, 2)
    assert run.outcome.inserted == 3, "the account, and a row for each room"
    assert desk.audit("call", "outcome", "run_id") == [(ADMIN, "done", run.run_id), (PERMISSION, "done", run.run_id)]
    assert desk.rows(authorized_account, "uid", "login_name", "country_code") == [(account["uid"], "isv", "86")]
    assert desk.rows(authorization_grant, "uid", "project_id", "room_id", "first_run") == [
        (account["uid"], project, room, run.run_id) for room in room_ids
    ]

    again = desk.write("grant_access", **asking(desk))
    assert told(again, "skipped") == 2, again
    assert [desk.calls(call) for call in (ADMIN, PERMISSION)] == [count + 1 for count in before]


def test_rooms_are_added_to_those_granted_before(desk: Desk) -> None:
    project, room_ids = rooms(desk)
    desk.write("grant_access", **asking(desk, room_ids=room_ids[:1]))
    desk.write("grant_access", **asking(desk))
    assert held(desk)["permissions"] == {project: room_ids}
    requests = [request for call, request in desk.audit("call", "request") if call == PERMISSION]
    assert [each["roomIdList"] for each in requests] == [room_ids[:1], room_ids[1:]]


def test_rooms_in_doubt_are_reported_once_and_the_others_are_granted_meanwhile(desk: Desk) -> None:
    project, (first, second) = rooms(desk)
    desk.write("grant_access", username="isv", nick_name="Integrator")
    before = desk.calls(PERMISSION)
    desk.sandbox.control("options", {"fault_methods": ["POST"]})
    desk.sandbox.control("faults", {"cut": 1})
    assert desk.start("grant_access", **asking(desk, room_ids=[first]), dry_run=False, run_key="one")[0] == 1
    desk.sandbox.control("faults", {})
    code, printed = desk.start("grant_access", **asking(desk))
    assert (code, told(printed, "unknown"), told(printed, "would be done")) == (1, 1, 1), printed
    for _ in range(2):
        code, printed = desk.start("grant_access", **asking(desk, ticket=True), dry_run=False, run_key="two")
        assert code == 1 and told(printed, "unknown") == 1 and "Look at the rooms of this account" in printed, printed
        assert "Not tried" in printed and desk.calls(PERMISSION) == before + 2
    assert held(desk)["permissions"] == {project: [first, second]}
    desk.write("grant_access", **asking(desk), run_key="three")
    assert desk.calls(PERMISSION) == before + 3
    assert told(desk.write("grant_access", **asking(desk)), "skipped") == 2
    assert all(at for (at,) in desk.audit("settled_at"))


def test_an_account_of_another_country_with_the_same_name_is_another_account(desk: Desk) -> None:
    for country in ("86", "49"):
        desk.write("grant_access", username="isv", country_code=country)
    assert [one["countryCode"] for one in desk.held["accounts"] if one["loginName"] == "isv"] == ["86", "49"]


@pytest.mark.parametrize(
    "shape",
    [
        {"authorization_answers": "plain"},
        {"strings_as": "object"},
        {"account_list": "wrapped", "totals_as": "text"},
        {"account_query": "body"},
        {"account_query": "body", "other_spelling": "ignore"},
    ],
    ids=lambda shape: " ".join(shape.values()),
)
@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_every_shape_of_answers_is_understood(desk: Desk, shape: dict[str, str]) -> None:
    desk.sandbox.control("options", shape)
    desk.write("grant_access", **asking(desk, ticket=True))
    assert told(desk.write("grant_access", **asking(desk)), "skipped") == 2
    assert held(desk)["permissions"] and len(desk.held["tickets"]) == 1


def test_a_ticket_is_in_its_file_and_nowhere_else(
    desk: Desk, prefect_server: PrefectServer, tmp_path: Path, warehouse_url: str
) -> None:
    printed = desk.write("grant_access", **asking(desk, ticket=True), run_key="one")
    assert len(desk.held["tickets"]) == 1
    file = tmp_path / "tokens" / "ticket-demo-86-isv"
    ticket = file.read_text()
    assert ticket in desk.sandbox.control("secrets")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    shown = prefect_server.everything("flow_runs", "task_runs", "artifacts")
    assert leaks_in_text([ticket], printed + json.dumps(shown)) == []
    assert leaks_in_files([ticket], tmp_path, prefect_server.home) == []
    if warehouse_url.startswith("postgresql"):
        assert leaks_in_postgres([ticket], warehouse_url) == []
    assert "ticket-demo-86-isv" in json.dumps([result for (result,) in desk.audit("result")])
    again = desk.write("grant_access", **asking(desk, ticket=True), run_key="one")
    assert len(desk.held["tickets"]) == 2 and file.read_text() != ticket, again
    assert told(desk.write("grant_access", **asking(desk, ticket=True), run_key="one"), "skipped") == 3
    assert len(desk.held["tickets"]) == 2


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_ticket_that_cannot_be_kept_is_red_and_its_run_gets_another_once_it_can(desk: Desk, tmp_path: Path) -> None:
    in_the_way = tmp_path / "tokens" / "ticket-demo-86-isv"
    in_the_way.mkdir(parents=True)
    code, printed = desk.start("grant_access", dry_run=False, **asking(desk, ticket=True), run_key="one")
    assert code == 1 and "1 of 3 are not done" in printed and told(printed, "done") == 2, printed
    assert "Tuya issued it, but it could not be kept" in printed and f"{in_the_way} cannot be written" in printed
    assert [outcome for call, outcome in desk.audit("call", "outcome") if call == TICKET] == ["refused"]
    in_the_way.rmdir()
    assert told(desk.write("grant_access", **asking(desk, ticket=True), run_key="one"), "done") == 1
    assert in_the_way.is_file()


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "settings", "words"),
    [
        ({"room_ids": ["1420922162969059999"]}, {}, "Check that the rooms belong to the project 123324234, and the"),
        ({"project_id": "999"}, {}, "Check that the rooms belong to the project 999, and the project to this cloud"),
        ({"room_ids": None}, {}, "room_ids is empty"),
        ({"project_id": None}, {}, "name the project"),
        ({}, {f"{DEMO}ALLOW_WRITES": "false"}, f"{DEMO}ALLOW_WRITES=true"),
        ({"ticket": True}, {"TUYAHOUSE_TOKEN_DIR": ""}, "TUYAHOUSE_TOKEN_DIR is not set"),
        ({"ticket": True}, {"TUYAHOUSE_TOKEN_DIR": "/proc/tokens"}, "cannot be written to"),
    ],
    ids=["room", "project", "no rooms", "no project", "not allowed", "no token dir", "bad token dir"],
)
def test_what_cannot_be_granted_is_red_with_what_to_change(
    desk: Desk, changes: dict[str, Any], settings: dict[str, str], words: str
) -> None:
    code, printed = desk.start("grant_access", settings, dry_run=False, **{**asking(desk), **changes})
    assert code == 1 and words in printed, printed
    assert "Traceback" not in printed and "Subscribe" not in printed
    assert not held(desk) or held(desk)["permissions"] == {}
    desk.write("grant_access", **asking(desk))


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_step_after_one_that_failed_is_not_tried(desk: Desk) -> None:
    printed = desk.start("grant_access", dry_run=False, **asking(desk, project_id="999", ticket=True))[1]
    assert "2 of 3 are not done" in printed and "Not tried" in printed, printed
    assert desk.held["tickets"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"room_ids": [1420922162969059328]}, "is the number 1420922162969059328: write it as text"),
        ({"room_ids": [1.42e18]}, "write it as text"),
        ({"room_ids": ["1.42092E+18"]}, "write all digits"),
        ({"room_ids": ["1420922162969059328.0"]}, "write all digits"),
        ({"room_ids": []}, "at least 1"),
        ({"room_ids": [" "]}, "match"),
        ({"username": ""}, "at least 1"),
        ({"username": 5}, "valid string"),
        ({"country_code": "+86"}, "match"),
    ],
)
def test_parameters_of_a_wrong_kind_are_refused_before_a_run_begins(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Exception, match=words):
        FLOWS["grant_access"].validate_parameters({"account": "demo", "username": "isv", **given})


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_room_ids_of_nineteen_digits_are_exact_in_a_terminal(desk: Desk, prefect_server: PrefectServer) -> None:
    project, room_ids = rooms(desk)
    given = {"username": "isv", "project_id": project, "room_ids": f"[{','.join(room_ids)}]", "dry_run": "false"}
    code, printed = run_flow("grant_access", desk.env | prefect_server.env, **given)
    assert code == 0, printed
    assert held(desk)["permissions"] == {project: room_ids}


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_two_runs_at_once_make_each_call_once(desk: Desk, prefect_server: PrefectServer) -> None:
    before = [desk.calls(call) for call in (ADMIN, PERMISSION)]
    desk.sandbox.control("faults", {"slow": 1})
    env = desk.env | prefect_server.env
    given = {**asking(desk), "dry_run": "false"}
    started = [start_flow("grant_access", env, run_key=run_key, **given) for run_key in ("one", "two")]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], printed
    assert [desk.calls(call) for call in (ADMIN, PERMISSION)] == [count + 1 for count in before]


@pytest.mark.kill
def test_a_run_that_is_killed_during_its_call_is_resolved_by_the_next_one(
    desk: Desk, prefect_server: PrefectServer
) -> None:
    desk.start("grant_access", **asking(desk))
    before = desk.calls(ADMIN)
    listed = desk.calls(LIST)
    desk.sandbox.control("options", {"slow_seconds": 2})
    desk.sandbox.control("faults", {"slow": 1})
    env = desk.env | prefect_server.env | {f"{DEMO}TIMEOUT_SECONDS": "90"}
    process = start_flow("grant_access", env, dry_run="false", **asking(desk), run_key="one")
    wait_until(lambda: desk.calls(LIST) > listed, process)
    desk.sandbox.control("options", {"slow_seconds": 60})
    wait_until(lambda: desk.calls(ADMIN) > before, process)
    kill(process)
    assert desk.audit("outcome") == [("pending",)]
    desk.sandbox.control("faults", {})
    printed = desk.write("grant_access", **asking(desk), run_key="two")
    assert "was carried out" in printed, printed
    assert desk.audit("call", "outcome") == [(ADMIN, "done"), (PERMISSION, "done")]
    assert desk.calls(ADMIN) == before + 1 and held(desk)["permissions"]
    assert desk.rows(ops_write, "settled_at") and all(at for (at,) in desk.rows(ops_write, "settled_at"))
