"""The eleven message formats (docs/tuya.md, Messages): six of the bizCode family and five of the v1.0 family."""

import base64
from typing import Any

import msgspec

from tuyahouse.sandbox.field.commands import TEXTS, Commands
from tuyahouse.sandbox.field.devices import Device
from tuyahouse.sandbox.field.field import Field
from tuyahouse.sandbox.field.occurrences import Occurrence
from tuyahouse.sandbox.seeded_random import draw

_PEOPLE = ("hhz", "lwen", "mira", "tobi")
_encode = msgspec.json.Encoder().encode


def _text(value: Any) -> str:
    return _encode(value).decode()


class Formats:
    """Writes an occurrence as the plain text of a message; None if a family has no format for it."""

    def __init__(self, field: Field, commands: Commands) -> None:
        self._field = field
        self._commands = commands

    def bizcode(self, h: Occurrence) -> tuple[str, bytes] | None:
        device = self._field.devices[h.device]
        if h.kind == "event":
            return "device_event", _encode(self._event(device, h))
        code, data = self._bizcode(device, h)
        message: dict[str, Any] = {
            "bizCode": code,
            "bizData": data,
            "devId": device.device_id,
            "productKey": device.product.id,
        }
        message["ts"] = h.at_ms
        if h.kind != "command":
            message["uuid"] = device.uuid
        return code, _encode(message)

    def _bizcode(self, device: Device, h: Occurrence) -> tuple[str, dict[str, Any]]:
        if h.kind == "bind":
            return "bindUser", self._binding(device, h.happened_ms)
        if h.kind == "unbind":
            return "delete", {"devId": device.device_id, "uid": device.uid, "ownerId": _owner(device)}
        if h.kind == "command":
            return "cmdIssueResult", self._result(device, h)
        return h.kind, {"uid": device.uid, "time": h.happened_ms}

    def _binding(self, device: Device, at_ms: int) -> dict[str, Any]:
        facts = self._field.facts(device, at_ms)
        return {
            "devId": device.device_id,
            "uid": device.uid,
            "parentDevId": facts["gateway_id"],
            "ownerId": _owner(device),
            "uuid": device.uuid,
            "deviceName": facts["device_name"],
            "productType": facts["product_type"],
            "cid": facts["cid"],
            "projectId": facts["project_id"],
        }

    def _result(self, device: Device, h: Occurrence) -> dict[str, Any]:
        """The record number comes as a number in every other message, as in the documented sample."""
        sn = self._commands.sn(h.number)
        return {
            "processStatus": h.status,
            "data": "{}",
            "dataFlag": 2,
            "sn": int(sn) if h.number % 2 else sn,
            "message": TEXTS[h.status],
            "deviceId": device.device_id,
            "happenTime": h.happened_ms,
        }

    def _event(self, device: Device, h: Occurrence) -> dict[str, Any]:
        code, point = device.product.event
        number = draw(self._field.seed, "value", h.device, h.number)
        way, person = number % 4, _PEOPLE[number % len(_PEOPLE)]
        value = _text({"message": "ok", "success": 1, "t": h.happened_ms - 3, "uid": person, "way": way})
        data_id = base64.b32encode(f"{h.device:07d}{h.number:08d}".encode()).decode()
        return {
            "dataId": f"AAX{data_id}",
            "devId": device.device_id,
            "productKey": device.product.id,
            "status": [{str(point): value, "code": code, "t": h.happened_ms, "value": value}],
        }

    def v1(self, h: Occurrence) -> tuple[str, bytes] | None:
        device = self._field.devices[h.device]
        if h.kind == "event":
            return None
        if h.kind == "unbind":
            mode = "gateway-unbind" if device.is_gateway else "device-unbind"
            return mode, _v1("edge_report_data", {"mode": mode, "data": _text({"deviceId": device.device_id})})
        if h.kind == "bind":
            return "activate_device", _v1("activate_device", self._activation(device, h.happened_ms))
        if h.kind == "command":
            return "cmd_issue_result", _v1("cmd_issue_result", self._v1_result(device, h))
        data = {"deviceId": device.device_id, "status": int(h.kind == "online"), "happenTime": h.happened_ms}
        return "dev_online_status", _v1("dev_online_status", data)

    def _v1_result(self, device: Device, h: Occurrence) -> dict[str, Any]:
        """In some messages the device id ends in a blank, as in the documented sample."""
        return {
            "sn": self._commands.sn(h.number),
            "deviceId": device.device_id + (" " if h.number % 5 == 0 else ""),
            "processStatus": h.status,
            "message": TEXTS[h.status],
            "happenTime": h.happened_ms,
        }

    def _activation(self, device: Device, at_ms: int) -> dict[str, Any]:
        facts = self._field.facts(device, at_ms)
        return {
            "cid": facts["cid"],
            "deviceId": device.device_id,
            "gatewayId": facts["gateway_id"],
            "projectId": facts["project_id"],
            "uid": device.uid,
            "deviceName": facts["device_name"],
            "deviceIp": facts["device_ip"],
            "macAddress": facts["mac_address"],
            "productType": facts["product_type"],
            "productId": facts["product_id"],
            "supplierCode": facts["supplier_code"],
            "installLocation": facts["install_location"],
            "extendData": facts["extend_data"],
            "activeStatus": 1,
            "onlineStatus": int(facts["online"]),
            "createTime": device.created_ms,
        }


def _owner(device: Device) -> str:
    return str(34060000 + device.number % 7)


def _v1(event_type: str, data: dict[str, Any]) -> bytes:
    return _encode({"bizCode": "edge_device", "eventType": event_type, "data": _text(data)})
