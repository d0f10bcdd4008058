"""Calls that give third parties access (accounts, users, persons, data points, visual tokens) change the sandbox."""

import base64
import json
from hashlib import md5
from typing import Any

import pytest

from tests.sandbox.callers import InProcessCaller
from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

ADMIN, TICKET = "/v1.0/industry/auth/admin", "/v1.0/industry/auth/ticket"
PERMISSION, ACCOUNTS = "/v1.0/illumination/account/permission/add", "/v1.0/illumination/account/list"
VISUAL = "/v1.0/openapi/visual/d/user/login"
LOGIN = {"userName": "visual-operator", "password": "visual-day-and-night"}


def cloud(**options: Any) -> InProcessCaller:
    asking = InProcessCaller(World(Options(**options)))
    asking.grant()
    return asking


def ask(asking: InProcessCaller, method: str, target: str, body: Any = None) -> Any:
    return asking.ask(method, target, body, asking.platform)


def device_of(asking: InProcessCaller) -> Any:
    return next(truth.devices(asking.world, 0))


# ------------------------------------------------------------------------------------------------------- authorization


def test_an_account_is_authorized_permitted_and_given_a_ticket() -> None:
    asking = cloud()
    project, rooms = next(iter(asking.world.access.accounts.rooms.items()))
    admin = ask(asking, "POST", ADMIN, {"username": "isv", "nickName": "Integrator"})
    assert (admin["success"], type(admin["result"])) == ("true", str)
    body = {"projectId": project, "tuyaUid": admin["result"], "roomIdList": rooms[:2]}
    assert ask(asking, "POST", PERMISSION, body)["result"] is True
    ticket = ask(asking, "POST", TICKET, {"username": "isv"})["result"]
    held = next(a for a in asking.world.access.shown()["accounts"] if a["uid"] == admin["result"])
    assert (held["loginName"], held["nickName"], held["countryCode"]) == ("isv", "Integrator", "86")
    assert held["permissions"] == {project: rooms[:2]}
    assert asking.world.access.accounts.tickets == {ticket: admin["result"]}


def test_the_same_name_is_the_same_account_and_another_country_another_one() -> None:
    asking = cloud()
    uids = [ask(asking, "POST", ADMIN, {"username": "isv", **more})["result"] for more in ({}, {"countryCode": "86"})]
    other = ask(asking, "POST", ADMIN, {"username": "isv", "countryCode": "49"})["result"]
    assert uids[0] == uids[1] != other


def test_refusals_of_this_family_have_a_capital_code() -> None:
    asking = cloud()
    refused = ask(asking, "POST", TICKET, {"username": "nobody"})
    assert (refused["Code"], refused["success"], "code" in refused) == (2006, "false", False)


def test_the_envelope_may_be_the_usual_one_and_texts_stand_inside_objects_as_set() -> None:
    asking = cloud(authorization_answers="plain", strings_as="object")
    admin = ask(asking, "POST", ADMIN, {"username": "isv"})
    assert admin["success"] is True and set(admin["result"]) == {"uid"}
    assert ask(asking, "POST", TICKET, {"username": "nobody"})["code"] == 2006


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"roomIdList": [1420922162969059328]}, 1109),
        ({"roomIdList": []}, 1109),
        ({"roomIdList": ["1420922162969059999"]}, 40001900),
        ({"projectId": "999"}, 1109),
        ({"tuyaUid": "nobody"}, 2006),
        ({"tuyaUid": ""}, 1100),
    ],
)
def test_a_permission_that_does_not_fit_is_refused_and_changes_nothing(change: dict[str, Any], code: int) -> None:
    asking = cloud()
    accounts = asking.world.access.accounts
    project, rooms = next(iter(accounts.rooms.items()))
    body = {"projectId": project, "tuyaUid": accounts.all()[0].uid, "roomIdList": rooms, **change}
    assert ask(asking, "POST", PERMISSION, body)["Code"] == code
    assert [account.permissions for account in accounts.all() if account.permissions] == []


