"""A factory's shifts and time zone as settings. Pure."""

import itertools
import re
from datetime import time, timedelta
from zoneinfo import ZoneInfo, available_timezones

_SHIFT = re.compile(r"\s*([^=,]+?)\s*=\s*(\d{1,2}):(\d{2})\s*")
_DAY = 24 * 60

Shift = tuple[str, time]


def shifts_of(text: str) -> tuple[Shift, ...]:
    """The shifts of ``early=06:00,late=14:00,night=22:00``: name and local start; the first one begins the factory day.

    Raises:
        ValueError: says what to change: form, names, quarter hours, order.
    """
    found: list[Shift] = []
    for part in text.split(","):
        match = _SHIFT.fullmatch(part)
        if match is None or int(match[2]) > 23 or int(match[3]) > 59:
            raise ValueError(
                f"has {part.strip()!r} where a shift is expected; write early=06:00,late=14:00,night=22:00"
            )
        found.append((match[1], time(int(match[2]), int(match[3]))))
    names = [name for name, _ in found]
    if len(set(names)) < len(names) or "none" in names:
        raise ValueError(
            "names a shift twice, or calls one none, which stands for no shift: give each a name of its own"
        )
    if odd := [f"{at:%H:%M}" for _, at in found if at.minute % 15]:
        raise ValueError(f"has a shift at {', '.join(odd)}: a shift begins on a quarter of an hour (06:00, 06:15 …)")
    since = [(_minutes(at) - _minutes(found[0][1])) % _DAY for _, at in found]
    if any(after <= before for before, after in itertools.pairwise(since)):
        raise ValueError("has shifts that overlap: name them in their order, each later than the one before")
    return tuple(found)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def checked_shifts(text: str) -> str:
    """The same text in its usual form; raises ValueError as :func:`shifts_of`."""
    return ",".join(f"{name}={at:%H:%M}" for name, at in shifts_of(text))


def checked_zone(name: str) -> str:
    """Refuse a time zone that does not exist."""
    if name not in available_timezones():
        alike = [zone for zone in sorted(available_timezones()) if name and name.lower() in zone.lower()][:3]
        hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
        raise ValueError(f"{name!r} is not a time zone; write one such as Asia/Shanghai, Europe/Berlin or UTC.{hint}")
    return ZoneInfo(name).key


def whole_hours(value: timedelta) -> timedelta:
    """Refuse a time that is not a number of whole hours, at least one."""
    if value < timedelta(hours=1) or value % timedelta(hours=1):
        raise ValueError("is not a number of whole hours, at least one; write 12h or 3d")
    return value
