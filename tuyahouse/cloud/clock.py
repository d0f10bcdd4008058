"""Tuya's time, as far as its answers have told it.

A request is valid for five minutes around Tuya's clock, and tokens end by Tuya's clock. A host whose own clock is off
would be refused for ever; the ``t`` of every answer says by how much.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tuyahouse.pace import steady_time

TOLERANCE_SECONDS = 30.0
"""Differences below this are left alone: they are mostly the way of the answer, and requests have five minutes."""


def milliseconds(t: int) -> int:
    """A Unix time of seconds, milliseconds or finer as milliseconds: Tuya sends 10 and 13 digits for the same field."""
    if abs(t) < 100_000_000_000:
        return t * 1000
    while abs(t) >= 100_000_000_000_000:
        t //= 1000
    return t


@dataclass(slots=True)
class Off:
    """By how much the local clock was found to be off."""

    seconds: float = 0.0


_OFF_BY: dict[str, Off] = {}
"""Shared by the clients that a process opens one after another: else each would take a live token for a dead one."""


class ServerClock:
    """The local clock plus what it was found to be off.

    Args:
        now: local Unix time in seconds.
        shared_by: clocks of this process with the same name know of each other's corrections; empty: of none.
    """

    def __init__(self, now: Callable[[], float] = steady_time, shared_by: str = "") -> None:
        self._now = now
        self._off = _OFF_BY.setdefault(shared_by, Off()) if shared_by else Off()
        self.told = False
        """Whether any answer has told the time yet."""

    @property
    def offset_seconds(self) -> float:
        """What is added to the local clock; other than 0 when it was found to be off."""
        return self._off.seconds

    def now(self) -> float:
        """Unix time in seconds by Tuya's clock."""
        return self._now() + self._off.seconds

    def now_ms(self) -> int:
        """Unix time in milliseconds by Tuya's clock: the ``t`` of a request."""
        return int((self._now() + self._off.seconds) * 1000)

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
        self._off.seconds += off
        return True
