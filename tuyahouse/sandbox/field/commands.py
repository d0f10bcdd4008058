"""Commands to devices and their stages: pure functions of (seed, number), and commands that were sent by calls."""

from typing import NamedTuple

from tuyahouse.sandbox.days import DAY_MS, HOUR_MS, begin_ms, day_of
from tuyahouse.sandbox.field.field import Field
from tuyahouse.sandbox.seeded_random import SeededRandom, fraction

SENDING, SENT, SUCCEEDED, FAILED, UNKNOWN, STRANGE = 1, 2, 3, 4, 5, 9
TEXTS = {
    SENDING: "The command is being sent",
    SENT: "The command is sent",
    SUCCEEDED: "success",
    FAILED: "the device refused the command",
    UNKNOWN: "no answer from the device",
    STRANGE: "suspended",
}
FATES = {
    "finish": 0.70,
    "fail": 0.10,
    "hang_sent": 0.04,
    "hang_sending": 0.03,
    "unknown": 0.03,
    "conflict": 0.03,
    "lost_message": 0.03,
    "late_message": 0.02,
    "api_lags": 0.01,
    "regress": 0.005,
    "strange": 0.005,
}
"""Shares of commands by how they end. ``conflict``: API and message name different ends. ``regress``: the API takes an
end back."""

FIRST_SENT = 1_000_000_000
"""Number of the first command that was sent by a call; those of the field lie far below."""


class Stage(NamedTuple):
    """A status that holds from ``at_ms`` on; ``happened_ms`` is the time it reports."""

    at_ms: int
    status: int
    happened_ms: int


class Command(NamedTuple):
    """``api`` holds the stages of the record, ``published`` those of the messages, both by time."""

    number: int
    sn: str
    device: int
    issued_ms: int
    fate: str
    api: tuple[Stage, ...]
    published: tuple[Stage, ...]

    def record(self, at_ms: int) -> Stage | None:
        """The record at that time; None before the command was issued."""
        return next((stage for stage in reversed(self.api) if stage.at_ms <= at_ms), None)


class Commands:
    """``per_day`` commands a day from day 0 on, to devices that exist, and those that were sent by calls."""

    def __init__(self, seed: int, per_day: int, field: Field) -> None:
        self._seed = seed
        self._per_day = per_day if field.count else 0
        self._field = field
        self._base = 1_461_000_000_000_000_000 + seed % 1000 * 10**12
        self._sent: list[Command] = []

    def send(self, device: int, at_ms: int, fate: str) -> Command:
        """A new command to a device, being sent from now on; ``fate`` is one of :data:`FATES`, or "any"."""
        number = FIRST_SENT + len(self._sent)
        rng = SeededRandom(self._seed, "command", number)
        chosen = fate if fate in FATES else _fate(rng.fraction())
        command = Command(number, self.sn(number), device, at_ms, chosen, *_stages(rng, chosen, at_ms))
        self._sent.append(command)
        return command

    def sn(self, number: int) -> str:
        """19 digits; neighbours are so close that a float cannot tell them apart."""
        return str(self._base + number * 4 + int(fraction(self._seed, "command sn", number) * 4))

    def find(self, sn: str) -> Command | None:
        if not (sn.isascii() and sn.isdigit() and len(sn) == 19):
            return None
        number = (int(sn) - self._base) // 4
        if number >= FIRST_SENT:
            return next((command for command in self._sent if command.sn == sn), None)
        if not self._per_day:
            return None
        return self.command(number) if number >= 0 and self.sn(number) == sn else None

    def of_day(self, day: int) -> list[Command]:
        """Those issued on that day, by number."""
        numbers = range(day * self._per_day, (day + 1) * self._per_day) if day >= 0 else range(0)
        return [*map(self.command, numbers), *(each for each in self._sent if day_of(each.issued_ms) == day)]

    def command(self, number: int) -> Command:
        rng = SeededRandom(self._seed, "command", number)
        issued = begin_ms(number // self._per_day) + rng.below(DAY_MS)
        fate = _fate(rng.fraction())
        api, published = _stages(rng, fate, issued)
        return Command(
            number, self.sn(number), self._device(rng.below(self._field.count), issued), issued, fate, api, published
        )

    def _device(self, index: int, at_ms: int) -> int:
        devices = self._field.devices
        around = ((index + step) % len(devices) for step in range(len(devices)))
        return next((i for i in around if devices[i].present(at_ms)), index)


def _fate(roll: float) -> str:
    for fate, share in FATES.items():
        if roll < share:
            return fate
        roll -= share
    return "finish"


_ENDS = {"fail": FAILED, "unknown": UNKNOWN, "strange": STRANGE}


def _stages(rng: SeededRandom, fate: str, issued: int) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """The stages that the API shows and those that messages publish."""
    sent = issued + 500 + rng.below(8000)
    ended = sent + 300 + rng.below(60_000 if rng.fraction() < 0.9 else 2_400_000)
    delay = 50 + rng.below(700)
    end, tail = _ENDS.get(fate, SUCCEEDED), rng.below(16) * HOUR_MS
    begin: tuple[Stage, ...] = (Stage(issued, SENDING, issued), Stage(sent, SENT, sent))
    published_sent = Stage(sent + delay, SENT, sent)
    if fate == "hang_sending":
        return begin[:1], ()
    if fate == "hang_sent":
        return begin, (published_sent,)
    shown = ended + 10 * HOUR_MS if fate == "api_lags" else ended
    api: tuple[Stage, ...] = (*begin, Stage(shown, end, ended))
    if fate == "regress":
        api = (*api, Stage(ended + 60_000, SENT, ended + 60_000))
    if fate == "lost_message":
        return api, (published_sent,)
    arrival = ended + 3 * HOUR_MS + tail if fate == "late_message" else ended + delay
    return api, (published_sent, Stage(arrival, FAILED if fate == "conflict" else end, ended))
