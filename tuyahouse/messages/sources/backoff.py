"""Exponential backoff with jitter, without an end."""

import random
from collections.abc import Callable


class Backoff:
    """Waits of one second, two, four … up to ``at_most``, each shortened by up to a half at random."""

    def __init__(self, at_most: float = 60.0, chance: Callable[[], float] = random.random) -> None:
        self._at_most = at_most
        self._chance = chance
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        longest = min(2.0**self._tries, self._at_most)
        self._tries = min(self._tries + 1, 30)
        return longest * (1 - self._chance() / 2)

    def reset(self) -> None:
        """An attempt succeeded: the next wait is one second again."""
        self._tries = 0
