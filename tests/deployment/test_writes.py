"""The flows that write, started from their forms: dry, then real, checked by what the sandbox holds afterwards."""

import json
import urllib.error
from typing import Any

import pytest

from tests.deployment.conftest import PASSWORD, Site
from tests.support.secrets import leaks_in_files, leaks_in_text


def held(site: Site, what: str, name: str, value: str) -> Any:
    return next((one for one in site.sandbox.control("access")[what] if one[name] == value), None)


def test_access_is_granted_dry_and_then_real(site: Site) -> None:
    project, rooms = next(iter(site.sandbox.control("access")["rooms"].items()))
    asked: dict[str, Any] = {"username": "isv", "project_id": project, "room_ids": rooms[:2], "ticket": True}
    dry = site.ended(site.start("grant-access", **asked))
    assert dry["state_type"] == "COMPLETED" and held(site, "accounts", "loginName", "isv") is None
    table = json.loads(site.prefect.newest_artifact("grant-access-demo-writes")["data"])
    assert [row["outcome"] for row in table] == ["would be done"] * 3
    real = site.ended(site.start("grant-access", **asked, dry_run=False))
    assert real["state_type"] == "COMPLETED", real["state"]["message"]
    assert held(site, "accounts", "loginName", "isv")["permissions"] == {project: rooms[:2]}
    (file,) = (site.warehouse.parent / "tokens").iterdir()
    ticket = file.read_text()
    file.unlink()
    assert ticket in site.sandbox.control("secrets")
    assert leaks_in_files([ticket], site.warehouse.parent, site.prefect.home) == []


def test_a_user_is_created_dry_and_then_real(site: Site) -> None:
    asked: dict[str, Any] = {"username": "alice", "password_from": "env:ALICES_PASSWORD"}
    dry = site.ended(site.start("manage-users", **asked))
    assert dry["state_type"] == "COMPLETED" and held(site, "users", "username", "alice") is None
    real = site.ended(site.start("manage-users", **asked, dry_run=False))
    assert real["state_type"] == "COMPLETED", real["state"]["message"]
    secrets = [PASSWORD, held(site, "users", "username", "alice")["password"]]
    everything = [
        site.prefect.api(f"{what}/filter", {"limit": 200}) for what in ("flow_runs", "task_runs", "logs", "artifacts")
    ]
    assert leaks_in_text(secrets, json.dumps(everything)) == []
    assert leaks_in_files(secrets, site.warehouse.parent, site.prefect.home) == []


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("manage_users", {"username": "alice", "password_from": "typed-in-the-clear"}),
        ("manage_users", {"username": "alice", "username_type": "shoe"}),
        ("grant_access", {"username": "isv", "room_ids": [1420922162969059328]}),
        ("grant_access", {"username": "isv", "room_ids": []}),
        ("grant_access", {"username": "isv", "country_code": "China"}),
        ("grant_access", {"nick_name": "Nobody"}),
        ("manage_device_persons", {"device_id": "d", "person_id": "p", "action": "promote"}),
        ("manage_device_persons", {"device_id": "d", "person_id": 1420922162969059328}),
        ("set_device_functions", {"device_id": "d", "function_codes": []}),
        ("send_command", {"device_id": "d", "action": "dance"}),
        ("send_command", {"device_id": "d", "action": "open_door", "arguments": {"secret_key": "typed-in-the-clear"}}),
        (
            "send_command",
            {
                "device_id": "d",
                "action": "add_door_persons",
                "arguments": {"person_list": [{"secret_key": "typed-in-the-clear"}]},
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
    assert leaks_in_files(["typed-in-the-clear"], site.prefect.home) == []


def test_a_refused_write_is_red_and_says_which_and_why(site: Site) -> None:
    asked = {"username": "isv", "project_id": "999", "room_ids": ["1420922162969059328"], "dry_run": False}
    run = site.ended(site.start("grant-access", **asked))
    assert run["state_type"] == "FAILED"
    assert "1 of 2 are not done" in run["state"]["message"] and "project 999" in run["state"]["message"]


def door_of(site: Site) -> Any:
    return next(each for each in site.sandbox.lines("truth/devices") if each["product_type"] == "wf_znmj")


def of_device(site: Site, name: str) -> tuple[dict[str, Any], str]:
    """What one of the flows for devices is asked, and what of the sandbox it changes."""
    door = door_of(site)
    device_id = door["device_id"]
    visual = {"product_key": door["product_id"], "device_name": door["visual_name"]}
    return {
        "manage_device_persons": ({"device_id": device_id, "person_id": "ay1"}, "persons"),
        "set_device_functions": ({"device_id": device_id, "function_codes": door["function_pool"][:1]}, "functions"),
        "send_command": ({"device_id": device_id, "action": "open_door", "person_id": "ay1"}, "sent"),
        "issue_visual_tokens": ({"devices": [visual]}, "visual_tokens"),
    }[name]


@pytest.mark.parametrize(
    "name", ["manage_device_persons", "set_device_functions", "send_command", "issue_visual_tokens"]
)
def test_a_device_is_written_to_dry_and_then_real(site: Site, name: str) -> None:
    asked, changed = of_device(site, name)
    before = site.sandbox.control("access")[changed]
    dry = site.ended(site.start(name.replace("_", "-"), **asked))
    assert dry["state_type"] == "COMPLETED", dry["state"]["message"]
    assert site.sandbox.control("access")[changed] == before
    key = f"{name.replace('_', '-')}-demo-writes"
    assert [row["outcome"] for row in json.loads(site.prefect.newest_artifact(key)["data"])] == ["would be done"]
    real = site.ended(site.start(name.replace("_", "-"), **asked, dry_run=False))
    assert real["state_type"] == "COMPLETED", real["state"]["message"]
    assert [row["outcome"] for row in json.loads(site.prefect.newest_artifact(key)["data"])] == ["done"]
    after = site.sandbox.control("access")[changed]
    assert len(after) == len(before) + 1
