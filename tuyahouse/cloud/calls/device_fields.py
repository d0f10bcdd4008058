"""One third-party industry device, as Tuya sends it (docs/tuya.md, "Industry devices").

Reading is tolerant where Tuya's pages and samples disagree: numbers or text for states and times, snake_case or
camelCase names, ids with blanks. Undocumented fields are kept in ``extra``.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import astuple

from tuyahouse import json_text
from tuyahouse.cloud.calls.lenient_values import FLAGS, flag, identifier, snake_keys, text, times, utc
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import UnusableAnswer
from tuyahouse.fingerprint import fingerprint, fingerprints

DETAIL = Endpoint("GET", "/v1.0/expand/devices/{device_id}", "platform")

ABSENT = msgspec.UNSET
"""Marks a field that was not sent; ``None`` is a field that was sent as null."""

FACTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "project_id": ("project_id", identifier),
    "cid": ("cid", identifier),
    "gateway_id": ("gateway_id", identifier),
    "device_name": ("device_name", text),
    "device_ip": ("device_ip", text),
    "mac_address": ("mac_address", text),
    "install_location": ("install_location", text),
    "product_type": ("product_type", text),
    "product_id": ("product_id", identifier),
    "product_name": ("product_name", text),
    "supplier_code": ("supplier_code", text),
    "supplier_name": ("supplier_name", text),
    "extend_data": ("extend_data", text),
    "active": ("active_status", flag),
    "created_at": ("create_time", utc),
    "uid": ("uid", identifier),
}
"""Column of a device → name of Tuya's field, and its reader. ``online`` is not one: presence is stored apart."""

_READERS = tuple(FACTS.values())


class DeviceFacts(NamedTuple):
    """The fields of a device. ``facts`` has one value for each of :data:`FACTS`, :data:`ABSENT` if not sent."""

    facts: tuple[Any, ...]
    extra: dict[str, Any] | None


class _Brief(msgspec.Struct):
    device_id: Any = None
    online_status: Any = None
    device_id_camel: Any = msgspec.field(default=None, name="deviceId")
    online_status_camel: Any = msgspec.field(default=None, name="onlineStatus")


_Text = str | None | msgspec.UnsetType


