"""One device of the field: its identity and its changes over time. Pure functions of (seed, index)."""

from typing import NamedTuple

from tuyahouse.sandbox.days import DAY_MS, FIRST_DAY_MS, NEVER_MS, begin_ms, day_of
from tuyahouse.sandbox.field.products import GATEWAY, PRODUCTS, Product
from tuyahouse.sandbox.seeded_random import SeededRandom, fraction

GATEWAY_EVERY = 20
LATE_SHARE = 0.15
VANISHING_SHARE = 0.04
CHANGES = {"device_name": 0.06, "device_ip": 0.10, "install_location": 0.02, "project_id": 0.02, "extend_data": 0.03}
"""Share of devices whose field changes once within the first two weeks."""
OFFLINE_SHARE = 0.05
BLIP_SHARE = 0.08
PLACES = ("East entrance", "West entrance", "Hall 1", "Hall 2", "Car park", "Roof", "Basement")


class Change(NamedTuple):
    at_ms: int
    field: str
    number: int


class Device(NamedTuple):
    """``changes`` are ordered by time. It is absent before ``created_ms``, and from ``vanished_ms`` to ``back_ms``."""

    number: int
    device_id: str
    uuid: str
    uid: str
    product: Product
    gateway: int
    mac: str
    created_ms: int
    vanished_ms: int
    back_ms: int
    changes: tuple[Change, ...]

    @property
    def is_gateway(self) -> bool:
        return self.product is GATEWAY

    def present(self, at_ms: int) -> bool:
        return self.created_ms <= at_ms and not self.vanished_ms <= at_ms < self.back_ms

    def changed(self, field: str, at_ms: int) -> int:
        """The number of the last change of that field until then; 0 for none."""
        return next((c.number for c in reversed(self.changes) if c.field == field and c.at_ms <= at_ms), 0)


def device(seed: int, index: int) -> Device:
    rng = SeededRandom(seed, "device", index)
    gateway = index - index % GATEWAY_EVERY
    product = GATEWAY if gateway == index else PRODUCTS[rng.below(len(PRODUCTS))]
    device_id = f"6c{rng.number():016x}{index % 0x10000:04x}"
    uuid, mac = f"{rng.number():016x}", f"{rng.below(1 << 24):06x}"
    created = FIRST_DAY_MS - rng.below(300 * DAY_MS) - 1
    if rng.fraction() < LATE_SHARE:
        created = begin_ms(1 + rng.below(20)) + rng.below(DAY_MS)
    vanished, back = _absence(rng, created)
    uid = f"bay16{index % 7:02d}693984346{seed % 1000:03d}"
    return Device(index, device_id, uuid, uid, product, gateway, mac, created, vanished, back, _changes(rng))


def _absence(rng: SeededRandom, created: int) -> tuple[int, int]:
    if rng.fraction() >= VANISHING_SHARE:
        return NEVER_MS, NEVER_MS
    vanished = max(created, begin_ms(0)) + DAY_MS + rng.below(14 * DAY_MS)
    stays_away = rng.fraction() < 0.5
    return vanished, NEVER_MS if stays_away else vanished + DAY_MS + rng.below(2 * DAY_MS)


def _changes(rng: SeededRandom) -> tuple[Change, ...]:
    found = []
    for field, share in CHANGES.items():
        roll, at, number = rng.fraction(), begin_ms(1) + rng.below(14 * DAY_MS), rng.below(250) + 1
        if roll < share:
            found.append(Change(at, field, number))
    return tuple(sorted(found))


# ------------------------------------------------------------------------------------------------------- on and off


class Flip(NamedTuple):
    at_ms: int
    online: bool


def _state(seed: int, index: int, period: int) -> bool:
    """Whether a device is on in a period. Periods last three days and begin on another day for each device."""
    return fraction(seed, "off", index, period) >= OFFLINE_SHARE


def _boundary_ms(seed: int, index: int, period: int) -> int:
    return begin_ms(period * 3 - index % 3) + int(fraction(seed, "flip", index, period) * DAY_MS)


def _period(index: int, day: int) -> int:
    return (day + index % 3) // 3


def online(seed: int, index: int, at_ms: int) -> bool:
    """Whether a device, if it exists, is on at that time."""
    day = day_of(at_ms)
    period = _period(index, day)
    state = _state(seed, index, period if _boundary_ms(seed, index, period) <= at_ms else period - 1)
    blip = _blip(seed, index, day) if state else None
    return state and not (blip and blip[0].at_ms <= at_ms < blip[1].at_ms)


def _blip(seed: int, index: int, day: int) -> tuple[Flip, Flip] | None:
    """Some devices are off for minutes, on days on which nothing else happens to them."""
    if (day + index % 3) % 3 == 0 or fraction(seed, "blip", index, day) >= BLIP_SHARE:
        return None
    rng = SeededRandom(seed, "blip", index, day, "when")
    off = begin_ms(day) + rng.below(DAY_MS - 3_600_000)
    return Flip(off, False), Flip(off + 60_000 + rng.below(3_000_000), True)


def flips(seed: int, index: int, day: int) -> list[Flip]:
    """The changes between on and off on that day, by time."""
    period = _period(index, day)
    before, now = _state(seed, index, period - 1), _state(seed, index, period)
    if (day + index % 3) % 3 == 0:
        return [Flip(_boundary_ms(seed, index, period), now)] if before != now else []
    blip = _blip(seed, index, day) if now else None
    return list(blip) if blip else []
