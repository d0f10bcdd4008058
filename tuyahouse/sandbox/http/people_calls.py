"""Users of an app and persons on a device (docs/tuya.md, "Users and their rights")."""

import re
from typing import Any

import msgspec

from tuyahouse.sandbox.http.device_calls import known_device
from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World

BLANK = "1100"
USERNAME_TYPES = (1, 2, 3)
_MD5 = re.compile(r"[0-9a-f]{32}")


def put_user(world: World, call: Call) -> bytes:
    """Creates a user or updates the one there is."""
    if call.parts["schema"] != world.options.app_schema:
        raise Refusal("2017", "the schema does not exist")
    fields = {name: call.text(name, BLANK) for name in ("country_code", "username", "password")}
    if not _MD5.fullmatch(fields["password"]):
        raise Refusal("2401", "the password is no MD5")
    kind = call.json.get("username_type", 3)
    if type(kind) is not int or kind not in USERNAME_TYPES:
        raise Refusal("1109", "param is illegal, please check it: username_type")
    optional: dict[str, Any] = {name: call.json[name] for name in ("nick_name", "time_zone_id") if name in call.json}
    if not all(isinstance(value, str) for value in optional.values()):
        raise Refusal("1109")
    user = {**fields, **optional, "schema": call.parts["schema"], "username_type": kind}
    uid = world.access.users.put(user, world.now_ms()).uid
    return msgspec.json.encode({"uid": uid})


def add_person(world: World, call: Call) -> bytes:
    device_id, person_id = _named(world, call)
    if world.options.person_twice == "refused" and world.access.persons.has(device_id, person_id):
        raise Refusal("THE_PERSON_EXISTED")
    world.access.persons.add(device_id, person_id)
    return _pair(device_id, person_id)


def remove_person(world: World, call: Call) -> bytes:
    device_id, person_id = _named(world, call)
    if world.options.person_twice == "refused" and not world.access.persons.has(device_id, person_id):
        raise Refusal("1000")
    world.access.persons.remove(device_id, person_id)
    return _pair(device_id, person_id)


def _named(world: World, call: Call) -> tuple[str, str]:
    return known_device(world, call.parts["device_id"]).device_id, call.parts["person_id"]


def _pair(device_id: str, person_id: str) -> bytes:
    shown: dict[str, Any] = {"person_id": person_id, "device_id": device_id}
    return msgspec.json.encode(shown)


PERSON = "/v1.0/expand/spaces/{device_id}/persons/{person_id}"
ENDPOINTS = [
    Endpoint("POST", "/v1.0/apps/{schema}/user", "platform", put_user, "username"),
    Endpoint("POST", PERSON, "platform", add_person, "device_id"),
    Endpoint("DELETE", PERSON, "platform", remove_person, "device_id"),
]
