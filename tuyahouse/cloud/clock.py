"""Tuya's time, taken from its answers.

A request is valid for five minutes around Tuya's clock, and tokens expire by Tuya's clock. A host whose
clock is wrong would always be refused; the ``t`` of every answer shows by how much it is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tuyahouse.pace import steady_time

TOLERANCE_SECONDS = 30.0
"""Smaller differences are ignored: they are mostly network latency, and requests are valid for five minutes."""


def milliseconds(t: int) -> int:
    """A Unix time of seconds, milliseconds or finer as milliseconds: Tuya sends 10 and 13 digits for the same field."""
    if abs(t) < 100_000_000_000:
        return t * 1000
    while abs(t) >= 100_000_000_000_000:
        t //= 1000
    return t


@dataclass(slots=True)
class Off:
    """Seconds that Tuya's clock is ahead of the local one."""

    seconds: float = 0.0


_OFF_BY: dict[str, Off] = {}
"""Shared by the clients that a process opens in turn: a new client with a wrong clock would judge a live token dead."""


class ServerClock:
    """The local clock, corrected by the times in Tuya's answers.

    Args:
        now: local Unix time in seconds.
        shared_by: clocks in this process with the same name share their correction; empty: not shared.
    """

    def __init__(self, now: Callable[[], float] = steady_time, shared_by: str = "") -> None:
        self._now = now
        self._off = _OFF_BY.setdefault(shared_by, Off()) if shared_by else Off()
        self.was_observed = False
        """Whether any answer contained a time."""

    @property
    def offset_seconds(self) -> float:
        """Seconds added to the local clock; 0 while it has not been corrected."""
        return self._off.seconds

    def now(self) -> float:
        """Unix time in seconds by Tuya's clock."""
        return self._now() + self._off.seconds

    def now_ms(self) -> int:
        """Unix time in milliseconds by Tuya's clock: the ``t`` of a request."""
        return int((self._now() + self._off.seconds) * 1000)

    def observe(self, t_ms: int | None, *, refused: bool = False) -> bool:
        """Correct the clock by the ``t`` of an answer; true if that changed it.

        Args:
            t_ms: milliseconds, or None if the answer had none.
            refused: Tuya refused the time of the request (1013), so even a small difference counts.
        """
        if t_ms is None:
            return False
        self.was_observed = True
        off = t_ms / 1000 - self.now()
        if abs(off) < (1.0 if refused else TOLERANCE_SECONDS):
            return False
        self._off.seconds += off
        return True