def test_the_list_is_bare_and_pages_through_all_accounts() -> None:
    asking = cloud(authorized_accounts=23)
    pages = [ask(asking, "GET", f"{ACCOUNTS}?page={number}&pageSize=10") for number in (1, 2, 3, 4)]
    assert all(set(page) == {"total", "list"} and page["total"] == 23 for page in pages)
    assert [len(page["list"]) for page in pages] == [10, 10, 3, 0]
    assert len({row["uid"] for page in pages for row in page["list"]}) == 23


def test_the_list_may_be_wrapped_with_its_total_as_text() -> None:
    asking = cloud(account_list="wrapped", totals_as="text")
    assert ask(asking, "GET", ACCOUNTS)["result"]["total"] == "25"


def test_the_list_finds_names_that_contain_what_is_asked() -> None:
    asking = cloud()
    for name in ("isv", "isv-2"):
        ask(asking, "POST", ADMIN, {"username": name})
    found = ask(asking, "GET", f"{ACCOUNTS}?loginName=isv")
    assert [row["loginName"] for row in found["list"]] == ["isv", "isv-2"]


def test_a_list_that_reads_its_body_refuses_or_ignores_a_query() -> None:
    asking = cloud(account_query="body", authorized_accounts=23)
    assert ask(asking, "GET", f"{ACCOUNTS}?page=2&pageSize=5")["Code"] == 1109
    assert len(ask(asking, "GET", ACCOUNTS, {"page": 5, "pageSize": 5})["list"]) == 3
    asking.world.change({"other_spelling": "ignore"})
    both = [ask(asking, "GET", f"{ACCOUNTS}?page={number}&pageSize=5")["list"] for number in (1, 2)]
    assert both[0] == both[1] and len(both[0]) == 10


def test_projects_and_their_rooms_are_listed() -> None:
    asking = cloud()
    projects = ask(asking, "GET", "/v1.0/illumination/construction/projects")["result"]
    project = projects[0]["projectId"]
    tree = ask(asking, "GET", f"/v2.0/illumination/construction/rooms/project/{project}")["result"]
    assert [room["roomId"] for room in tree[0]["children"]] == asking.world.access.accounts.rooms[project]


# ------------------------------------------------------------------------------------------------- users and persons


def user(**change: Any) -> dict[str, Any]:
    password = md5(b"secret-of-isv").hexdigest()
    return {"country_code": "86", "username": "isv", "password": password, "username_type": 3, **change}


def test_a_user_is_created_and_then_updated_under_the_same_uid() -> None:
    asking = cloud()
    uids = [
        ask(asking, "POST", "/v1.0/apps/sandboxapp/user", user(**more))["result"]["uid"]
        for more in ({"nick_name": "One"}, {"nick_name": "Two"})
    ]
    held = asking.world.access.users.shown()
    assert uids[0] == uids[1] and [(u["uid"], u["nick_name"]) for u in held] == [(uids[0], "Two")]
    assert held[0]["password"] == md5(b"secret-of-isv").hexdigest()


@pytest.mark.parametrize(
    ("schema", "change", "code"),
    [
        ("otherapp", {}, 2017),
        ("sandboxapp", {"password": "secret-of-isv"}, 2401),
        ("sandboxapp", {"username_type": "3"}, 1109),
        ("sandboxapp", {"username_type": 4}, 1109),
        ("sandboxapp", {"username": ""}, 1100),
    ],
)
def test_a_user_that_does_not_fit_is_refused(schema: str, change: dict[str, Any], code: int) -> None:
    asking = cloud()
    assert ask(asking, "POST", f"/v1.0/apps/{schema}/user", user(**change))["code"] == code
    assert asking.world.access.users.shown() == []


def test_a_person_is_added_to_a_device_and_removed() -> None:
    asking = cloud()
    device = device_of(asking)["device_id"]
    target = f"/v1.0/expand/spaces/{device}/persons/p1"
    assert ask(asking, "POST", target)["result"] == {"person_id": "p1", "device_id": device}
    ask(asking, "POST", target)
    assert asking.world.access.persons.shown() == {device: ["p1"]}
    assert ask(asking, "DELETE", target)["success"] is True
    assert asking.world.access.persons.shown() == {}
    assert ask(asking, "POST", "/v1.0/expand/spaces/nobody/persons/p1")["code"] == 2010


