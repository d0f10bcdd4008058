"""Paced starts, with a clock that moves only while a test waits."""

import asyncio
import heapq
from concurrent.futures import Executor, Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.fake_tuya import Clock
from tuyahouse.cloud.errors import BudgetReached
from tuyahouse.cloud.pace.pacer import MemorySlotStore, Pacer
from tuyahouse.pace import MARGIN

FLOWS, OTHER = "POST /flows", "GET /other"


class Timeline:
    """Virtual time for many tasks: when nobody can run, the clock goes to the first who wakes, ``late`` by so much."""

    def __init__(self, late=lambda: 0.0):
        self.time = 1_800_000_000.0
        self.late = late
        self._waiting = []
        self._order = 0

    def __call__(self):
        return self.time

    async def sleep(self, seconds):
        self._order += 1
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.time + seconds + self.late(), self._order, wake))
        await wake

    async def run(self, tasks, until):
        """Run until the clock is past ``until``; the tasks are cancelled then."""
        running = [asyncio.ensure_future(task) for task in tasks]
        while True:
            await self._settle()
            if not self._waiting or self._waiting[0][0] > until:
                break
            at, _, wake = heapq.heappop(self._waiting)
            self.time = max(self.time, at)
            if not wake.done():
                wake.set_result(None)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _settle(self):
        """Let everything run that can."""
        for _ in range(20):
            await asyncio.sleep(0)


class AtOnce(Executor):
    """In place of the pacer's thread: what is reserved is there before virtual time goes on."""

    def submit(self, work, /, *args, **options):
        done = Future()
        done.set_result(work(*args, **options))
        return done


def pacer(store, timeline, per_second=50.0, **options):
    made = Pacer("factory", store, per_second=per_second, now=timeline, sleep=timeline.sleep, **options)
    made._threads = AtOnce()
    return made


async def starts_of(timeline, pacers, seconds, workers=4):
    starts = []

    async def work(one):
        while True:
            await one.start(FLOWS)
            starts.append(timeline())
            await timeline.sleep(0.03)

    await timeline.run([work(one) for one in pacers for _ in range(workers)], timeline() + seconds)
    return starts


def busiest_second(starts):
    ordered = sorted(starts)
    return max(sum(1 for other in ordered if start <= other < start + 1.0) for start in ordered)


@pytest.mark.parametrize("processes", [1, 3])
async def test_starts_keep_to_the_rate_and_use_it(processes):
    timeline = Timeline()
    store = MemorySlotStore(timeline)
    starts = await starts_of(timeline, [pacer(store, timeline) for _ in range(processes)], 4)
    assert busiest_second(starts) <= 50
    assert len(starts) >= 0.99 * 50 * 4


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
async def test_late_wakings_never_crowd_a_second(random):
    timeline = Timeline(late=lambda: random.choice([0.0, 0.001, 0.002, 0.02, 0.3]))
    store = MemorySlotStore(timeline)
    starts = await starts_of(timeline, [pacer(store, timeline) for _ in range(2)], 2)
    assert busiest_second(starts) <= 50


async def test_a_pause_is_not_made_up_for_by_a_burst():
    timeline = Timeline()
    ours = pacer(MemorySlotStore(timeline), timeline)
    await starts_of(timeline, [ours], 1)
    timeline.time += 10
    assert busiest_second(await starts_of(timeline, [ours], 2)) <= 50


async def test_endpoints_are_paced_apart(clock, slots):
    ours = Pacer("factory", slots, per_second=1, now=clock, sleep=clock.sleep)
    began = clock()
    for endpoint in (FLOWS, OTHER, FLOWS, OTHER):
        await ours.start(endpoint)
    assert clock() - began == pytest.approx(MARGIN)


async def test_slow_rates_keep_their_distance(clock, slots):
    ours = Pacer("factory", slots, per_second=0.5, now=clock, sleep=clock.sleep)
    began = clock()
    for _ in range(4):
        await ours.start(FLOWS)
    assert clock() - began == pytest.approx(3 * 2 * MARGIN)


def oversleeping(clock, *late):
    late = list(late)

    async def sleep(seconds):
        clock.time += seconds + (late.pop(0) if late else 0.0)

    return sleep


async def free_at(slots, clock):
    """When the store's next slot is, in milliseconds from now."""
    return (slots.reserve("factory", FLOWS, per_second=10, want=0, monthly_calls=None).first - clock()) * 1000


async def test_a_start_late_by_more_than_an_interval_gives_its_slot_up(clock, slots):
    ours = Pacer("factory", slots, per_second=40, now=clock, sleep=oversleeping(clock, 0.0, 0.044))
    began, starts = clock(), []
    for _ in range(3):
        await ours.start(FLOWS)
        starts.append(round((clock() - began) * 1000, 3))
    assert starts == [0.0, 25.375, 94.75]  # slots of 0, 25.375 and 76.125 ms; that of 50.75 was given up
    await ours.aclose()
    assert slots.calls["factory", FLOWS] == 3


