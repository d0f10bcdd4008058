"""Accounts of third parties: authorize, permit, ticket, list (docs/tuya.md, "Third-party authorization")."""

from typing import Any

import msgspec

from tuyahouse.sandbox.http.envelopes import ACCOUNT_LIST, AUTHORIZATION
from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World

DEFAULT_COUNTRY = "86"
DEFAULT_PAGE_SIZE = 10
BLANK = "1100"
_encode = msgspec.json.encode


def authorize(world: World, call: Call) -> bytes:
    """The uid of the account, as a bare text or inside an object."""
    username, nick_name = call.text("username", BLANK), call.json.get("nickName")
    if nick_name is not None and not isinstance(nick_name, str):
        raise Refusal("1109", "param is illegal, please check it: nickName")
    account = world.access.accounts.authorize(username, _country(call), nick_name, world.now_ms())
    return _text(world, account.uid, "uid")


def get_ticket(world: World, call: Call) -> bytes:
    username = call.text("username", BLANK)
    account = world.access.accounts.find(username, _country(call))
    if account is None:
        raise Refusal("2006", "the user is not authorized")
    return _text(world, world.access.accounts.ticket(account), "result")


def _country(call: Call) -> str:
    code = call.json.get("countryCode", DEFAULT_COUNTRY)
    if not isinstance(code, str) or not code.isdigit():
        raise Refusal("1109", "param is illegal, please check it: countryCode")
    return code


def _text(world: World, value: str, name: str) -> bytes:
    return _encode({name: value} if world.options.strings_as == "object" else value)


def add_permission(world: World, call: Call) -> bytes:
    accounts = world.access.accounts
    project, uid, rooms = call.text("projectId", BLANK), call.text("tuyaUid", BLANK), call.json.get("roomIdList")
    if not isinstance(rooms, list) or not rooms or not all(isinstance(room, str) for room in rooms):
        raise Refusal("1109", "param is illegal, please check it: roomIdList")
    if project not in accounts.rooms:
        raise Refusal("1109", "param is illegal, please check it: projectId")
    if not set(rooms) <= set(accounts.rooms[project]):
        raise Refusal("40001900", "No permissions. The space is not in this project.")
    if not accounts.permit(uid, project, rooms):
        raise Refusal("2006", "the user is not authorized")
    return b"true"


def account_list(world: World, call: Call) -> bytes:
    """A page of the accounts; only parameters in the place that the option ``account_query`` names count."""
    asked = _asked(world, call)
    accounts = world.access.accounts.listed(str(asked.get("loginName", "")), str(asked.get("nickName", "")))
    try:
        number, size = int(asked.get("page", 1)), int(asked.get("pageSize", DEFAULT_PAGE_SIZE))
    except (TypeError, ValueError):
        raise Refusal("1109", "param is illegal, please check it: page") from None
    size = max(1, min(size, world.options.page_size_cap or size))
    shown = accounts[max(number - 1, 0) * size :][:size]
    total = str(len(accounts)) if world.options.totals_as == "text" else len(accounts)
    items = [{**each.listed(), "page": number, "pageSize": size} for each in shown]
    return _encode({"total": total, "list": items})


def _asked(world: World, call: Call) -> dict[str, Any]:
    right, wrong = (
        (call.json, call.query) if world.options.account_query == "body" else (dict(call.query), dict(call.json))
    )
    if not right and wrong and world.options.other_spelling == "refuse":
        raise Refusal("1109", f"param is illegal, please check it: send a {world.options.account_query}")
    return dict(right)


def projects(world: World, call: Call) -> bytes:
    rooms = world.access.accounts.rooms
    return _encode([{"projectId": project, "name": f"Building {project[-1]}"} for project in rooms])


def rooms(world: World, call: Call) -> bytes:
    """The rooms of a project as a tree of one storey."""
    project = call.parts["project_id"]
    known = world.access.accounts.rooms.get(project)
    if known is None:
        raise Refusal("1109", "param is illegal, please check it: projectId")
    children = [{"roomId": room, "roomName": f"Room {number}"} for number, room in enumerate(known, 1)]
    return _encode([{"roomId": f"{known[0][:-3]}000", "roomName": "Ground floor", "children": children}])


ENDPOINTS = [
    Endpoint("POST", "/v1.0/industry/auth/admin", "platform", authorize, "username", envelope=AUTHORIZATION),
    Endpoint("POST", "/v1.0/industry/auth/ticket", "platform", get_ticket, "username", envelope=AUTHORIZATION),
    Endpoint(
        "POST",
        "/v1.0/illumination/account/permission/add",
        "platform",
        add_permission,
        "tuyaUid",
        envelope=AUTHORIZATION,
    ),
    Endpoint("GET", "/v1.0/illumination/account/list", "platform", account_list, "loginName", envelope=ACCOUNT_LIST),
    Endpoint("GET", "/v1.0/illumination/construction/projects", "platform", projects),
    Endpoint("GET", "/v2.0/illumination/construction/rooms/project/{project_id}", "platform", rooms, "project_id"),
]
