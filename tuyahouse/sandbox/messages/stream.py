"""The message stream of a day: encrypted, with duplicates, late and unreadable messages. Pure, by (options, day)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from tuyahouse.sandbox.days import begin_ms
from tuyahouse.sandbox.field.occurrences import Occurrence, occurrences
from tuyahouse.sandbox.messages.formats import Formats
from tuyahouse.sandbox.messages.sealing import Sealer
from tuyahouse.sandbox.messages.unreadable import UNREADABLE
from tuyahouse.sandbox.seeded_random import draw, fraction
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

PROTOCOLS = {"device_event": 4}
OTHER_PROTOCOLS = 20
TEST_DEVICE_EVERY = 10


class Message(NamedTuple):
    """``format`` is that of the plain text, or the kind of unreadable message. ``first`` is false for a repetition."""

    day: int
    place: int
    published_ms: int
    format: str
    device: int
    first: bool
    unreadable: bool
    properties: dict[str, str]
    payload: bytes
    plain: bytes

    @property
    def message_id(self) -> str:
        return f"{self.day}:{self.place}:-1"


class _Slot(NamedTuple):
    at_ms: int
    occurrence: Occurrence
    family: str
    first: bool


def messages_of_day(world: World, day: int) -> Iterator[Message]:
    """All messages published on that day, in the order of publication."""
    options = world.options
    formats, sealer = Formats(world.field, world.commands), Sealer(options.client_secret)
    place = 0
    for slot in _slots(world, day):
        if fraction(options.seed, "unreadable", day, place) < options.unreadable:
            yield _unreadable(options, sealer, day, place, slot)
            place += 1
        if message := _sealed(options, sealer, formats, day, place, slot):
            yield message
            place += 1


def backlog_notice(world: World, number: int, at_ms: int) -> Message:
    """What the topic ``notice`` carries when messages pile up; its layout is documented in part only."""
    notice = {"bizCode": "HighPriorityNotice", "bizData": {"eventType": "pulsar_backlog_notice"}, "ts": at_ms}
    sealer, plain = Sealer(world.options.client_secret), msgspec.json.encode(notice)
    payload = sealer.envelope_a(sealer.ecb(plain), at_ms, 10_000)
    return Message(-1, number, at_ms, "pulsar_backlog_notice", 0, True, False, {}, payload, plain)


def messages(world: World, day: int) -> Iterator[tuple[dict[str, str], bytes]]:
    """The same as (properties, payload), which is what a consumer receives."""
    return ((message.properties, message.payload) for message in messages_of_day(world, day))


def _slots(world: World, day: int) -> list[_Slot]:
    """Which message is published when: some late within the day, and some twice."""
    options, end = world.options, begin_ms(day + 1) - 1
    slots = []
    for number, h in enumerate(occurrences(world.field, world.commands, options.events_per_device, day)):
        for family in options.families:
            at, roll = h.at_ms, fraction(options.seed, "delivery", day, number, family)
            if roll < options.late:
                at = min(end, at + 600_000 + int(roll * 1e12) % 14_400_000)
            slots.append(_Slot(at, h, family, True))
            if roll >= 1 - options.duplicates:
                slots.append(_Slot(min(end, at + 1 + int(roll * 1e12) % 3_600_000), h, family, False))
    slots.sort()
    return slots


def _sealed(options: Options, sealer: Sealer, formats: Formats, day: int, place: int, slot: _Slot) -> Message | None:
    h, bizcode = slot.occurrence, slot.family == "bizcode"
    written = formats.bizcode(h) if bizcode else formats.v1(h)
    if written is None:
        return None
    name, plain = written
    plain = _echoing(options, plain)
    gcm = _is_gcm(options, day, slot.at_ms)
    text = sealer.gcm(plain, _nonce(options, day, h)) if gcm else sealer.ecb(plain)
    protocol = PROTOCOLS.get(name, OTHER_PROTOCOLS)
    payload = sealer.envelope_a(text, h.at_ms, protocol) if bizcode else sealer.envelope_b(text, h.at_ms)
    properties = _properties(options, gcm, day, place)
    return Message(day, place, slot.at_ms, name, h.device, slot.first, False, properties, payload, plain)


def _unreadable(options: Options, sealer: Sealer, day: int, place: int, slot: _Slot) -> Message:
    kinds = list(UNREADABLE)
    kind = kinds[draw(options.seed, "unreadable kind", day, place) % len(kinds)]
    payload = UNREADABLE[kind](sealer, slot.at_ms)
    if options.echo_secrets:
        payload += _secrets(options).encode()
    return Message(day, place, slot.at_ms, kind, 0, True, True, _properties(options, False, day, place), payload, b"")


def _is_gcm(options: Options, day: int, at_ms: int) -> bool:
    """``mixed`` is a project whose cipher was switched in the console at noon."""
    return options.cipher == "gcm" or (options.cipher == "mixed" and at_ms >= begin_ms(day) + 43_200_000)


def _nonce(options: Options, day: int, h: Occurrence) -> bytes:
    return draw(options.seed, "nonce", day, *h).to_bytes(8, "big") + h.device.to_bytes(4, "big")


def _properties(options: Options, gcm: bool, day: int, place: int) -> dict[str, str]:
    """With ECB, only some messages name the cipher."""
    named = {"em": "aes_gcm"} if gcm else {"em": "aes_ecb"} if place % 2 else {}
    echo = {"echo": _secrets(options)} if options.echo_secrets else {}
    return {**named, **echo, "tid": f"{day:04x}{place:08x}"}


def _echoing(options: Options, plain: bytes) -> bytes:
    """With the option ``echo_secrets``: the secrets in a field more of each object."""
    return msgspec.json.encode(_with(msgspec.json.decode(plain), _secrets(options))) if options.echo_secrets else plain


def _with(value: Any, echo: str) -> Any:
    if isinstance(value, list):
        return [_with(item, echo) for item in value]
    return {**{k: _with(v, echo) for k, v in value.items()}, "echo": echo} if isinstance(value, dict) else value


def _secrets(options: Options) -> str:
    return f"{options.client_secret} {options.pms_password}"
