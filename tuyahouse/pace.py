"""The law of pace: when calls of one endpoint may start. Values in, values out.

Starts are evenly spaced instants, handed out as :class:`tuyahouse.stores.Slots`. Tuya's request to slow down halves the
pace, and quiet time restores it. The warehouse keeps a :class:`Pace` for all processes, a store in memory for one.
"""

import math
import time
from dataclasses import dataclass, replace

from tuyahouse.stores import Slots

MARGIN = 1.015
"""Factor by which starts are further apart than the rate requires: 15 ms to spare in a second. Timers are inexact,
calls take unequal times to arrive, and no second may hold one too many where Tuya counts them."""

QUIET_SECONDS = 5.0
"""Quiet time after which the pace recovers one step: long enough for Tuya to refuse again if it is still too fast."""

RECOVERY = 0.8
"""A step removes a fifth of the slowdown: from half the pace back to full pace takes 20 seconds."""

MAX_SLOWDOWN = 64.0
"""Limit of the slowdown. At 50 calls a second it leaves one call every 1.3 seconds: no account stops altogether."""

FARTHEST_SECONDS = 60.0
"""Reservations reach at most this far ahead, plus 1,000 intervals. A later slot means a clock that was set back."""

SET_BACK_SECONDS = 1.0
"""Pause before the first slot after the clock was set back: the slots handed out earlier lie within a second."""

_WALL_AT_START = time.time() - time.monotonic()


def steady_time() -> float:
    """Unix seconds, counted from this machine's clock at process start; setting the clock later has no effect."""
    return _WALL_AT_START + time.monotonic()


@dataclass(frozen=True)
class Pace:
    """State of one endpoint; times are Unix seconds by the clock of the store."""

    next_slot: float
    slowdown: float = 1.0
    throttled_at: float | None = None


def slowdown_at(pace: Pace, now: float) -> float:
    """Factor by which starts are slower than set; falls by a fifth every :data:`QUIET_SECONDS` without throttling."""
    if pace.throttled_at is None:
        return 1.0
    steps: float = max(0.0, now - pace.throttled_at) // QUIET_SECONDS
    return max(1.0, pace.slowdown * math.pow(RECOVERY, min(steps, 100.0)))


def take(pace: Pace, now: float, per_second: float, count: int) -> tuple[Slots, Pace]:
    """The next ``count`` slots, and the pace after them. If the clock was set back, they start soon by the new time."""
    interval = MARGIN / per_second * slowdown_at(pace, now)
    first = max(pace.next_slot, now)
    if first > now + FARTHEST_SECONDS + 1000 * interval:
        first = now + max(SET_BACK_SECONDS, interval)
    return Slots(first, interval, count), replace(pace, next_slot=first + interval * count)


def slow_down(pace: Pace, now: float) -> Pace:
    """Halve the pace, at most once a second: a burst of throttle answers counts once."""
    if pace.throttled_at is not None and 0 <= now - pace.throttled_at < 1:
        return pace
    return replace(pace, slowdown=min(MAX_SLOWDOWN, slowdown_at(pace, now) * 2), throttled_at=now)
