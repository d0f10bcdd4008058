"""How long a statement waits for a lock that another session holds; shorter once this process has to end."""

import time
from collections.abc import Callable
from dataclasses import dataclass

SECONDS_TO_END = 4.0
"""Time for all waits together after Ctrl-C."""
SHORTEST = 0.1
"""A free lock is taken within this time, even by a process that is ending."""

FIRST_WARNING = 3.0
"""Seconds of waiting after which the holder is named in the log. Most waits are shorter: another run commits."""
_LONGEST_PAUSE = 300.0

_ends_at: float | None = None


def end_waits_soon() -> None:
    """The process is ending: no statement waits for a lock for longer than :data:`SECONDS_TO_END` from now."""
    global _ends_at
    _ends_at = _ends_at or time.monotonic() + SECONDS_TO_END


def is_ending() -> bool:
    """Whether :func:`end_waits_soon` was called."""
    return _ends_at is not None


def is_over() -> bool:
    """Whether the time of an ending process is used up."""
    return _ends_at is not None and time.monotonic() >= _ends_at


def seconds_left(bound: float, waited: float = 0.0) -> float:
    """How much longer a wait may last: ``bound`` in all, less in a process that is ending, never less than a moment."""
    left = bound - waited if _ends_at is None else min(bound - waited, _ends_at - time.monotonic())
    return max(SHORTEST, left)


def is_too_long(waited: float, bound: float) -> bool:
    return waited >= bound or (is_over() and waited >= SHORTEST)


@dataclass(slots=True)
class Wait:
    """One wait for a lock: when it began, and when it is worth a line in the log."""

    began: float
    _next: float = FIRST_WARNING

    @classmethod
    def begin(cls, now: Callable[[], float] = time.monotonic) -> "Wait":
        return cls(now())

    def seconds(self, now: float) -> float:
        return now - self.began

    def is_due(self, now: float) -> bool:
        """Whether to warn now: after three seconds, then ever more rarely, at least every five minutes."""
        if self.seconds(now) < self._next:
            return False
        self._next = self.seconds(now) + min(max(27.0, self.seconds(now)), _LONGEST_PAUSE)
        return True
