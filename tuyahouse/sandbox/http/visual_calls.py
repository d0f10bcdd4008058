"""The login that answers one token a device (docs/tuya.md, "Visual tokens")."""

from typing import Any

import msgspec

from tuyahouse.sandbox.access.visual import visual_name
from tuyahouse.sandbox.field.devices import Device
from tuyahouse.sandbox.http.envelopes import VISUAL
from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World


def login(world: World, call: Call) -> bytes:
    """Rows in another order than asked; the option ``visual_unknown`` leaves unknown devices out, or refuses all."""
    options = world.options
    if (call.json.get("userName"), call.json.get("password")) != (options.visual_username, options.visual_password):
        raise Refusal("", "the user name or the password is wrong")
    asked = call.json.get("deviceList")
    if not isinstance(asked, list) or not asked or not all(isinstance(item, dict) for item in asked):
        raise Refusal("", "deviceList must not be empty")
    devices = [world.access.visual.find(str(item.get("productKey")), str(item.get("deviceName"))) for item in asked]
    if None in devices and options.visual_unknown == "refused":
        raise Refusal("", "a device does not exist")
    rows = [_row(world, device) for device in reversed(devices) if device]
    return msgspec.json.encode({"deviceVisualTokenList": rows})


def _row(world: World, device: Device) -> dict[str, Any]:
    options = world.options
    token = world.access.visual.issue(device, options.visual_tokens, world.now_ms(), options.visual_seconds)
    expire = options.visual_seconds * (1000 if options.visual_expire == "milliseconds" else 1)
    return {
        "productKey": device.product.id,
        "deviceName": visual_name(device),
        "visualToken": token,
        "expire": int(expire),
    }


ENDPOINTS = [
    Endpoint("POST", "/v1.0/openapi/visual/d/user/login", "platform", login, "userName", envelope=VISUAL),
]
