"""The device list, details, functions, factory infos and command records (docs/tuya.md, Industry devices)."""

from typing import Any

import msgspec

from tuyahouse.sandbox.days import instant_ms
from tuyahouse.sandbox.field.commands import TEXTS
from tuyahouse.sandbox.field.devices import Device
from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.seeded_random import fraction
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World

SPELLINGS = {
    "snake": ("project_id", "page_no", "page_size", "product_type"),
    "camel": ("projectId", "pageNo", "pageSize", "productType"),
    "dotted": ("request.project_id", "request.page_no", "request.page_size", "request.product_type"),
}
DEFAULT_PAGE_SIZE = 10
DETAIL_LACKS = ("product_name", "supplier_name", "task_id")
_encode = msgspec.json.Encoder().encode


def device_list(world: World, call: Call) -> bytes:
    """A page of the list; the option ``shift`` moves rows between two pages."""
    options, at_ms = world.options, instant_ms(world.options.day)
    project, page_no, page_size, product_type = _asked(world, call)
    rows = _rows(world, project, product_type, at_ms)
    given = min(page_size, options.page_size_cap) if options.page_size_cap else page_size
    start = max(page_no - options.first_page, 0) * given
    shown = [
        _listed(world, world.field.devices[i], project, at_ms) for i in _window(world, rows, project, start, given)
    ]
    echo = given if options.page_echo == "given" else page_size
    return _encode({"list": shown, "total": len(rows) + options.total_error, "page_no": page_no, "page_size": echo})


def _asked(world: World, call: Call) -> tuple[str, int, int, str]:
    options = world.options
    names = SPELLINGS[options.device_query]
    project, page_no, page_size, product_type = (call.query.get(name, "") for name in names)
    if options.other_spelling == "refuse" and not (project and page_no and page_size):
        missing = next(name for name in names if not call.query.get(name))
        raise Refusal("1109", f"param is illegal, please check it: {missing} is missing")
    try:
        return project, int(page_no or options.first_page), max(1, int(page_size or DEFAULT_PAGE_SIZE)), product_type
    except ValueError:
        raise Refusal("1109") from None


def _rows(world: World, project: str, product_type: str, at_ms: int) -> list[int]:
    field = world.field
    if project and project not in field.projects:
        if world.options.unknown_project == "error":
            raise Refusal("1106")
        return []
    rows = [i for name in ([project] if project else field.projects) for i in field.listed(name, at_ms)]
    return [i for i in rows if field.devices[i].product.type == product_type] if product_type else rows


def _window(world: World, rows: list[int], project: str, start: int, size: int) -> list[int]:
    """Rows of a page. Afterwards the list may shift by one row, which is then missing or double on the next page."""
    if not rows or start >= len(rows):
        return []
    turned = world.turns.get(project, 0)
    page = [rows[(place + turned) % len(rows)] for place in range(start, min(start + size, len(rows)))]
    world.pages += 1
    if world.options.shift and fraction(world.options.seed, "shift", world.pages) < world.options.shift:
        world.turns[project] = turned + 1
    return page


def _listed(world: World, device: Device, project: str, at_ms: int) -> dict[str, Any]:
    facts = world.field.facts(device, at_ms)
    facts["project_id"] = project or facts["project_id"]
    facts["active_status"], facts["online_status"] = str(int(facts.pop("active"))), str(int(facts.pop("online")))
    return _updated(facts) if world.options.device_rows == "updated" else facts


def _updated(facts: dict[str, Any]) -> dict[str, Any]:
    sent = {**facts, "task_id": f"{facts['task_id']}-2", "create_time": str(facts["create_time"]), "firmware": "2.0"}
    return dict(reversed(sent.items()))


def known_device(world: World, device_id: str) -> Device:
    """The device of that id if it is there now, else 2010."""
    return _known(world, device_id, instant_ms(world.options.day))


def _known(world: World, device_id: str, at_ms: int) -> Device:
    device = world.field.find(device_id)
    if device is None or device.device_id != device_id or not device.present(at_ms):
        raise Refusal("2010")
    return device


def device_detail(world: World, call: Call) -> bytes:
    """As in the list, without some names, and with states as numbers."""
    at_ms = instant_ms(world.options.day)
    facts = world.field.facts(_known(world, call.parts["device_id"], at_ms), at_ms)
    facts["active_status"], facts["online_status"] = int(facts.pop("active")), int(facts.pop("online"))
    return _encode({name: value for name, value in facts.items() if name not in DETAIL_LACKS})


def functions(world: World, call: Call) -> bytes:
    at_ms = instant_ms(world.options.day)
    device = _known(world, call.parts["device_id"], at_ms)
    return _shown(world.functions_of(device, at_ms))


def function_pool(world: World, call: Call) -> bytes:
    return _shown(list(known_device(world, call.parts["device_id"]).product.functions))


def _shown(functions: list[tuple[str, str]]) -> bytes:
    return _encode([{"function_code": code, "function_name": name} for code, name in functions])


def set_functions(world: World, call: Call) -> bytes:
    """Sets the data points in use; all must be in the device's pool."""
    device = known_device(world, call.parts["device_id"])
    codes = call.json.get("function_code_list")
    if not isinstance(codes, list) or not set(map(str, codes)) <= {code for code, _ in device.product.functions}:
        raise Refusal("1109")
    world.set_functions(device, [str(code) for code in codes])
    return b"true"


def factory_infos(world: World, call: Call) -> bytes:
    """The factory infos of up to 20 devices; unknown ones are left out."""
    ids = [each for each in call.query.get("device_ids", "").split(",") if each]
    if not 1 <= len(ids) <= 20:
        raise Refusal("1109", "param is illegal, please check it: device_ids")
    found = [device for each in ids if (device := world.field.find(each)) and device.device_id == each]
    return _encode([_factory_info(world, device) for device in found])


def _factory_info(world: World, device: Device) -> dict[str, str]:
    sn, mac = world.field.factory_info_sn(device) or "", world.field.mac(device).replace("-", "")
    return {"id": device.device_id, "uuid": device.uuid, "sn": sn, "mac": mac}


def command_record(world: World, call: Call) -> bytes:
    command = world.commands.find(call.parts["sn"])
    stage = command.record(instant_ms(world.options.day)) if command else None
    if command is None or stage is None:
        if world.options.unknown_command == "error":
            raise Refusal("1000")
        return b"{}"
    return _encode({
        "sn": command.sn,
        "device_id": world.field.devices[command.device].device_id,
        "process_status": stage.status,
        "message": TEXTS[stage.status],
        "happen_time": stage.happened_ms,
    })  # fmt: skip


DEVICE = "/v1.0/expand/devices/{device_id}"
ENDPOINTS = [
    Endpoint("GET", "/v1.0/expand/devices", "platform", device_list),
    Endpoint("GET", DEVICE, "platform", device_detail, "device_id"),
    Endpoint("GET", f"{DEVICE}/functions", "platform", functions, "device_id"),
    Endpoint("GET", f"{DEVICE}/function-pool", "platform", function_pool, "device_id"),
    Endpoint("PUT", f"{DEVICE}/functions", "platform", set_functions, "device_id"),
    Endpoint("GET", "/v1.0/iot-03/devices/factory-infos", "platform", factory_infos, "device_ids"),
    Endpoint("GET", "/v1.0/expand/cmds/{sn}", "platform", command_record, "sn"),
]
