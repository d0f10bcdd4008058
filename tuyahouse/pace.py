"""The law of pace: when calls of one endpoint may start. Values in, values out.

Starts are evenly spaced instants, handed out as :class:`tuyahouse.stores.Slots`. Tuya's request to slow down halves the
pace, and quiet time restores it. The warehouse keeps a :class:`Pace` for all processes, a store in memory for one.
"""

import math
import time
from dataclasses import dataclass, replace

from tuyahouse.stores import Slots

MARGIN = 1.005
"""Starts are this much further apart than the rate asks for: clocks and timers are not exact, and no second may hold one
start too many."""

QUIET_SECONDS = 5.0
"""Quiet time after which the pace recovers one step: long enough for Tuya to refuse again if it is still too fast."""

RECOVERY = 0.8
"""A step takes a fifth of the slowdown away: from half the pace back to all of it in 20 seconds."""

MAX_SLOWDOWN = 64.0
"""At 50 calls a second that is still one call every 1.3 seconds: an account never stops altogether."""

FARTHEST_SECONDS = 60.0
"""No queue of reservations reaches further ahead, besides 1,000 intervals: beyond it the clock was set back."""

SET_BACK_SECONDS = 1.0
"""Pause before the first slot after the clock was set back: slots handed out before end within a second."""

_WALL_AT_START = time.time() - time.monotonic()


def steady_time() -> float:
    """Unix seconds by this machine's clock as it was when the process started: setting the clock does not change it."""
    return _WALL_AT_START + time.monotonic()


@dataclass(frozen=True)
class Pace:
    """Where one endpoint stands; times in Unix seconds by the clock of the store."""

    next_slot: float
    slowdown: float = 1.0
    throttled_at: float | None = None


def slowdown_at(pace: Pace, now: float) -> float:
    """How many times slower than set. Every :data:`QUIET_SECONDS` after a throttle answer a fifth of it goes, down to 1."""
    if pace.throttled_at is None:
        return 1.0
    steps: float = max(0.0, now - pace.throttled_at) // QUIET_SECONDS
    return max(1.0, pace.slowdown * math.pow(RECOVERY, min(steps, 100.0)))


def take(pace: Pace, now: float, per_second: float, count: int) -> tuple[Slots, Pace]:
    """The next ``count`` slots, and the pace after them. A clock that was set back stops nobody for long."""
    interval = MARGIN / per_second * slowdown_at(pace, now)
    first = max(pace.next_slot, now)
    if first > now + FARTHEST_SECONDS + 1000 * interval:
        first = now + max(SET_BACK_SECONDS, interval)
    return Slots(first, interval, count), replace(pace, next_slot=first + interval * count)


def slow_down(pace: Pace, now: float) -> Pace:
    """Half the pace, at most once a second: one burst of throttle answers is one reason."""
    if pace.throttled_at is not None and 0 <= now - pace.throttled_at < 1:
        return pace
    return replace(pace, slowdown=min(MAX_SLOWDOWN, slowdown_at(pace, now) * 2), throttled_at=now)
