"""Start slots and ledger of one process alone (see tuyahouse.stores; the warehouse keeps those of all)."""

import math
import threading
import time
from collections.abc import Callable

from tuyahouse.stores import Slots

SPREAD = 1.005
"""Slots are this much further apart than the rate asks for: so late may a start be and no second hold one too many."""

RECOVERY_SECONDS = 60.0
"""After a throttle answer the pace is back at its full rate so much later."""


class MemorySlotStore:
    """Slots and ledger of this process alone: for a check of the settings, and for tests."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._free_at: dict[tuple[str, str], float] = {}
        self._slowed: dict[tuple[str, str], tuple[float, float]] = {}
        self.calls: dict[tuple[str, str], int] = {}
        self.failures: dict[tuple[str, str], int] = {}
        self.throttles: dict[tuple[str, str], int] = {}

    def reserve(self, account: str, endpoint: str, *, per_second: float, want: int, monthly_calls: int | None) -> Slots:
        key = (account, endpoint)
        with self._lock:
            count = want if monthly_calls is None else max(0, min(want, monthly_calls - self._used(account)))
            self.calls[key] = self.calls.get(key, 0) + count
            now = self._now()
            interval = SPREAD / (per_second * self._pace(key, now)) if per_second else 0.0
            first = max(now, self._free_at.get(key, -math.inf))
            self._free_at[key] = first + count * interval
            return Slots(first, interval, count)

    def release(self, account: str, endpoint: str, unused: int) -> None:
        with self._lock:
            self.calls[account, endpoint] = self.calls.get((account, endpoint), 0) - unused

    def put_off(self, account: str, endpoint: str, seconds: float) -> None:
        with self._lock:
            self._free_at[account, endpoint] = self._free_at.get((account, endpoint), 0.0) + seconds

    def throttled(self, account: str, endpoint: str) -> None:
        key = (account, endpoint)
        with self._lock:
            now = self._now()
            if now - self._slowed.get(key, (-math.inf, 1.0))[0] >= 1.0:
                self._slowed[key] = (now, max(0.01, self._pace(key, now) / 2))

    def record(self, account: str, endpoint: str, *, failures: int, throttled: int) -> None:
        key = (account, endpoint)
        with self._lock:
            self.failures[key] = self.failures.get(key, 0) + failures
            self.throttles[key] = self.throttles.get(key, 0) + throttled

    def _used(self, account: str) -> int:
        return sum(calls for (owner, _), calls in self.calls.items() if owner == account)

    def _pace(self, key: tuple[str, str], now: float) -> float:
        """Share of the full rate: what the last throttle answer left, rising to 1 by time."""
        since, share = self._slowed.get(key, (-math.inf, 1.0))
        return min(1.0, share + (now - since) / RECOVERY_SECONDS)
