"""The six formats of the bizCode family: their data is an object, device events have no bizCode at all."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tuyahouse.messages.errors import UnreadableMessage
from tuyahouse.messages.formats.commands import COMMAND, observation
from tuyahouse.messages.formats.facts import DEVICE_EVENT, Binding, DeviceEvent, Event, Presence
from tuyahouse.messages.formats.fields import Json, first_time, unexpected
from tuyahouse.messages.formats.notation import key_text, moment, nested, text

_TOP = frozenset(("bizCode", "bizData", "devId", "productKey", "ts", "uuid"))
_REPORT = frozenset(("dataId", "devId", "productKey", "status"))
_REPORT_ITEM = frozenset(("code", "t", "value"))
_PRESENCE = frozenset(("uid", "time"))
_DELETE = frozenset(("devId", "uid", "ownerId"))
_BIND_USER = frozenset(
    ("devId", "uid", "parentDevId", "ownerId", "uuid", "deviceName", "productType", "cid", "projectId")
)


def device_report(message: Json, pushed_at: datetime | None) -> Event:
    """Values a device reported. Tuya's id of the report, else a fingerprint of the value, identifies a repetition."""
    items = message.get("status")
    if not isinstance(items, list):
        raise UnreadableMessage("wrong_shape", "status is not a list")
    device_id = key_text(message.get("devId"), "devId")
    product_id = text(message.get("productKey"))
    data_id = message.get("dataId")
    known_id = None if data_id in (None, "") else key_text(data_id, "dataId")
    top, drift = unexpected(message, _REPORT)
    facts = [_reported(item, device_id, product_id, known_id, top, pushed_at) for item in items]
    return Event(DEVICE_EVENT, tuple(facts if len(facts) < 2 else _apart(facts)), drift)


def _apart(facts: list[DeviceEvent]) -> list[DeviceEvent]:
    """A second value of the same code and time in one report is another event: a number follows the report's id."""
    by_key: dict[tuple[str, datetime, str], dict[str | None, int]] = {}
    for place, fact in enumerate(facts):
        values = by_key.setdefault((fact.code, fact.happened_at, fact.data_id), {})
        if number := values.setdefault(fact.value, len(values)):
            facts[place] = msgspec.structs.replace(fact, data_id=f"{fact.data_id}#{number + 1}")
    return facts


def _reported(
    item: Any, device_id: str, product_id: str | None, data_id: str | None, top: Json | None, pushed_at: datetime | None
) -> DeviceEvent:
    if not isinstance(item, dict):
        raise UnreadableMessage("wrong_shape", "an item of status is not an object")
    dp_id, extra = None, dict(top) if top else None
    for name, kept in item.items():
        if name in _REPORT_ITEM:
            continue
        if dp_id is None and name.isdigit() and name.isascii():
            dp_id = name
        else:
            extra = {**(extra or {}), name: kept}
    raw = item.get("value", item.get(dp_id) if dp_id else None)
    value = raw if type(raw) is str else text(raw)
    return DeviceEvent(
        device_id,
        key_text(item.get("code", dp_id), "code"),
        moment(t, "t") if (t := item.get("t")) else first_time("t", pushed_at),
        data_id or _fingerprint(value),
        value,
        dp_id,
        product_id,
        extra,
    )


def _fingerprint(value: str | None) -> str:
    return "value:" + hashlib.blake2b((value or "").encode(), digest_size=8).hexdigest()


def _bind_user(message: Json, biz_code: str, pushed_at: datetime | None) -> Event:
    data = _biz_data(message)
    extra, drift = unexpected(data, _BIND_USER, message, _TOP)
    fact = Binding(
        device_id=_device_id(message, data),
        event="bound",
        happened_at=first_time("ts", pushed_at, message.get("ts")),
        uid=text(data.get("uid")),
        owner_id=text(data.get("ownerId")),
        project_id=text(data.get("projectId")),
        gateway_id=text(data.get("parentDevId")),
        cid=text(data.get("cid")),
        device_uuid=text(data.get("uuid") or message.get("uuid")),
        device_name=text(data.get("deviceName")),
        product_type=text(data.get("productType")),
        product_id=text(message.get("productKey")),
        extra=extra,
    )
    return Event(biz_code, (fact,), drift)


def _delete(message: Json, biz_code: str, pushed_at: datetime | None) -> Event:
    data = _biz_data(message)
    extra, drift = unexpected(data, _DELETE, message, _TOP)
    fact = Binding(
        device_id=_device_id(message, data),
        event="unbound",
        happened_at=first_time("ts", pushed_at, message.get("ts")),
        uid=text(data.get("uid")),
        owner_id=text(data.get("ownerId")),
        device_uuid=text(message.get("uuid")),
        product_id=text(message.get("productKey")),
        extra=extra,
    )
    return Event(biz_code, (fact,), drift)


def _presence(message: Json, biz_code: str, pushed_at: datetime | None) -> Event:
    data = _biz_data(message)
    extra, drift = unexpected(data, _PRESENCE, message, _TOP)
    happened_at = first_time("time", pushed_at, data.get("time"), message.get("ts"))
    fact = Presence(_device_id(message, data), happened_at, biz_code == "online", text(data.get("uid")), extra)
    return Event(biz_code, (fact,), drift)


def _command(message: Json, biz_code: str, pushed_at: datetime | None) -> Event:
    data = _biz_data(message)
    extra, drift = unexpected(data, COMMAND, message, _TOP)
    device_id = text(message.get("devId")) or text(data.get("deviceId"))
    happened_at = first_time("happenTime", pushed_at, data.get("happenTime"), message.get("ts"))
    return Event(biz_code, (observation(data, device_id, happened_at, extra),), drift)


def _biz_data(message: Json) -> Json:
    return nested(message.get("bizData"), "bizData")


def _device_id(message: Json, data: Json) -> str:
    return key_text(message.get("devId") or data.get("devId"), "devId")


BIZ_CODES: dict[str, Callable[[Json, str, datetime | None], Event]] = {
    "bindUser": _bind_user,
    "cmdIssueResult": _command,
    "online": _presence,
    "offline": _presence,
    "delete": _delete,
}
