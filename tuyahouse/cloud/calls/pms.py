"""Tuya's production system: flow steps, craft lines and pass counts (docs/tuya.md, "PMS").

The documented shape is decoded straight into structs. Anything else (times as text, numbers for ids, new fields) is
read more slowly and tolerantly, number by number from the bytes: a number of 19 digits never becomes a float.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.exact_json import as_text, as_value, items, members
from tuyahouse.cloud.clock import milliseconds
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, UnusableAnswer

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

SN_FLOWS = Endpoint("POST", "/v1.0/pms/station/sn/flows/get", "pms")
CRAFT_LINE = Endpoint("POST", "/v2.0/pms/production/craftline/get/{order_code}", "pms")
CRAFT_LINE_BY_GET = Endpoint("GET", "/v2.0/pms/production/craftline/get/{order_code}", "pms")
PASS_AMOUNT = Endpoint("POST", "/v1.0/pms/production/station/pass/amount", "pms")

Milliseconds = Annotated[int, msgspec.Meta(ge=1_000_000_000_000, lt=10_000_000_000_000)]


class FlowStep(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One process step of one unit. ``time_ms`` is in Unix milliseconds; ``extra`` holds undocumented fields."""

    node: Annotated[str, msgspec.Meta(min_length=1)]
    time_ms: Milliseconds = msgspec.field(name="time")
    sn: str | None = None
    order_code: str | None = msgspec.field(default=None, name="orderCode")
    craft_line_code: str | None = msgspec.field(default=None, name="craftLineCode")
    node_desc: str | None = msgspec.field(default=None, name="nodeDesc")
    request_id: str | None = msgspec.field(default=None, name="requestId")
    status: bool | None = None
    extra: dict[str, Any] | None = msgspec.field(default=None, name="(not sent)")


class CraftLineNode(msgspec.Struct, forbid_unknown_fields=True):
    """One station of a craft line; ``sort`` is its place, ``programs`` its test programs separated by commas."""

    code: str
    sort: int | None = None
    programs: str | None = None
    desc: str | None = None
    extra: dict[str, Any] | None = None


class CraftLine(msgspec.Struct):
    """The stations that the units of a work order pass, in the factory's order."""

    code: str | None
    name: str | None
    type: str | None
    nodes: list[CraftLineNode]
    extra: dict[str, Any] | None = None

    @property
    def last_node(self) -> str | None:
        """The node with the highest place: a unit that passed it is finished."""
        placed = [(node.sort, node.code) for node in self.nodes if node.sort is not None]
        return max(placed)[1] if placed else None


_decode_steps = msgspec.json.Decoder(list[FlowStep]).decode


def decode_flow_steps(result: bytes | msgspec.Raw) -> list[FlowStep]:
    """The steps of one unit in the order sent; an empty list for null.

    Raises:
        UnusableAnswer: it is not a list of objects, or a step without node or time.
    """
    try:
        return json_text.read(_decode_steps, result)
    except msgspec.MsgspecError:
        pass
    try:
        return [_step(members(item)) for item in items(result)]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnusableAnswer(f"The flow steps have another shape than documented: {error}", bytes(result)) from None


_STEP_NAMES = {
    "sn": "sn",
    "order_code": "orderCode",
    "craft_line_code": "craftLineCode",
    "node_desc": "nodeDesc",
    "request_id": "requestId",
}


def _step(sent: dict[str, msgspec.Raw]) -> FlowStep:
    node, time_ms, status = as_text(sent.pop("node", None)), _time_ms(sent.pop("time", None)), sent.pop("status", None)
    if not node:
        raise ValueError("a step has no node")
    texts = {field: as_text(sent.pop(name, None)) for field, name in _STEP_NAMES.items()}
    return FlowStep(node, time_ms, **texts, status=_flag(status), extra=_extra(sent))


