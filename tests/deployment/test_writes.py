"""The flows that write, started as their forms start them: dry, then real, checked by what the sandbox holds."""

import json
import sqlite3
import urllib.error
from dataclasses import dataclass
from typing import Any

import pytest

from tests.deployment.conftest import PASSWORD, Site
from tests.support.secrets import leaks_in_files, leaks_in_text

TYPED, UNCHECKED = "typed-in-the-clear", "typed-and-not-checked"


@dataclass(frozen=True)
class Started:
    """Runs that were started together, by name, when all have ended, and what the sandbox then held."""

    runs: dict[str, dict[str, Any]]
    held: dict[str, Any]


def together(site: Site, asked: dict[str, dict[str, Any]], **more: Any) -> Started:
    """Start a run of each deployment; a name may have a suffix, and parameters be started without Prefect's checks."""
    started = {}
    for name, given in asked.items():
        body = {"parameters": {"account": "demo", **given, **more}}
        if "unchecked" in name:
            body["enforce_parameter_schema"] = False
        deployment = site.deployment(name.partition(" ")[0])["id"]
        started[name] = str(site.prefect.api(f"deployments/{deployment}/create_flow_run", body)["id"])
    runs = {name: site.ended(run) for name, run in started.items()}
    return Started(runs, site.sandbox.control("access"))


@pytest.fixture(scope="module")
def asked(site: Site) -> dict[str, dict[str, Any]]:
    """What each flow that writes is asked for."""
    project, rooms = next(iter(site.sandbox.control("access")["rooms"].items()))
    door = next(each for each in site.sandbox.lines("truth/devices") if each["product_type"] == "wf_znmj")
    device, visual = door["device_id"], {"product_key": door["product_id"], "device_name": door["visual_name"]}
    return {
        "grant-access": {"username": "isv", "project_id": project, "room_ids": rooms[:2], "ticket": True},
        "manage-users": {"username": "alice", "password_from": "env:ALICES_PASSWORD"},
        "manage-device-persons": {"device_id": device, "person_id": "ay1"},
        "set-device-functions": {"device_id": device, "function_codes": door["function_pool"][:1]},
        "send-command": {"device_id": device, "action": "open_door", "person_id": "ay1"},
        "issue-visual-tokens": {"devices": [visual]},
    }


CHANGES = {
    "grant-access": "accounts",
    "manage-users": "users",
    "manage-device-persons": "persons",
    "set-device-functions": "functions",
    "send-command": "sent",
    "issue-visual-tokens": "visual_tokens",
}
"""What each of them changes in the sandbox."""


@pytest.fixture(scope="module")
def before(site: Site) -> dict[str, Any]:
    held: dict[str, Any] = site.sandbox.control("access")
    return held


@pytest.fixture(scope="module")
def dry(site: Site, asked: dict[str, dict[str, Any]], before: dict[str, Any]) -> Started:
    unchecked = {
        "manage-users unchecked name": {"username": "mallory", "password": UNCHECKED},
        "manage-users unchecked value": {"username": "mallory", "password_from": UNCHECKED},
        "set-device-functions unchecked list": {"device_id": "d", "function_codes": []},
        "ask-serial-numbers unchecked list": {"sns": []},
    }
    return together(site, asked | unchecked)


@pytest.fixture(scope="module")
def real(site: Site, asked: dict[str, dict[str, Any]], dry: Started) -> Started:
    refused = {"username": "other", "project_id": "999", "room_ids": ["1420922162969059328"]}
    return together(site, asked | {"grant-access refused": refused}, dry_run=False)


def outcomes(site: Site, run: dict[str, Any]) -> list[str]:
    """What became of each write of a run, by the table that it left."""
    of_run = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "type": {"any_": ["table"]}}}
    found = site.prefect.api("artifacts/filter", of_run)
    (table,) = [each for each in found if each["key"].endswith("-demo-writes")]
    return [row["outcome"] for row in json.loads(table["data"])]


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_dry_and_then_real(site: Site, before: dict[str, Any], dry: Started, real: Started, name: str) -> None:
    steps, what = 3 if name == "grant-access" else 1, CHANGES[name]
    for started, outcome in ((dry, "would be done"), (real, "done")):
        assert started.runs[name]["state_type"] == "COMPLETED", started.runs[name]["state"]["message"]
        assert outcomes(site, started.runs[name]) == [outcome] * steps
    assert dry.held[what] == before[what]
    more = 2 if name == "grant-access" else 1  # the refused grant has its account
    assert len(real.held[what]) == len(before[what]) + more


def test_the_audit_of_all_of_them_is_complete(site: Site, real: Started) -> None:
    with sqlite3.connect(site.warehouse) as conn:
        rows = conn.execute(
            "SELECT r.flow, w.outcome FROM ops_write w JOIN ops_run r ON r.run_id = w.run_id"
        ).fetchall()
    names = {name.replace("-", "_") for name in CHANGES}
    assert {flow for flow, outcome in rows if outcome == "done"} == names
    assert sorted(outcome for flow, outcome in rows if flow == "grant_access") == ["done"] * 4 + ["refused"]
    assert {outcome for _, outcome in rows} == {"done", "refused"}


