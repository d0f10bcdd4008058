"""Turns messages into rows of their tables. Pure: messages in, rows out, in the order of the columns named here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import astuple

from tuyahouse.messages.envelope import Sealed
from tuyahouse.messages.formats.facts import BacklogNotice, Binding, CommandObservation, DeviceEvent, Presence
from tuyahouse.messages.reading import DEAD, LANDED, MessageReader, Reading
from tuyahouse.messages.sources.source import Received
from tuyahouse.redaction import SECRETS

Row = tuple[Any, ...]

RAW = (
    "message_id", "topic", "published_at", "cipher", "trace_id", "envelope", "protocol",
    "pushed_at", "signature", "format", "verdict", "payload", "properties",
)  # fmt: skip
EVENT = (*DeviceEvent.__struct_fields__, "message_id")
PRESENCE = ("account", *Presence.__struct_fields__, "message_id")
BINDING = ("account", *Binding.__struct_fields__, "message_id")
OBSERVATION = ("account", *CommandObservation.__struct_fields__, "message_id", "source", "observed_at")

_NAMED_PROPERTIES = frozenset(("em", "tid"))
_UNOPENED = Sealed(None, "", None, None, None)


@dataclass(slots=True)
class MessageRows:
    """The rows of a batch of messages. ``dead`` rows: message id, reason, detail in words, payload."""

    raw: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    presences: list[Row] = field(default_factory=list)
    bindings: list[Row] = field(default_factory=list)
    observations: list[Row] = field(default_factory=list)
    commands: list[tuple[str, str | None]] = field(default_factory=list)
    dead: list[Row] = field(default_factory=list)
    notices: list[datetime] = field(default_factory=list)
    drift: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)
    unknown: int = 0


def build_rows(account: str, messages: Sequence[Received], reader: MessageReader, received_at: datetime) -> MessageRows:
    """Every message becomes a raw row. A readable one also becomes facts, an unreadable one a dead letter."""
    rows = MessageRows()
    for message in messages:
        properties = message.properties
        reading = reader.read(message.payload, properties.get("em"), received_at)
        rows.raw.append(_raw(message, reading))
        if reading.verdict == LANDED:
            _add_facts(rows, account, message.message_id, reading, received_at)
        elif reading.verdict == DEAD and (error := reading.error) is not None:
            rows.dead.append((message.message_id, error.reason, error.detail, message.payload))
        else:
            rows.unknown += 1
    return rows


def unstorable(message: Received, problem: str) -> MessageRows:
    """The rows of a message that was read but is refused by the database: a dead letter with the whole payload."""
    raw, payload = (message.message_id, message.topic, message.published_at), SECRETS.answer(message.payload)
    dead = (message.message_id, "not_storable", problem, payload)
    return MessageRows(raw=[(*raw, *[None] * 7, DEAD, payload, None)], dead=[dead])


def _raw(message: Received, reading: Reading) -> Row:
    properties, sealed = message.properties, reading.sealed or _UNOPENED
    return (
        message.message_id,
        message.topic,
        message.published_at,
        properties.get("em"),
        properties.get("tid"),
        sealed.envelope,
        sealed.protocol,
        sealed.pushed_at,
        sealed.signature,
        reading.event.format,
        reading.verdict,
        SECRETS.answer(message.payload),
        None if properties.keys() <= _NAMED_PROPERTIES else SECRETS.value(dict(properties)),
    )


def _add_facts(rows: MessageRows, account: str, message_id: str, reading: Reading, received_at: datetime) -> None:
    event = reading.event
    for fact in event.facts:
        if isinstance(fact, DeviceEvent):
            rows.events.append((*astuple(fact), message_id))
        elif isinstance(fact, Presence):
            rows.presences.append((account, *astuple(fact), message_id))
        elif isinstance(fact, CommandObservation):
            rows.observations.append((account, *astuple(fact), message_id, "message", received_at))
            rows.commands.append((fact.command_sn, fact.device_id))
        elif isinstance(fact, Binding):
            rows.bindings.append((account, *astuple(fact), message_id))
        elif isinstance(fact, BacklogNotice):
            rows.notices.append(fact.happened_at or received_at)
    for name, sample in event.drift:
        fields = rows.drift.setdefault(f"message:{event.format}", {})
        fields[name] = (fields.get(name, (0,))[0] + 1, sample)
