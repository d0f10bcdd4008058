"""Command records: the state of a command that was sent to a device (docs/tuya.md, "Command records")."""

from datetime import datetime
from typing import Any

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.lenient_values import identifier, snake_keys, text, utc, whole_number
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import UnusableAnswer

RECORD = Endpoint("GET", "/v1.0/expand/cmds/{sn}", "platform")


class CommandRecord(msgspec.Struct, frozen=True, gc=False):
    """A command record. ``process_status`` is kept as sent; ``happened_at`` is None if Tuya sent no usable time."""

    command_sn: str
    device_id: str | None
    process_status: int
    message: str | None
    happened_at: datetime | None
    extra: dict[str, Any] | None


def decode_record(result: bytes, command_sn: str) -> CommandRecord | None:
    """Read the result of :data:`RECORD`; None if it is null or empty: no such record.

    Raises:
        UnusableAnswer: it is not an object with a whole-number ``process_status``, or belongs to another command.
    """
    try:
        item = json_text.decode(result or b"null")
    except msgspec.MsgspecError as error:
        raise UnusableAnswer(f"the command record is not JSON: {error}", result) from None
    if item is None or (isinstance(item, (dict, list)) and not item):
        return None
    if not isinstance(item, dict):
        raise UnusableAnswer("the command record is not an object", result)
    return _record(snake_keys(item), command_sn, result)


def _record(item: dict[str, Any], command_sn: str, result: bytes) -> CommandRecord:
    sent_sn = identifier(item.pop("sn", None))
    if sent_sn not in (command_sn, None):
        raise UnusableAnswer(f"the command record is that of {sent_sn}", result)
    status = whole_number(item.pop("process_status", None))
    if status is None or abs(status) >= 2**31:
        raise UnusableAnswer("the command record has no process_status", result)
    device_id, message = identifier(item.pop("device_id", None)), text(item.pop("message", None))
    happened_at = _time(item)
    return CommandRecord(command_sn, device_id, status, message, happened_at, item or None)


def _time(item: dict[str, Any]) -> datetime | None:
    """Take the time out of the item; one that cannot be read stays in it as sent, and the result is None."""
    try:
        happened_at = utc(item.get("happen_time"))
    except ValueError:
        return None
    item.pop("happen_time", None)
    return happened_at
