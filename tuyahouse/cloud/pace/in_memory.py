"""Start slots and call ledger of one process (see tuyahouse.stores; the warehouse keeps those of all processes)."""

import threading
from collections.abc import Callable
from dataclasses import replace

from tuyahouse.pace import Pace, slow_down, steady_time, take
from tuyahouse.stores import Slots

Key = tuple[str, str]
"""Account and endpoint."""


class MemorySlotStore:
    """A :class:`tuyahouse.stores.SlotStore` of this process: for a check of the settings, and for tests."""

    def __init__(self, now: Callable[[], float] = steady_time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._paces: dict[Key, Pace] = {}
        self.calls: dict[Key, int] = {}
        self.failures: dict[Key, int] = {}
        self.throttles: dict[Key, int] = {}

    def reserve(self, account: str, endpoint: str, *, per_second: float, want: int, monthly_calls: int | None) -> Slots:
        key = (account, endpoint)
        with self._lock:
            count = want if monthly_calls is None else max(0, min(want, monthly_calls - self._used(account)))
            self.calls[key] = self.calls.get(key, 0) + count
            now = self._now()
            if not per_second:
                return Slots(now, 0.0, count)
            slots, self._paces[key] = take(self._pace(key), now, per_second, count)
            return slots

    def release(self, account: str, endpoint: str, unused: int) -> None:
        with self._lock:
            self.calls[account, endpoint] = self.calls.get((account, endpoint), 0) - unused

    def put_off(self, account: str, endpoint: str, seconds: float) -> None:
        key = (account, endpoint)
        with self._lock:
            pace = self._pace(key)
            self._paces[key] = replace(pace, next_slot=pace.next_slot + seconds)

    def throttled(self, account: str, endpoint: str) -> None:
        key = (account, endpoint)
        with self._lock:
            self._paces[key] = slow_down(self._pace(key), self._now())

    def record(self, account: str, endpoint: str, *, failures: int, throttled: int) -> None:
        key = (account, endpoint)
        with self._lock:
            self.failures[key] = self.failures.get(key, 0) + failures
            self.throttles[key] = self.throttles.get(key, 0) + throttled

    def _used(self, account: str) -> int:
        return sum(calls for (owner, _), calls in self.calls.items() if owner == account)

    def _pace(self, key: Key) -> Pace:
        return self._paces.get(key) or Pace(0.0)
