"""When a call may start (docs/tuya.md, "Limits").

Starts are paced per account and endpoint over all processes: a store hands out slots, evenly spaced instants, some at
a time so that it costs little. The slots are a little further apart than need be, so that a start may be late by
:data:`LATE_SECONDS`. A later one puts all following slots off by the rest, for else the second after it would hold one
start too many; one that would be late by a whole interval gives its slot up. Every slot is ledgered when it is handed out.
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

LATE_SECONDS = 0.004
"""So late a start may be without any consequence: less than the spare of a second that MARGIN leaves, 5 ms."""

NONE = Slots(0.0, 0.0, 0)
SECONDS_A_BLOCK = 0.125
"""Slots handed out, over all processes, stay below a second: what is put off must not be handed out yet."""
UNPACED_BLOCK = 1000
FIRST_UNPACED_BLOCK = 64
REPORT_SECONDS = 5.0


@dataclass
class _Lane:
    """The starts of one endpoint in this process."""

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
        """Give up the slots in hand and on their way; their calls go back to the ledger with the next report."""
        self.unused += self.left
        self.taken = self.slots.count
        if self.coming is not None:
            self.coming.add_done_callback(self._give_back)
            self.coming = None

    def _give_back(self, coming: "asyncio.Future[Slots]") -> None:
        if not coming.cancelled() and coming.exception() is None:
            self.unused += coming.result().count

    @property
    def tolerance(self) -> float:
        """Beyond this, waiting for the next slot costs less than putting all slots off."""
        return LATE_SECONDS + self.slots.interval

    def lapse(self, now: float) -> None:
        """Give up the slots whose time has gone."""
        since = now - self.tolerance - self.slots.first
        if not self.slots.interval or since <= 0:
            return
        gone = min(self.slots.count, math.ceil(since / self.slots.interval))
        self.unused += max(0, gone - self.taken)
        self.taken = max(self.taken, gone)


class Pacer:
    """Lets calls of one account start in their turn.

    Args:
        account: its name.
        store: shared by all processes.
        per_second: starts a second and endpoint; 0: unpaced, the calls are only ledgered.
        monthly_calls: calls a calendar month may cost; None: no limit.
        now: Unix time in seconds by the clock of the slots, which nobody sets while it runs.
        sleep: waits so many seconds.
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
        """Tuya asked for fewer calls: the store halves the pace, and slots of the old pace are given up."""
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
        """Give unused calls back to the ledger, and write down what was only counted so far."""
        for lane in self._lanes.values():
            lane.drop()
            await self._in_thread(int)  # the one thread has done all that was asked of it before
            await self._in_thread(self._report(lane, self._now()))
        self._lanes.clear()
        self._threads.shutdown(wait=False)

    def _lane(self, endpoint: str) -> _Lane:
        unpaced = FIRST_UNPACED_BLOCK if self._monthly_calls is None else 1  # what one endpoint holds, others lack
        first = self._block if self._per_second else unpaced
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
        """Make the slots that are not handed out yet later by what this start is too late.

        What put them off since this slot was handed out counts already.
        """
        if (more := late - LATE_SECONDS - (lane.put_off - lane.put_off_when_fetched)) > 0:
            lane.put_off += more
            self._in_thread(self._store.put_off, self._account, lane.endpoint, more).add_done_callback(_heard)

    async def _take(self, lane: _Lane) -> float:
        """The next slot whose time has not gone."""
        lane.lapse(self._now())
        while lane.left <= 0:
            await self._refill(lane)
            lane.lapse(self._now())
        slot = lane.slots.first + lane.taken * lane.slots.interval
        lane.taken += 1
        return slot

    def _fetch_if_low(self, lane: _Lane) -> None:
        """Fetch the following block before this one is used up: right after a start, so that the thread's work, which
        holds up the loop for some milliseconds, is done by the next."""
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
        """Reserve as many slots as were needed lately: what one process does not use is lost to the others."""
        if lane.slots.count:
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
        lane.coming.add_done_callback(_heard)
        if (now := self._now()) - lane.reported_at >= REPORT_SECONDS:
            self._in_thread(self._report(lane, now)).add_done_callback(_heard)
        return lane.coming

    def _report(self, lane: _Lane, now: float) -> Callable[[], None]:
        """What the ledger does not know yet, to be written in the thread."""
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


def _heard(done: "asyncio.Future[Any]") -> None:
    """Perhaps nobody waits for it; that it failed shows at the next reservation."""
    if not done.cancelled():
        done.exception()
