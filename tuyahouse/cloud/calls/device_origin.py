"""From the field back to the factory: the serial number a device was made under (docs/tuya.md, "Factory to field")."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.lenient_values import identifier
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import UnusableAnswer

FACTORY_INFOS = Endpoint("GET", "/v1.0/iot-03/devices/factory-infos", "platform")
SN_OF_DEVICE = Endpoint("POST", "/v1.0/pms/production/device/sn/get", "pms")
SNS_OF_DEVICES = Endpoint("POST", "/v1.0/pms/production/device/sn/list/get", "pms")

AT_ONCE = 20
"""Devices in one call. Documented for the factory infos; used for the PMS list too, which has no documented maximum."""


def factory_infos_query(device_ids: Sequence[str]) -> dict[str, str]:
    """Query of :data:`FACTORY_INFOS` for at most :data:`AT_ONCE` devices."""
    return {"device_ids": ",".join(device_ids)}


def decode_factory_infos(result: bytes) -> dict[str, str]:
    """Device id → serial number, for those that have one.

    Raises:
        UnusableAnswer: the result is not a list of objects.
    """
    items = _decode(result, "the factory infos")
    if not isinstance(items or [], list) or not all(isinstance(item, dict) for item in items or []):
        raise UnusableAnswer("the factory infos are not a list of objects", result)
    pairs = ((identifier(item.get("id")), identifier(item.get("sn"))) for item in items or [])
    return {device_id: sn for device_id, sn in pairs if device_id and sn}


def decode_sn(result: bytes) -> str | None:
    """The serial number answered by :data:`SN_OF_DEVICE`; None if it is empty.

    Raises:
        UnusableAnswer: the result is neither text nor number.
    """
    value = _decode(result, "the serial number")
    if isinstance(value, (dict, list, bool)):
        raise UnusableAnswer("the serial number is not text", result)
    return identifier(value)


def decode_sns(result: bytes) -> list[str]:
    """The serial numbers answered by :data:`SNS_OF_DEVICES`, sent as a list or as comma-separated text.

    The answer does not say which belongs to which device.

    Raises:
        UnusableAnswer: the result is neither.
    """
    value = _decode(result, "the serial numbers")
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value or [], list):
        raise UnusableAnswer("the serial numbers are not a list", result)
    return [sn for sn in map(identifier, value or []) if sn]


def _decode(result: bytes, what: str) -> Any:
    try:
        return json_text.decode(result or b"null")
    except msgspec.MsgspecError as error:
        raise UnusableAnswer(f"{what} are not JSON: {error}", result) from None