def _time_ms(value: msgspec.Raw | None) -> int:
    sent = as_text(value)
    try:
        time_ms = milliseconds(int(sent or ""))
    except ValueError:
        time_ms = 0
    if not 0 < time_ms < 10_000_000_000_000:
        raise ValueError("a step has no time" if sent is None else f"{sent!r} is not the time of a step")
    return time_ms


_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": None}


def _flag(value: msgspec.Raw | None) -> bool | None:
    sent = as_text(value)
    try:
        return None if sent is None else _FLAGS[sent.strip().lower()]
    except KeyError:
        raise ValueError(f"{sent!r} is not a status") from None


def _extra(left: dict[str, msgspec.Raw]) -> dict[str, Any] | None:
    return {name: as_value(value) for name, value in left.items()} or None


def decode_craft_line(result: bytes | msgspec.Raw) -> CraftLine:
    """A craft line with its nodes; ``nodeList`` and ``node_list`` are both read: Tuya's page and sample differ.

    Raises:
        UnusableAnswer: it is not an object, its nodes are not a list, or a node has no code.
    """
    try:
        sent = members(result)
        nodes = [sent.pop(name) for name in ("nodeList", "node_list") if name in sent]
        code, name, kind = (as_text(sent.pop(key, None)) for key in ("code", "name", "type"))
        return CraftLine(
            code, name, kind, [_node(members(node)) for node in items(nodes[0])] if nodes else [], _extra(sent)
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnusableAnswer(f"The craft line has another shape than documented: {error}", bytes(result)) from None


def _node(sent: dict[str, msgspec.Raw]) -> CraftLineNode:
    code, sort = as_text(sent.pop("code", None)), as_text(sent.pop("sort", None))
    if not code:
        raise ValueError("a node has no code")
    programs, desc = as_text(sent.pop("programs", None)), as_text(sent.pop("desc", None))
    return CraftLineNode(code, int(sort) if sort else None, programs, desc, _extra(sent))


async def get_craft_line(
    client: "TuyaClient", order_code: str, on_start: Callable[[], None] | None = None
) -> tuple[CraftLine, bytes]:
    """The craft line of a work order, and the body of the answer as sent.

    One of Tuya's pages says POST, another does not name the method: POST is tried first, then GET. The client
    remembers which of them worked. ``on_start`` is that of :meth:`tuyahouse.cloud.client.TuyaClient.call`.

    Raises:
        NotFound: Tuya does not know the work order.
        TuyaError: see :meth:`tuyahouse.cloud.client.TuyaClient.call`.
    """
    path = {"order_code": order_code}
    verb = client.verbs.get(CRAFT_LINE.path, CRAFT_LINE)
    try:
        answer = await client.call(verb, path=path, on_start=on_start)
    except (ConfigurationWrong, ItemRefused) as error:
        if verb is not CRAFT_LINE or error.code not in _NOT_BY_POST:
            raise
        answer = await client.call(CRAFT_LINE_BY_GET, path=path, on_start=on_start)
        client.verbs[CRAFT_LINE.path] = CRAFT_LINE_BY_GET
    return decode_craft_line(answer.result), answer.body


_NOT_BY_POST = frozenset({"HTTP 404", "HTTP 405", "HTTP 501", "1108", "1105", "1006"})


async def get_pass_amount(
    client: "TuyaClient", order_code: str, station_code: str, on_start: Callable[[], None] | None = None
) -> int:
    """How many units of a work order passed a station; ``on_start`` is that of the client's ``call``.

    Raises:
        UnusableAnswer: it is not a whole number.
        TuyaError: see :meth:`tuyahouse.cloud.client.TuyaClient.call`.
    """
    body = {"orderCode": order_code, "stationCode": station_code}
    answer = await client.call(PASS_AMOUNT, body=body, on_start=on_start)
    try:
        return int(as_text(answer.result) or 0)
    except ValueError:
        raise UnusableAnswer("The pass count is not a whole number", answer.body, endpoint=PASS_AMOUNT.name) from None
