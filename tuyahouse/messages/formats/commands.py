"""The result of a command, which both families report with the same fields."""

from datetime import datetime

from tuyahouse.messages.formats.facts import CommandObservation
from tuyahouse.messages.formats.fields import Json
from tuyahouse.messages.formats.notation import key_text, text, whole_number

COMMAND = frozenset(
    ("sn", "processStatus", "message", "happenTime", "dataFlag", "bizId", "cmdBizType", "data", "deviceId")
)


def observation(data: Json, device_id: str | None, happened_at: datetime, extra: Json | None) -> CommandObservation:
    """The observation in ``data``; any whole number is taken as a status."""
    flag = data.get("dataFlag")
    return CommandObservation(
        key_text(data.get("sn"), "sn"),
        whole_number(data.get("processStatus"), "processStatus"),
        happened_at,
        device_id,
        text(data.get("message")),
        None if flag is None else whole_number(flag, "dataFlag"),
        text(data.get("bizId")),
        text(data.get("cmdBizType")),
        text(data.get("data")),
        extra,
    )
