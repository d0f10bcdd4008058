"""When a call may start (docs/tuya.md, "Limits").

Starts are paced per account and endpoint across all processes. A store hands out slots (evenly spaced instants) in
blocks, which keeps it cheap. Slots are slightly further apart than the rate requires, so a start may be late by
:data:`LATE_SECONDS`. A later start postpones all following slots by the excess: otherwise the next second would hold
one start too many. A start that would be late by a whole interval gives up its slot. Every slot is entered in the call
ledger when it is handed out.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from tuyahouse.cloud.errors import BudgetReached, prefix
from tuyahouse.cloud.pace.in_memory import MemorySlotStore
from tuyahouse.pace import steady_time
from tuyahouse.stores import Slots, SlotStore

__all__ = ["LATE_SECONDS", "MemorySlotStore", "Pacer", "SlotStore", "Slots"]

T = TypeVar("T")

LATE_SECONDS = 0.008
"""A start may be this late without consequence. Of the 15 ms that MARGIN leaves in a second, the rest is for the way to
Tuya, which one call passes faster than another."""

NONE = Slots(0.0, 0.0, 0)
SECONDS_A_BLOCK = 0.125
"""Length of a block of slots. All processes together must hold less than a second of them: only slots that are not yet
handed out can be postponed."""
UNPACED_BLOCK = 500
"""Calls that an unpaced process reserves at once. If it is killed, those that it has not made are counted too many."""
REPORT_SECONDS = 5.0


@dataclass
class _Lane:
    """State of one endpoint in this process: its slots in hand, and counts that the ledger does not hold yet."""

    endpoint: str
    want: int
    slots: Slots = NONE
    taken: int = 0
    started: int = 0
    coming: "asyncio.Future[Slots] | None" = None
    unused: int = 0
    failures: int = 0
    throttled: int = 0
    put_off: float = 0.0
    put_off_when_fetched: float = 0.0
    put_off_when_coming: float = 0.0
    slowed_at: float = -math.inf
    reported_at: float = -math.inf
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def left(self) -> int:
        return self.slots.count - self.taken

    def drop(self) -> None:
        """Give up the slots in hand and those being fetched; the next report returns their calls to the ledger."""
        self.unused += self.left
        self.taken = self.slots.count
        if self.coming is not None:
            self.coming.add_done_callback(self._release)
            self.coming = None

    def _release(self, coming: "asyncio.Future[Slots]") -> None:
        if not coming.cancelled() and coming.exception() is None:
            self.unused += coming.result().count

    @property
    def tolerance(self) -> float:
        """Greatest lateness of a start: beyond it, waiting for the next slot costs less than postponing all of them."""
        return LATE_SECONDS + self.slots.interval

    def lapse(self, now: float) -> None:
        """Give up the slots whose time has passed."""
        since = now - self.tolerance - self.slots.first
        if not self.slots.interval or since <= 0:
            return
        gone = min(self.slots.count, math.ceil(since / self.slots.interval))
        self.unused += max(0, gone - self.taken)
        self.taken = max(self.taken, gone)


class Pacer:
    """Starts the calls of one account at the set pace.

    Args:
        account: name of the account.
        store: shared by all processes.
        per_second: starts per second for each endpoint; 0: unpaced, calls are only counted in the ledger.
        monthly_calls: limit of calls in a calendar month; None: no limit.
        now: Unix time in seconds by the clock of the slots; the clock must not be set while the process runs.
        sleep: waits for the given number of seconds.
    """

    def __init__(
        self,
        account: str,
        store: SlotStore,
        *,
        per_second: float,
        monthly_calls: int | None = None,
        now: Callable[[], float] = steady_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._store = store
        self._per_second = per_second
        self._monthly_calls = monthly_calls
        self._now = now
        self._sleep = sleep
        self._block = max(1, int(per_second * SECONDS_A_BLOCK)) if per_second else UNPACED_BLOCK
        self._lanes: dict[str, _Lane] = {}
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="pace")

    async def start(self, endpoint: str) -> None:
        """Return when a call may start.

        Raises:
            BudgetReached: the month's calls are used up.
        """
        lane = self._lanes.get(endpoint) or self._lane(endpoint)
        if self._per_second or lane.left <= 0 or lane.turn.locked():
            async with lane.turn:
                await self._wait(lane)
        else:
            lane.taken += 1
            self._fetch_if_low(lane)

    async def slower(self, endpoint: str) -> None:
        """Tuya asked for fewer calls: the store halves the pace; this process gives up its slots of the old pace."""
        lane = self._lane(endpoint)
        lane.throttled += 1
        if not self._per_second or self._now() - lane.slowed_at < 1.0:
            return
        lane.slowed_at = self._now()
        lane.drop()
        await self._in_thread(self._store.throttled, self._account, endpoint)

    def failed(self, endpoint: str) -> None:
        """Count a call that ended in an error."""
        self._lane(endpoint).failures += 1

    async def aclose(self) -> None:
        """Return unused calls to the ledger and write all counts that it does not hold yet."""
        for lane in self._lanes.values():
            lane.drop()
            await self._in_thread(int)  # wait until the thread has finished its earlier work
            await self._in_thread(self._report(lane, self._now()))
        self._lanes.clear()
        self._threads.shutdown(wait=False)

    def _lane(self, endpoint: str) -> _Lane:
        # Within a budget, calls reserved for one endpoint are missing at the others.
        first = self._block if self._per_second or self._monthly_calls is None else 1
        return self._lanes.setdefault(endpoint, _Lane(endpoint, first))

    async def _wait(self, lane: _Lane) -> None:
        while True:
            slot = await self._take(lane)
            try:
                if (wait := slot - self._now()) > 0:
                    await self._sleep(wait)
            except BaseException:
                lane.unused += 1
                raise
            late = self._now() - slot if self._per_second else 0.0
            if late <= lane.tolerance:
                break
            lane.unused += 1
        self._put_off(lane, late)
        self._fetch_if_low(lane)

    def _put_off(self, lane: _Lane, late: float) -> None:
        """Postpone the slots that are not handed out yet by the excess lateness of this start.

        What they were postponed by since this slot was handed out is deducted.
        """
        if (more := late - LATE_SECONDS - (lane.put_off - lane.put_off_when_fetched)) > 0:
            lane.put_off += more
            self._in_thread(self._store.put_off, self._account, lane.endpoint, more).add_done_callback(_retrieve)

    async def _take(self, lane: _Lane) -> float:
        """The next slot whose time has not passed."""
        lane.lapse(self._now())
        while lane.left <= 0:
            await self._refill(lane)
            lane.lapse(self._now())
        slot = lane.slots.first + lane.taken * lane.slots.interval
        lane.taken += 1
        return slot

    def _fetch_if_low(self, lane: _Lane) -> None:
        """Fetch the next block before this one is used up.

        Done right after a start: the thread delays the loop by some milliseconds, which must be over by the next start.
        """
        lane.started += 1
        if lane.coming is None and (self._per_second or lane.left <= lane.slots.count // 2):
            self._fetch(lane)

    async def _refill(self, lane: _Lane) -> None:
        try:
            slots = await asyncio.shield(lane.coming or self._fetch(lane))
        except BaseException:
            if lane.coming and lane.coming.done():
                lane.coming = None
            raise
        lane.coming, lane.slots, lane.taken = None, slots, 0
        lane.put_off_when_fetched = lane.put_off_when_coming
        if slots.count == 0:
            raise BudgetReached(
                f"The {self._monthly_calls} calls a month that the account {self._account} may cost are used up",
                endpoint=lane.endpoint,
                remedy=f"Raise {prefix(self._account)}MONTHLY_CALLS, or wait for the next month (UTC): "
                "the run key continues where it stopped.",
            )

    def _fetch(self, lane: _Lane) -> "asyncio.Future[Slots]":
        """Reserve about as many slots as were used lately: unused ones are lost to other processes.

        Without a pace and a budget nobody loses any, and blocks are as large as can be: a reservation is a transaction.
        """
        free = not self._per_second and self._monthly_calls is None
        if lane.slots.count and not free:
            lane.want = min(self._block, max(1, 2 * lane.started))
        lane.started = 0
        lane.put_off_when_coming = lane.put_off
        reserve = partial(
            self._store.reserve,
            self._account,
            lane.endpoint,
            per_second=self._per_second,
            want=lane.want,
            monthly_calls=self._monthly_calls,
        )
        lane.coming = self._in_thread(reserve)
        lane.coming.add_done_callback(_retrieve)
        if (now := self._now()) - lane.reported_at >= REPORT_SECONDS:
            self._in_thread(self._report(lane, now)).add_done_callback(_retrieve)
        return lane.coming

    def _report(self, lane: _Lane, now: float) -> Callable[[], None]:
        """A function for the thread that writes the counts that the ledger does not hold yet."""
        unused, failures, throttled = lane.unused, lane.failures, lane.throttled
        lane.unused = lane.failures = lane.throttled = 0
        lane.reported_at = now

        def write() -> None:
            if unused:
                self._store.release(self._account, lane.endpoint, unused)
            if failures or throttled:
                self._store.record(self._account, lane.endpoint, failures=failures, throttled=throttled)

        return write

    def _in_thread(self, work: Callable[..., T], *args: object) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def _retrieve(done: "asyncio.Future[Any]") -> None:
    """Prevent asyncio's warning if no caller waits for the result; the next reservation meets the same error."""
    if not done.cancelled():
        done.exception()