def test_adding_or_removing_a_person_twice_may_be_refused() -> None:
    asking = cloud(person_twice="refused")
    target = f"/v1.0/expand/spaces/{device_of(asking)['device_id']}/persons/p1"
    answers = [ask(asking, method, target).get("code") for method in ("DELETE", "POST", "POST", "DELETE", "DELETE")]
    assert answers == [1000, None, "THE_PERSON_EXISTED", None, 1000]


# ------------------------------------------------------------------------------------------------------ visual tokens


def named(asking: InProcessCaller, count: int) -> list[dict[str, str]]:
    devices = [*truth.devices(asking.world, 0)][:count]
    return [{"productKey": d["product_id"], "deviceName": d["visual_name"]} for d in devices]


def claims(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_visual_login_answers_a_token_for_each_known_device_in_another_order() -> None:
    asking = cloud()
    devices = named(asking, 3)
    asked = [*devices, {"productKey": "nothing", "deviceName": "nowhere"}]
    answer = ask(asking, "POST", VISUAL, {**LOGIN, "deviceList": asked})
    rows = answer["data"]["deviceVisualTokenList"]
    assert "result" not in answer and (answer["success"], answer["msg"]) == (True, None)
    assert [{k: row[k] for k in ("productKey", "deviceName")} for row in rows] == devices[::-1]
    held = asking.world.access.visual.issued
    assert [row["visualToken"] for row in rows] == [each["token"] for each in held]
    for row in rows:
        assert claims(row["visualToken"])["exp"] - claims(row["visualToken"])["iat"] == row["expire"] == 3600
    assert set(asking.world.access.secrets()) >= {row["visualToken"] for row in rows}


def test_a_visual_answer_may_have_capitals_milliseconds_result_and_tokens_that_are_no_jwt() -> None:
    asking = cloud(
        visual_spelling="capitalised", visual_payload="result", visual_expire="milliseconds", visual_tokens="opaque"
    )
    answer = ask(asking, "POST", VISUAL, {**LOGIN, "deviceList": named(asking, 1)})
    assert set(answer) == {"Success", "Msg", "T", "Result"}
    row = answer["Result"]["DeviceVisualTokenList"][0]
    assert (row["Expire"], row["VisualToken"].count(".")) == (3_600_000, 0)


def test_a_visual_login_that_does_not_fit_is_refused_without_a_code() -> None:
    asking = cloud(visual_unknown="refused")
    unknown = [{"productKey": "nothing", "deviceName": "nowhere"}]
    for body in (
        {**LOGIN, "password": "wrong", "deviceList": named(asking, 1)},
        LOGIN,
        {**LOGIN, "deviceList": unknown},
    ):
        answer = ask(asking, "POST", VISUAL, body)
        assert answer["success"] is False and answer["msg"] and "code" not in answer
    assert asking.world.access.visual.issued == []


# ------------------------------------------------------------------------------------------------------------- all


def test_every_call_needs_a_signature_and_a_token() -> None:
    asking = cloud()
    target = f"/v1.0/expand/spaces/{device_of(asking)['device_id']}/persons/p1"
    for method, path in (("POST", ADMIN), ("GET", ACCOUNTS), ("POST", target), ("POST", VISUAL)):
        unsigned = asking.ask(method, path, {}, asking.platform, secret="another-secret-00000000000000001")
        without = asking.ask(method, path, {})
        assert [answer.get("code", answer.get("Code")) for answer in (unsigned, without)] in (
            [1004, 1002],
            [None, None],
        )
        assert "uid" not in json.dumps([unsigned, without])
    assert asking.world.access.persons.shown() == {} and asking.world.log.refusals == {"1004": 4, "1002": 4}


def test_access_begins_anew_with_the_field() -> None:
    asking = cloud()
    device = device_of(asking)["device_id"]
    ask(asking, "POST", f"/v1.0/expand/spaces/{device}/persons/p1")
    ask(asking, "PUT", f"/v1.0/expand/devices/{device}/functions", {"function_code_list": []})
    asking.world.change({"seed": asking.world.options.seed})
    shown = asking.world.access.shown()
    assert (shown["persons"], shown["functions"]) == ({}, {})
