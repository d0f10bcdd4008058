"""What the field publishes on a day: bindings, presence, device events, command results. Pure, by (seed, day)."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tuyahouse.sandbox.days import DAY_MS, begin_ms
from tuyahouse.sandbox.field.commands import Commands
from tuyahouse.sandbox.field.devices import Device, flips, online
from tuyahouse.sandbox.field.field import Field
from tuyahouse.sandbox.seeded_random import SeededRandom

Kind = Literal["bind", "unbind", "online", "offline", "event", "command"]
PUBLISHED_BY_BIND = ("device_name", "device_ip", "install_location", "project_id", "extend_data")


class Occurrence(NamedTuple):
    """Published at ``at_ms``, happened at ``happened_ms``; what ``number`` and ``status`` mean depends on the kind."""

    at_ms: int
    kind: Kind
    device: int
    happened_ms: int
    number: int = 0
    status: int = 0


def occurrences(field: Field, commands: Commands, events_per_device: int, day: int) -> list[Occurrence]:
    """Everything that is published on that day, by time of publication."""
    since, until = begin_ms(day), begin_ms(day + 1)
    found = [h for device in field.devices for h in _of_device(field, device, events_per_device, day, since, until)]
    found += [h for h in _of_commands(commands, day) if since <= h.at_ms < until]
    return sorted(found)


def _of_device(field: Field, device: Device, events: int, day: int, since: int, until: int) -> Iterator[Occurrence]:
    delay = 20 + device.number % 300
    yield from _coming_and_going(field, device, delay, since, until)
    for change in field.changes(device, since, until):
        if change.field in PUBLISHED_BY_BIND:
            yield Occurrence(change.at_ms + delay, "bind", device.number, change.at_ms)
    for flip in flips(field.seed, device.number, day):
        if device.present(flip.at_ms):
            yield _presence(device, flip.at_ms, flip.online, delay)
    rng = SeededRandom(field.seed, "events", device.number, day)
    for count in range(events):
        at = since + rng.below(DAY_MS - 1000)
        if device.present(at):
            yield Occurrence(at + delay, "event", device.number, at, day * 1000 + count)


def _coming_and_going(field: Field, device: Device, delay: int, since: int, until: int) -> Iterator[Occurrence]:
    for arrival in (device.created_ms, device.back_ms):
        if since <= arrival < until:
            yield Occurrence(arrival + delay, "bind", device.number, arrival)
            yield _presence(device, arrival + 1000, online(field.seed, device.number, arrival + 1000), delay)
    if since <= device.vanished_ms < until:
        yield Occurrence(device.vanished_ms + delay, "unbind", device.number, device.vanished_ms)


def _presence(device: Device, at_ms: int, is_online: bool, delay: int) -> Occurrence:
    return Occurrence(at_ms + delay, "online" if is_online else "offline", device.number, at_ms)


def _of_commands(commands: Commands, day: int) -> Iterator[Occurrence]:
    for issued in (day - 1, day):
        for command in commands.of_day(issued):
            for stage in command.published:
                yield Occurrence(
                    stage.at_ms, "command", command.device, stage.happened_ms, command.number, stage.status
                )