async def test_a_start_that_is_a_little_late_puts_nothing_off(clock, slots):
    ours = Pacer("factory", slots, per_second=10, now=clock, sleep=oversleeping(clock, 0.003))
    await ours.start(FLOWS)
    await ours.start(FLOWS)
    await ours.aclose()
    assert await free_at(slots, clock) == pytest.approx(2 * 101.5 - 3, abs=0.01)


async def test_a_start_that_is_too_late_puts_the_slots_after_it_off_by_the_rest(clock, slots):
    ours = Pacer("factory", slots, per_second=10, now=clock, sleep=oversleeping(clock, 0.015))
    await ours.start(FLOWS)
    await ours.start(FLOWS)
    await ours.aclose()
    assert await free_at(slots, clock) == pytest.approx(2 * 101.5 - 15 + 7, abs=0.01)


async def test_calls_are_ledgered_exactly_once_it_is_closed(clock, slots):
    ours = Pacer("factory", slots, per_second=50, now=clock, sleep=clock.sleep)
    for _ in range(30):
        await ours.start(FLOWS)
    assert slots.calls["factory", FLOWS] >= 30
    await ours.aclose()
    assert slots.calls["factory", FLOWS] == 30


async def test_unpaced_calls_are_ledgered_exactly_too(clock, slots):
    ours = Pacer("factory", slots, per_second=0, now=clock, sleep=clock.sleep)
    for _ in range(1234):
        await ours.start(FLOWS)
    assert slots.calls["factory", FLOWS] >= 1234
    await ours.aclose()
    assert slots.calls["factory", FLOWS] == 1234


async def test_unpaced_calls_reserve_in_blocks(clock, slots):
    class Counting(MemorySlotStore):
        reserved = 0

        def reserve(self, *args, **options):
            self.reserved += 1
            return super().reserve(*args, **options)

    store = Counting(clock)
    ours = Pacer("factory", store, per_second=0, now=clock, sleep=clock.sleep)
    for _ in range(10_000):
        await ours.start(FLOWS)
    assert store.reserved <= 30


@pytest.mark.parametrize("per_second", [0, 50])
async def test_the_budget_is_spent_to_the_last_call_and_no_further(clock, slots, per_second):
    ours = Pacer("factory", slots, per_second=per_second, monthly_calls=40, now=clock, sleep=clock.sleep)
    for _ in range(40):
        await ours.start(FLOWS)
    with pytest.raises(BudgetReached, match="40 calls a month that the account factory may cost are used up"):
        await ours.start(FLOWS)
    await ours.aclose()
    assert slots.calls["factory", FLOWS] == 40


async def test_a_throttle_answer_halves_the_pace_and_time_restores_it():
    timeline = Timeline()
    store = MemorySlotStore(timeline)
    ours = pacer(store, timeline, per_second=40)
    await starts_of(timeline, [ours], 1)
    await ours.slower(FLOWS)
    slowed = await starts_of(timeline, [ours], 2)
    timeline.time += 120
    restored = await starts_of(timeline, [ours], 2)
    assert len(slowed) <= 0.6 * 80 and len(restored) >= 0.95 * 80


async def test_many_throttle_answers_at_once_halve_it_once(clock, slots):
    ours = Pacer("factory", slots, per_second=40, now=clock, sleep=clock.sleep)
    for _ in range(20):
        await ours.slower(FLOWS)
    slot = slots.reserve("factory", FLOWS, per_second=40, want=1, monthly_calls=None)
    assert slot.interval == pytest.approx(2 * MARGIN / 40)


async def test_failures_and_throttle_answers_reach_the_ledger(clock, slots):
    ours = Pacer("factory", slots, per_second=0, now=clock, sleep=clock.sleep)
    await ours.start(FLOWS)
    ours.failed(FLOWS)
    ours.failed(FLOWS)
    await ours.slower(FLOWS)
    await ours.aclose()
    assert (slots.failures["factory", FLOWS], slots.throttles["factory", FLOWS]) == (2, 1)


async def test_a_cancelled_waiter_gives_its_call_back(slots):
    clock = Clock()
    asleep = asyncio.Event()

    async def sleep(seconds):
        asleep.set()
        await asyncio.sleep(3600)

    ours = Pacer("factory", slots, per_second=1, now=clock, sleep=sleep)
    await ours.start(FLOWS)
    waiting = asyncio.create_task(ours.start(FLOWS))
    await asleep.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await ours.aclose()
    assert slots.calls["factory", FLOWS] == 1


async def test_a_store_that_fails_fails_the_start_and_is_asked_again_by_the_next(clock):
    class Away(MemorySlotStore):
        away = True

        def reserve(self, *args, **options):
            if self.away:
                raise ConnectionError("the warehouse is away")
            return super().reserve(*args, **options)

    store = Away(clock)
    ours = Pacer("factory", store, per_second=0, now=clock, sleep=clock.sleep)
    with pytest.raises(ConnectionError):
        await ours.start(FLOWS)
    store.away = False
    await ours.start(FLOWS)
    await ours.aclose()
    assert store.calls["factory", FLOWS] == 1
