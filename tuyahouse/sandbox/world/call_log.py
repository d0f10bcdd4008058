"""The log of calls to the sandbox: counts, start times, limits, quota."""

from array import array
from collections import deque
from dataclasses import dataclass, field

from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.refusals import Refusal

REMEMBERED_STARTS = 2_000_000


@dataclass(slots=True)
class CallLog:
    """Counts by endpoint (``POST /v1.0/…``) and key asked for; start times in Unix seconds, in order of arrival."""

    options: Options
    total: int = 0
    asked: dict[str, dict[str, int]] = field(default_factory=dict)
    starts: dict[str, "array[float]"] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    quota_used: int = 0
    _windows: dict[str, deque[float]] = field(default_factory=dict)

    def arrive(self, endpoint: str, key: str, now: float) -> int:
        """Enter a call; returns how many calls for this endpoint and key came before it."""
        self.total += 1
        before = self.calls.get(endpoint, 0)
        self.calls[endpoint] = before + 1
        if not self.options.remember:
            return self.total
        starts = self.starts.setdefault(endpoint, array("d"))
        if len(starts) < REMEMBERED_STARTS:
            starts.append(now)
        keys = self.asked.setdefault(endpoint, {})
        asked = keys.get(key, 0)
        keys[key] = asked + 1
        return asked

    def refuse_above_limits(self, endpoint: str, now: float) -> None:
        """Raise if the quota is used up, or the endpoint had all its calls of the last second."""
        if (quota := self.options.quota) and self.quota_used >= quota:
            raise Refusal("28841004")
        self.quota_used += 1
        limit = self.options.calls_per_second
        if limit and not self._room(endpoint, now, limit):
            raise Refusal(self.options.throttle_as)

    def _room(self, endpoint: str, now: float, limit: float) -> bool:
        window = self._windows.setdefault(endpoint, deque())
        while window and window[0] <= now - 1:
            window.popleft()
        if len(window) >= limit:
            return False
        window.append(now)
        return True

    def forget(self) -> None:
        """Start all counts anew; quota and limits stay."""
        self.total = 0
        for counts in (self.asked, self.starts, self.calls, self.refusals):
            counts.clear()
