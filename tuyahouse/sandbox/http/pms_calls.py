"""Calls of the production system (docs/tuya.md, PMS): login, flow steps, craft lines, pass counts, device origins."""

import base64
import binascii

import msgspec
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tuyahouse.sandbox.factory.factory import Step, WorkOrder
from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.world.faults import SPARED_BY_LOGINS
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World


def get_login_token(world: World, call: Call) -> bytes:
    username = call.text("username")
    if username != world.options.pms_username:
        raise Refusal("THE_USER_NOT_EXISTED")
    der = world.login_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    token = world.tokens.login_token(username, world.now_ms())
    return msgspec.json.encode({"publicKey": base64.b64encode(der).decode(), "token": token})


def login(world: World, call: Call) -> bytes:
    username, password, token = call.text("username"), call.text("password"), call.text("token")
    world.tokens.take_login_token(token, username, world.now_ms())
    if _decrypted(world, password) != world.options.pms_password.encode():
        raise Refusal("THE_PASSWORD_ERROR")
    pair = world.tokens.login(world.now_ms())
    return msgspec.json.encode({"accessToken": pair.access, "refreshToken": pair.refresh})


def _decrypted(world: World, password: str) -> bytes:
    try:
        return world.login_key.decrypt(base64.b64decode(password, validate=True), padding.PKCS1v15())
    except (ValueError, binascii.Error):
        raise Refusal("THE_PASSWORD_ERROR") from None


def flow_steps(world: World, call: Call) -> bytes:
    """A bare list; for a unit that the factory does not know it is empty, or an error by ``unknown_sn``."""
    sn = call.text("sn")
    if world.factory.order_of(sn) is None:
        if world.options.unknown_sn == "error":
            raise Refusal("THE_SN_NOT_EXISTED")
        return b"[]"
    passages = world.factory.passages(sn, world.options.day)
    return f"[{','.join([_step(world, order, sn, step) for order, steps in passages for step in steps])}]".encode()


def _step(world: World, order: WorkOrder, sn: str, step: Step) -> str:
    node, options = order.craft_line.nodes[step.node], world.options
    time = f'"{step.time_ms}"' if options.time_as == "text" else str(step.time_ms)
    request = f'"requestId":"{request_id(step)}",' if order.sends_request_id else ""
    extra = f'"operatorNo":"{step.time_ms % 40:03d}",' if options.extra_fields else ""
    return (
        f'{{"craftLineCode":"{order.craft_line.code}",{extra}"node":"{node.code}","nodeDesc":"{node.description}",'
        f'"orderCode":"{order.code}",{request}"sn":"{sn}","status":{"true" if step.passed else "false"},"time":{time}}}'
    )


def request_id(step: Step) -> str:
    return f"r{step.time_ms:x}{step.node}"


def craft_line_post(world: World, call: Call) -> bytes:
    if world.options.craft_line_verb == "none":
        raise Refusal("1106")
    if world.options.craft_line_verb == "get":
        raise Refusal("1108")
    return _craft_line(world, call)


def craft_line_get(world: World, call: Call) -> bytes:
    if world.options.craft_line_verb in ("post", "none"):
        raise Refusal("1108")
    return _craft_line(world, call)


def _craft_line(world: World, call: Call) -> bytes:
    order = _order(world, call.parts["orderCode"])
    line = order.craft_line
    nodes = [
        {"sort": sort, "code": node.code, "programs": node.programs, "desc": node.description}
        for sort, node in enumerate(line.nodes, 1)
    ]
    shown = {"code": line.code, "name": line.name, "type": line.type, world.options.craft_line_key: nodes}
    return msgspec.json.encode(shown)


def _order(world: World, code: str) -> WorkOrder:
    order = world.factory.order(code)
    if order is None:
        raise Refusal("production_order_not_existed")
    return order


def pass_amount(world: World, call: Call) -> bytes:
    order, station = _order(world, call.text("orderCode")), call.text("stationCode")
    counts = world.pass_counts(order)
    index = next((i for i, node in enumerate(order.craft_line.nodes) if node.code == station), None)
    return str(counts[index] if index is not None else 0).encode()


def device_sn(world: World, call: Call) -> bytes:
    sn = world.serial_number_of(call.text("gwId"))
    if sn is None:
        raise Refusal("NO_DATA_PERMISSION")
    return msgspec.json.encode(sn)


def device_sns(world: World, call: Call) -> bytes:
    """Serial numbers of the known ids, in no promised order and without saying which is whose."""
    ids = call.json.get("gwIds")
    if not isinstance(ids, list) or not ids:
        raise Refusal("THE_BLANK_PARAM", "the param gwIds is blank")
    found = [world.serial_number_of(str(item)) for item in ids]
    return msgspec.json.encode(sorted(sn for sn in found if sn))


CRAFT_LINE = "/v2.0/pms/production/craftline/get/{orderCode}"
ENDPOINTS = [
    Endpoint("POST", "/v2.0/pms/production/login/token/get", "platform", get_login_token, spared=SPARED_BY_LOGINS),
    Endpoint("POST", "/v2.0/pms/production/user/login", "platform", login, spared=SPARED_BY_LOGINS),
    Endpoint("POST", "/v1.0/pms/station/sn/flows/get", "pms", flow_steps, "sn"),
    Endpoint("POST", CRAFT_LINE, "pms", craft_line_post, "orderCode"),
    Endpoint("GET", CRAFT_LINE, "pms", craft_line_get, "orderCode"),
    Endpoint("POST", "/v1.0/pms/production/station/pass/amount", "pms", pass_amount, "orderCode"),
    Endpoint("POST", "/v1.0/pms/production/device/sn/get", "pms", device_sn, "gwId"),
    Endpoint("POST", "/v1.0/pms/production/device/sn/list/get", "pms", device_sns),
]