def test_secrets_are_where_they_belong_and_nowhere_else(site: Site, real: Started, asked: dict[str, Any]) -> None:
    (account,) = [one for one in real.held["accounts"] if one["loginName"] == "isv"]
    assert account["permissions"] == {asked["grant-access"]["project_id"]: asked["grant-access"]["room_ids"]}
    files = list((site.warehouse.parent / "tokens").iterdir())
    kept = [file.read_text() for file in files]
    assert len(kept) == 2 and set(kept) <= set(site.sandbox.control("secrets"))
    for file in files:
        file.unlink()
    (alice,) = [one for one in real.held["users"] if one["username"] == "alice"]
    secrets = [*kept, PASSWORD, alice["password"]]
    everything = site.prefect.everything("flow_runs", "task_runs", "logs", "artifacts")
    assert leaks_in_text(secrets, json.dumps(everything)) == []
    assert leaks_in_files(secrets, site.warehouse.parent, site.prefect.home) == []


def test_a_refused_write_is_red_and_says_which_and_why(real: Started) -> None:
    run = real.runs["grant-access refused"]
    assert run["state_type"] == "FAILED"
    assert "1 of 2 are not done" in run["state"]["message"] and "project 999" in run["state"]["message"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("manage_users", {"username": "alice", "password_from": TYPED}),
        ("manage_users", {"username": "alice", "password": TYPED}),
        ("manage_users", {"username": "alice", "username_type": "shoe"}),
        ("grant_access", {"username": "isv", "room_ids": [1420922162969059328]}),
        ("grant_access", {"username": "isv", "room_ids": []}),
        ("grant_access", {"username": "isv", "country_code": "China"}),
        ("grant_access", {"nick_name": "Nobody"}),
        ("manage_device_persons", {"device_id": "d", "person_id": "p", "action": "promote"}),
        ("manage_device_persons", {"device_id": "d", "person_id": 1420922162969059328}),
        ("set_device_functions", {"device_id": "d", "function_codes": []}),
        ("send_command", {"device_id": "d", "action": "dance"}),
        ("send_command", {"device_id": "d", "action": "open_door", "arguments": {"secret_key": TYPED}}),
        (
            "send_command",
            {
                "device_id": "d",
                "action": "add_door_persons",
                "arguments": {"person_list": [{"secret_key": TYPED}]},
            },
        ),
        ("issue_visual_tokens", {"devices": [{"product_key": "k"}]}),
        ("issue_visual_tokens", {"devices": []}),
    ],
)
def test_what_a_form_does_not_take_is_refused_before_it_is_stored(site: Site, name: str, given: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        site.start(name.replace("_", "-"), **given)
    assert refused.value.code == 409
    assert leaks_in_files([TYPED], site.prefect.home) == []


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("set-device-functions", {"device_id": "d", "function_codes": []}),
        ("grant-access", {"username": "isv", "project_id": "1", "room_ids": []}),
        ("issue-visual-tokens", {"devices": []}),
        ("ask-serial-numbers", {"sns": []}),
        ("ask-serial-numbers", {"work_orders": []}),
        ("read-devices", {"project_ids": []}),
        ("hourly-commands-demo", {"command_sns": []}),
    ],
)
def test_an_empty_list_is_refused_with_its_name_before_a_run_is_there(
    site: Site, name: str, given: dict[str, Any]
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        site.start(name, **given)
    said = json.loads(refused.value.read())["detail"]
    assert refused.value.code == 409 and f"'{list(given)[-1]}'" in said and "[]" in said, said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("set-device-functions", "function_codes: List should have at least 1 item"),
        ("ask-serial-numbers", "sns: Value error, names none; leave it out for all that are due"),
    ],
)
def test_an_empty_list_that_prefect_did_not_check_is_red_before_any_call(
    site: Site, dry: Started, name: str, words: str
) -> None:
    run = dry.runs[f"{name} unchecked list"]
    assert run["state_type"] == "FAILED" and words in run["state"]["message"], run["state"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("name", "There is no parameter password."), ("value", "password_from: Value error, names no place")],
)
def test_what_prefect_stored_unchecked_is_refused_and_removed(site: Site, dry: Started, name: str, words: str) -> None:
    first = dry.runs[f"manage-users unchecked {name}"]
    site.wait_until(lambda: site.prefect.api(f"flow_runs/{first['id']}")["state_type"] == "FAILED")
    run = site.prefect.api(f"flow_runs/{first['id']}")
    assert words in run["state"]["message"] and "if it was one, change it." in run["state"]["message"]
    assert run["parameters"]["username"] == "mallory"
    everything = site.prefect.everything("flow_runs", "logs", "artifacts")
    assert UNCHECKED not in json.dumps(everything)
    assert leaks_in_files([UNCHECKED], site.warehouse.parent) == []
