"""The five formats of the v1.0 family: their data is JSON inside a text, for unbindings twice."""

from collections.abc import Callable
from datetime import datetime

from tuyahouse.messages.formats.commands import COMMAND, observation
from tuyahouse.messages.formats.facts import UNKNOWN, Binding, Event, Presence
from tuyahouse.messages.formats.fields import Json, first_time, unexpected
from tuyahouse.messages.formats.notation import key_text, nested, text

_TOP = frozenset(("bizCode", "eventType", "data"))
_STATUS = frozenset(("deviceId", "status", "happenTime"))
_UNBIND = frozenset(("deviceId",))
_OWN_COLUMN = ("deviceId", "cid", "gatewayId", "projectId", "uid", "deviceName", "productType", "productId")
_IN_EXTRA = (
    "deviceIp",
    "macAddress",
    "supplierCode",
    "installLocation",
    "extendData",
    "activeStatus",
    "onlineStatus",
    "createTime",
)
_ACTIVATE = frozenset(_OWN_COLUMN + _IN_EXTRA)


def v1_event(message: Json, pushed_at: datetime | None) -> Event:
    """A message whose bizCode is ``edge_device``; the envelope's time is the only one of some of its formats."""
    kind = message.get("eventType")
    reader = _EVENT_TYPES.get(kind) if isinstance(kind, str) else None
    if reader is None:
        return Event(UNKNOWN)
    return reader(message, nested(message.get("data"), "data"), pushed_at)


def _activate_device(message: Json, data: Json, pushed_at: datetime | None) -> Event:
    undocumented, drift = unexpected(data, _ACTIVATE, message, _TOP)
    extra = {name: data[name] for name in _IN_EXTRA if data.get(name) not in (None, "")}
    fact = Binding(
        device_id=key_text(data.get("deviceId"), "deviceId"),
        event="bound",
        happened_at=first_time("t", pushed_at),
        uid=text(data.get("uid")),
        project_id=text(data.get("projectId")),
        gateway_id=text(data.get("gatewayId")),
        cid=text(data.get("cid")),
        device_name=text(data.get("deviceName")),
        product_type=text(data.get("productType")),
        product_id=text(data.get("productId")),
        extra={**extra, **(undocumented or {})} or None,
    )
    return Event("activate_device", (fact,), drift)


def _command(message: Json, data: Json, pushed_at: datetime | None) -> Event:
    extra, drift = unexpected(data, COMMAND, message, _TOP)
    happened_at = first_time("happenTime", pushed_at, data.get("happenTime"))
    return Event("cmd_issue_result", (observation(data, text(data.get("deviceId")), happened_at, extra),), drift)


def _presence(message: Json, data: Json, pushed_at: datetime | None) -> Event:
    status = data.get("status")
    if status not in (0, 1, "0", "1"):
        return Event(UNKNOWN)
    extra, drift = unexpected(data, _STATUS, message, _TOP)
    happened_at = first_time("happenTime", pushed_at, data.get("happenTime"))
    fact = Presence(key_text(data.get("deviceId"), "deviceId"), happened_at, status in (1, "1"), None, extra)
    return Event("dev_online_status", (fact,), drift)


def _report(message: Json, data: Json, pushed_at: datetime | None) -> Event:
    mode = data.get("mode")
    event = UNBIND_MODES.get(mode) if isinstance(mode, str) else None
    if event is None:
        return Event(UNKNOWN)
    inner = nested(data.get("data"), "data.data")
    extra, drift = unexpected(inner, _UNBIND, message, _TOP)
    device_id = key_text(inner.get("deviceId"), "deviceId")
    fact = Binding(device_id=device_id, event=event, happened_at=first_time("t", pushed_at), extra=extra)
    return Event(str(mode), (fact,), drift)


UNBIND_MODES = {"device-unbind": "unbound", "gateway-unbind": "gateway_unbound"}

_EVENT_TYPES: dict[str, Callable[[Json, Json, datetime | None], Event]] = {
    "activate_device": _activate_device,
    "cmd_issue_result": _command,
    "dev_online_status": _presence,
    "edge_report_data": _report,
}
