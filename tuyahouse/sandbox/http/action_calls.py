"""Commands to controllers: each answers with the number of its record (docs/tuya.md, Commands)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tuyahouse.sandbox.access.controllers import thing_of
from tuyahouse.sandbox.days import instant_ms
from tuyahouse.sandbox.field.devices import Device
from tuyahouse.sandbox.http.device_calls import known_device
from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World

MOST_CARS = 10
P = "/persons/{person_id}"
_encode = msgspec.json.encode


class Family(NamedTuple):
    """Commands of one kind of device. ``calls`` are (method, path below it, required fields)."""

    path: str
    product_type: str
    calls: tuple[tuple[str, str, tuple[str, ...]], ...]


def _each(methods: str, path: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple((method, path, ()) for method in methods.split())


DOORS = Family(
    "/v1.0/access-control/{device_id}",
    "wf_znmj",
    (
        *_each("POST PUT DELETE", P),
        *_each("POST DELETE", P + "/card/{card_no}"),
        *_each("POST DELETE", P + "/qrcodes/{qr_code}"),
        *_each("POST DELETE", P + "/faces/{face_id}"),
        *_each("POST", P + "/actions/open"),
    ),
)
LIFTS = Family(
    "/v1.0/elevator-control/{device_id}",
    "wf_dtkz",
    (
        *_each("POST PUT DELETE", P),
        *_each("POST DELETE", P + "/card/{card_no}"),
        *_each("POST DELETE", P + "/qrcodes/{qr_code}"),
        *_each("POST DELETE", P + "/faces/{face_id}"),
        *_each("POST", P + "/card/{card_no}/freeze"),
        *_each("POST", P + "/card/{card_no}/unfreeze"),
        *_each("POST", P + "/actions/call"),
    ),
)
PERIMETER = Family(
    "/v1.0/intrusion/{device_id}",
    "wf_wg",
    (
        ("POST", "/actions/chan-action", ("area_id", "armed")),
        ("POST", "/actions/by-pass", ("by_pass",)),
        ("POST", "/actions/group-silence", ()),
    ),
)
PARKING = Family(
    "/v1.0/parking-control/{device_id}",
    "wf_cddz",
    (
        *_each("POST PUT DELETE", "/pass-authorizations/{authorization_id}"),
        *_each("POST PUT DELETE", "/visitor-cars/{car_id}"),
        *_each("POST", "/visitor-cars/{car_id}/delay"),
        *_each("POST", "/special-cars"),
        *_each("PUT", "/gates/control"),
        *_each("POST", "/records/sync"),
    ),
)
OLDER_DOORS = Family(
    "/v1.0/iot-02/third/doors/{device_id}",
    "wf_znmj",
    (*_each("POST", P + "/actions/open"), *_each("POST", "/persons/actions/call")),
)


def _sends(family: Family, call: tuple[str, str, tuple[str, ...]]) -> Callable[[World, Call], bytes]:
    method, path, required = call

    def handler(world: World, call: Call) -> bytes:
        device = _device(world, call, family.product_type)
        for name in required:
            _field(world, call, name)
        _judge_cars(call)
        _put(world, device, method, path, call)
        return _encode({"sn": _send(world, device, f"{method} {family.path}{path}", call, call.json)})

    return handler


def _device(world: World, call: Call, product_type: str) -> Device:
    device = known_device(world, call.parts["device_id"])
    if device.product.type != product_type:
        raise Refusal("2003", "the device does not support this function")
    return device


def _field(world: World, call: Call, name: str) -> Any:
    """A required field in the spelling that the option ``action_fields`` names, or in either."""
    spellings = {"snake": (name,), "camel": (_camel(name),), "either": (name, _camel(name))}
    found = [call.json[each] for each in spellings[world.options.action_fields] if each in call.json]
    if not found:
        raise Refusal("1100", f"the param {name} is empty")
    return found[0]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _judge_cars(call: Call) -> None:
    if any(isinstance(value, list) and len(value) > MOST_CARS for value in call.json.values()):
        raise Refusal("1101", f"at most {MOST_CARS} at once")


def _put(world: World, device: Device, method: str, path: str, call: Call) -> None:
    """What the command leaves on the device: a person, card, code, face or car, or one less."""
    thing, controllers = thing_of(call.parts), world.access.controllers
    if thing is None or "/actions/" in path:
        return
    kind, name = thing
    if method == "DELETE":
        controllers.remove(device.device_id, kind, name)
        return
    last = path.rsplit("/", 1)[-1]
    frozen = {"frozen": last == "freeze"} if last in ("freeze", "unfreeze") else {}
    owner = {"person_id": call.parts["person_id"]} if kind != "person_id" and "person_id" in call.parts else {}
    controllers.put(device.device_id, kind, name, {**call.json, **owner, **frozen})


def _send(world: World, device: Device, name: str, call: Call, body: dict[str, Any]) -> str:
    """A new command record; its stages go on from here as the day moves on."""
    command = world.commands.send(device.number, instant_ms(world.options.day), world.options.sent_fate)
    world.access.controllers.note(command.sn, name, call.parts, body)
    return command.sn


def _many(method: str, path: str, field: str, kind: str) -> Callable[[World, Call], bytes]:
    """One command for each item of the list ``field``; the answer does not say which number is whose."""

    def handler(world: World, call: Call) -> bytes:
        device, items = _device(world, call, DOORS.product_type), call.json.get(field)
        if not isinstance(items, list) or not items:
            raise Refusal("1100", f"the param {field} is empty")
        numbers = []
        for item in items:
            facts = item if isinstance(item, dict) else {kind: item}
            name = str(facts.get(kind) or "")
            if not name:
                raise Refusal("1109", f"param is illegal, please check it: {field}")
            if method == "DELETE":
                world.access.controllers.remove(device.device_id, kind, name)
            else:
                world.access.controllers.put(device.device_id, kind, name, facts)
            numbers.append(_send(world, device, f"{method} {DOORS.path}{path}", call, facts))
        return _encode({"sn_list": sorted(numbers, reverse=True)})

    return handler


def open_older_door(world: World, call: Call) -> bytes:
    """Looks like the others and answers no number: the text true."""
    device = _device(world, call, DOORS.product_type)
    _send(world, device, call.path, call, call.json)
    return b'"true"'


def cars(world: World, call: Call) -> bytes:
    _device(world, call, PARKING.product_type)
    return b"[]"


def make_order(world: World, call: Call) -> bytes:
    _device(world, call, PARKING.product_type)
    orders = world.access.controllers.orders
    number = f"P{world.now_ms()}{len(orders):04d}"
    orders[number] = False
    return _encode({"order_number": number})


def pay(world: World, call: Call) -> bytes:
    orders, number = world.access.controllers.orders, call.parts["order_number"]
    _device(world, call, PARKING.product_type)
    if number not in orders:
        raise Refusal("1000")
    orders[number] = True
    return b"true"


def _endpoints() -> list[Endpoint]:
    return [
        Endpoint(call[0], family.path + call[1], "platform", _sends(family, call), "device_id")
        for family in (DOORS, LIFTS, PERIMETER, PARKING, OLDER_DOORS)
        for call in family.calls
    ]


OLD_OPEN = "/v1.0/iot-02/access-controls/devices/{device_id}/actions/open-door"
MANY = (
    ("POST", "/persons", "person_list", "person_id"),
    ("DELETE", "/persons", "person_id_list", "person_id"),
    ("POST", "/persons/qrcodes", "qrcode_list", "qr_code"),
)
ENDPOINTS = [  # plain names before those that could be the name of a person
    *(Endpoint(each[0], DOORS.path + each[1], "platform", _many(*each), "device_id") for each in MANY),
    *_endpoints(),
    Endpoint("POST", OLD_OPEN, "platform", open_older_door, "device_id"),
    Endpoint("GET", f"{PARKING.path}/cars/current", "platform", cars, "device_id"),
    Endpoint("POST", f"{PARKING.path}/orders/generate", "platform", make_order, "device_id"),
    Endpoint("POST", f"{PARKING.path}/fees/{{order_number}}/pay", "platform", pay, "device_id"),
]
