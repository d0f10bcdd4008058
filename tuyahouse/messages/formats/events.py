"""From the plain text of a message to facts (docs/tuya.md, "Messages": formats and their traps).

Pure: the same text and push time give the same facts. A fact that both families report becomes one row. Undocumented
fields are kept in ``extra`` and reported as drift; unknown formats are kept as ``unknown``.
"""

from datetime import datetime
from typing import Any

from tuyahouse.messages.errors import UnreadableMessage
from tuyahouse.messages.formats.bizcode_events import BIZ_CODES, device_report
from tuyahouse.messages.formats.facts import UNKNOWN, BacklogNotice, Event
from tuyahouse.messages.formats.fields import Json, first_time
from tuyahouse.messages.formats.notation import decode_object
from tuyahouse.messages.formats.v1_events import v1_event

BACKLOG_NOTICE = "pulsar_backlog_notice"


def read_event(plain: bytes, pushed_at: datetime | None) -> Event:
    """The facts of a decrypted message; ``pushed_at`` is its envelope's time, for formats that carry none.

    Raises:
        UnreadableMessage: ``broken_json``, ``wrong_shape``, ``missing_field`` or ``bad_time``.
    """
    message = decode_object(plain, "the decrypted message")
    biz_code = message.get("bizCode")
    if biz_code is None and "status" in message:
        return device_report(message, pushed_at)
    if not isinstance(biz_code, str):
        return Event(UNKNOWN)
    if biz_code == "edge_device":
        return v1_event(message, pushed_at)
    if reader := BIZ_CODES.get(biz_code):
        return reader(message, biz_code, pushed_at)
    if BACKLOG_NOTICE in (biz_code, *_event_types(message)):
        return Event(BACKLOG_NOTICE, (BacklogNotice(_notice_time(message, pushed_at)),))
    return Event(UNKNOWN)


def _event_types(message: Json) -> list[Any]:
    """Every place where a notice may name its event type: its layout is not documented."""
    layers = [message, message.get("bizData"), message.get("data")]
    return [layer.get("eventType") for layer in layers if isinstance(layer, dict)]


def _notice_time(message: Json, pushed_at: datetime | None) -> datetime | None:
    try:
        return first_time("ts", pushed_at, message.get("ts"))
    except UnreadableMessage:
        return pushed_at