class Documented(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A device exactly as documented."""

    device_id: str
    online_status: Literal[0, 1, "0", "1"] | msgspec.UnsetType = ABSENT
    task_id: _Text = ABSENT
    project_id: _Text = ABSENT
    cid: _Text = ABSENT
    gateway_id: _Text = ABSENT
    device_name: _Text = ABSENT
    device_ip: _Text = ABSENT
    mac_address: _Text = ABSENT
    install_location: _Text = ABSENT
    product_type: _Text = ABSENT
    product_id: _Text = ABSENT
    product_name: _Text = ABSENT
    supplier_code: _Text = ABSENT
    supplier_name: _Text = ABSENT
    extend_data: _Text = ABSENT
    active_status: Literal[0, 1, "0", "1", "false", "true", ""] | msgspec.UnsetType | None = ABSENT
    create_time: int | _Text = ABSENT
    uid: _Text = ABSENT


class Device(msgspec.Struct, frozen=True, gc=False):
    """One device as Tuya sent it. What every page needs is read at once; :func:`device_facts` reads the rest.

    ``digest`` covers everything sent except presence. ``item`` is None if anything is not as documented.
    """

    device_id: str
    online: bool | None
    digest: bytes
    raw: bytes
    item: Documented | None = None


_ITEM = msgspec.json.Decoder(Documented)
_BRIEF = msgspec.json.Decoder(_Brief)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_OFFLINE = re.compile(rb'("online(?:_s|S)tatus"\s*:\s*"?)(0|false)\b')


def decode_device(result: bytes) -> Device:
    """Read the result of :data:`DETAIL`.

    Raises:
        UnusableAnswer: it is not an object with a ``device_id``.
    """
    device = read_device(result)
    if device is None:
        raise UnusableAnswer("the device has no device_id", result)
    return device


def read_device(raw: bytes) -> Device | None:
    """Read what every page needs of a device; None if it has no usable id."""
    try:
        return documented_devices([_ITEM.decode(raw)], [raw])[0]
    except msgspec.ValidationError:
        pass
    except json_text.BROKEN:
        raw = json_text.mended(raw)
    try:
        brief = _BRIEF.decode(raw)
        _OBJECT.decode(raw)
    except json_text.BROKEN:
        mended = json_text.mended(raw)
        return read_device(mended) if mended != raw else None
    device_id = identifier(brief.device_id or brief.device_id_camel)
    if not device_id or not device_id.isprintable():
        return None
    online = brief.online_status if brief.online_status is not None else brief.online_status_camel
    is_online = FLAGS.get(online) if isinstance(online, int | str) else None
    return Device(device_id, is_online, fingerprint(_as_if_online(raw, is_online)), raw)


def documented_devices(items: Sequence[Documented], raws: Sequence[bytes]) -> list[Device | None]:
    """The devices of items that are exactly as documented; None for an id that is empty or unprintable."""
    ids = _column(identifier, [item.device_id for item in items])
    online = list(map(FLAGS.get, [item.online_status for item in items]))
    digests = fingerprints(map(_as_if_online, raws, online) if False in set(online) else raws)
    devices: list[Device | None] = list(map(Device, ids, online, digests, raws, items))
    if all(ids) and "".join(ids).isprintable():
        return devices
    return [device if name and name.isprintable() else None for name, device in zip(ids, devices, strict=True)]


def _as_if_online(raw: bytes, online: bool | None) -> bytes:
    """The device as sent, but always online: the digest is taken from this, because presence comes and goes."""
    return raw if online is not False else _OFFLINE.sub(_online, raw)


def _online(found: re.Match[bytes]) -> bytes:
    return found[1] + (b"1" if found[2] == b"0" else b"true")


def facts_by_column(items: Sequence[Documented]) -> list[Sequence[Any]]:
    """What :func:`device_facts` reads, for many documented items: a column for each of :data:`FACTS`, and extra.

    What was not sent is None, as in a first row of a device. Times are as :func:`times` returns them.

    Raises:
        ValueError: an item holds a time that cannot be read.
    """
    sent = dict(zip(Documented.__struct_fields__, zip(*map(astuple, items), strict=True), strict=True))
    columns = [_column(reader, sent[name]) for name, reader in _READERS]
    extra = {task: None if task is ABSENT else _only_task(task) for task in set(sent["task_id"])}
    return [*columns, list(map(extra.__getitem__, sent["task_id"]))]


def is_time(value: Any) -> bool:
    """Whether :func:`facts_by_column` can read it as a time; an absent one counts as readable."""
    try:
        utc(None if value is ABSENT else value)
    except ValueError:
        return False
    return True


def _column(reader: Callable[[Any], Any], values: Sequence[Any]) -> Sequence[Any]:
    if reader is flag:
        return list(map(FLAGS.get, values))
    if reader is utc:
        return times([None if value is ABSENT else value for value in values])
    try:
        together = "".join(values)
    except TypeError:
        values = [None if value is ABSENT else value for value in values]
        together = "".join(filter(None, values))
    if reader is identifier and (not together.isprintable() or " " in together or "" in values):
        return [identifier(value) for value in values]
    return values


def device_facts(device: Device) -> DeviceFacts:
    """Read all fields of a device."""
    if device.item is not None:
        try:
            return _facts_as_documented(device.item)
        except ValueError:
            pass
    return _facts_tolerantly(device.raw)


def _facts_as_documented(item: Documented) -> DeviceFacts:
    """The same as :func:`_facts_tolerantly`, written out for speed: a first night reads hundreds of thousands."""
    facts = (
        _id(item.project_id),
        _id(item.cid),
        _id(item.gateway_id),
        item.device_name,
        item.device_ip,
        item.mac_address,
        item.install_location,
        item.product_type,
        _id(item.product_id),
        item.product_name,
        item.supplier_code,
        item.supplier_name,
        item.extend_data,
        ABSENT if item.active_status is ABSENT else flag(item.active_status),
        ABSENT if item.create_time is ABSENT else utc(item.create_time),
        _id(item.uid),
    )
    return DeviceFacts(facts, None if item.task_id is ABSENT else _only_task(item.task_id))


def _id(sent: _Text) -> _Text:
    if sent:
        return sent.strip() or None
    return ABSENT if sent is ABSENT else None


@lru_cache(1024)
def _only_task(task_id: str | None) -> dict[str, Any]:
    """One object for all devices of a task."""
    return {"task_id": task_id}


def _facts_tolerantly(raw: bytes) -> DeviceFacts:
    """Read a device that is not exactly as documented: other names, other types, unknown fields."""
    item = json_text.decode(raw)
    if "device_id" not in item:
        item = snake_keys(item)
    del item["device_id"]
    odd: dict[str, Any] = {}
    _read(item, "online_status", flag, odd)
    facts = tuple([_read(item, name, reader, odd) for name, reader in _READERS])
    return DeviceFacts(facts, {**item, **odd} if item or odd else None)


@cache
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def _read(item: dict[str, Any], name: str, reader: Callable[[Any], Any], odd: dict[str, Any]) -> Any:
    """Take a field out of the item; a value that its reader refuses goes into ``odd`` as sent."""
    sent = item.pop(name if name in item else _camel(name), ABSENT)
    if sent is ABSENT:
        return ABSENT
    try:
        return reader(sent)
    except ValueError:
        odd[name] = sent
        return None
