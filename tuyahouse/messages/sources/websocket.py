"""Messages over Tuya's WebSocket endpoint (docs/tuya.md, "Messages": connection).

A message that is not acknowledged within three seconds is delivered again, so batches are small here; the id of a
message reveals a repetition. The endpoint serves one topic a connection: backlog notices need a second connection.
"""

import binascii
import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from tuyahouse.messages.sources.connection import ConnectionLog, NoticesLog
from tuyahouse.messages.sources.source import Outage, Received
from tuyahouse.messages.sources.topics import event_topic, notice_topic
from tuyahouse.messages.sources.websocket_connection import TopicConnection
from tuyahouse.settings import Account

BATCH = 500
BATCH_BYTES = 16 << 20
"""Most frames in one batch, and bytes after which it closes: few enough to land within the time for acknowledgement."""

_GATHER_SECONDS = 0.2


class WebSocketSource:
    """A subscription to the topics of one account; see :class:`~tuyahouse.messages.sources.source.MessageSource`."""

    name = "websocket"

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        connect_seconds: float = 10.0,
    ) -> None:
        self._sleep = sleep
        self._events = TopicConnection(account, event_topic(account), ConnectionLog(clock), connect_seconds)
        self._notices: TopicConnection | None = None
        if account.messages_notices:
            self._notices = TopicConnection(account, notice_topic(account), NoticesLog(clock), connect_seconds)
        self._noticed: set[str] = set()

    @property
    def connected(self) -> bool:
        return self._events.log.connected

    @property
    def problem(self) -> str:
        return self._events.log.problem

    def open(self) -> None:
        self._events.open()

    def receive(self, at_most: int, timeout: float) -> list[Received]:
        """See the interface. A batch closes at :data:`BATCH` messages or :data:`BATCH_BYTES`, whatever ``at_most``."""
        if not self._events.is_open and not self._events.reopened():
            self._sleep(min(self._events.log.wait_seconds(), timeout))
            return []
        at_most = min(at_most, BATCH)
        received, size = self._waiting_notices(at_most)
        end = time.monotonic() + (0 if received else timeout)
        while len(received) < at_most and size < BATCH_BYTES:
            frame = self._events.frame(max(0.0, end - time.monotonic()))
            if frame is None:
                break
            if not received:
                end = time.monotonic() + min(timeout, _GATHER_SECONDS)
            received.append(read_frame(frame, self._events.topic))
            size += len(frame)
        return received

    def acknowledge(self, message_ids: Iterable[str]) -> None:
        for message_id in message_ids:
            if self._notices is not None and message_id in self._noticed:
                self._noticed.remove(message_id)
                self._notices.acknowledge(message_id)
            else:
                self._events.acknowledge(message_id)

    def take_outages(self) -> list[Outage]:
        return self._events.log.take_outages()

    def close(self) -> None:
        self._events.close()
        if self._notices is not None:
            self._notices.close()

    def _waiting_notices(self, at_most: int) -> tuple[list[Received], int]:
        """The notices that wait, as far as a batch holds them, and how many bytes their frames have."""
        line, received, size = self._notices, list[Received](), 0
        if line is None or not (line.is_open or line.reopened()):
            return received, size
        while len(received) < at_most and size < BATCH_BYTES and (frame := line.frame(0)) is not None:
            received.append(read_frame(frame, line.topic))
            size += len(frame)
        self._noticed.update(message.message_id for message in received)
        return received, size


def read_frame(frame: str | bytes, topic: str) -> Received:
    """A frame as a message. One that cannot be read becomes a message with the frame itself as its payload."""
    whole = frame.encode() if isinstance(frame, str) else frame
    try:
        fields: Any = msgspec.json.decode(whole)
        message_id, payload = fields["messageId"], fields["payload"]
        body = binascii.a2b_base64(payload, strict_mode=True)
    except (ValueError, TypeError, KeyError, RecursionError):
        fields, message_id, body = {}, _id_in(whole), whole
    if not isinstance(message_id, str) or not 0 < len(message_id) <= 255 or not message_id.isprintable():
        fields, message_id, body = {}, _fingerprint(whole), whole
    return Received(message_id, topic, body, _properties(fields), _published_at(fields))


def _id_in(whole: bytes) -> Any:
    """The id of a frame whose payload is broken: it can still be acknowledged."""
    try:
        return msgspec.json.decode(whole)["messageId"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _fingerprint(whole: bytes) -> str:
    return "frame:" + hashlib.blake2b(whole, digest_size=16).hexdigest()


def _properties(fields: dict[str, Any]) -> dict[str, str]:
    sent = fields.get("properties")
    return {str(name): str(value) for name, value in sent.items()} if isinstance(sent, dict) else {}


def _published_at(fields: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(fields["publishTime"])
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
