"""Tuya's time, as far as its answers have told it.

A request is valid for five minutes around Tuya's clock, and tokens end by Tuya's clock. A host whose own clock is off
would be refused for ever; the ``t`` of every answer says by how much.
"""

import time
from collections.abc import Callable

TOLERANCE_SECONDS = 30.0
"""Differences below this are left alone: they are mostly the way of the answer, and requests have five minutes."""


def milliseconds(t: int) -> int:
    """A Unix time of seconds, milliseconds or finer as milliseconds: Tuya sends 10 and 13 digits for the same field."""
    if abs(t) < 100_000_000_000:
        return t * 1000
    while abs(t) >= 100_000_000_000_000:
        t //= 1000
    return t


class ServerClock:
    """The local clock plus what it was found to be off.

    Args:
        now: local Unix time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.offset_seconds = 0.0
        """What is added to the local clock; other than 0 when it was found to be off."""
        self.told = False
        """Whether any answer has told the time yet."""

    def now(self) -> float:
        """Unix time in seconds by Tuya's clock."""
        return self._now() + self.offset_seconds

    def now_ms(self) -> int:
        """Unix time in milliseconds by Tuya's clock: the ``t`` of a request."""
        return int((self._now() + self.offset_seconds) * 1000)

    def observe(self, t_ms: int | None, *, refused: bool = False) -> bool:
        """Correct the clock by the ``t`` of an answer; true if it was changed.

        Args:
            t_ms: milliseconds, or None when the answer had none.
            refused: Tuya refused the time of the request (1013), so that even a small difference counts.
        """
        if t_ms is None:
            return False
        self.told = True
        off = t_ms / 1000 - self.now()
        if abs(off) < (1.0 if refused else TOLERANCE_SECONDS):
            return False
        self.offset_seconds += off
        return True
