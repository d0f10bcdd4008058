"""One time limit for many tasks: late tasks get a TimeoutError, all others stay."""

import asyncio

import pytest

from tuyahouse.cloud.http.deadline import Deadline

SOON = 0.05


async def staying(deadline, seconds):
    with deadline:
        await asyncio.sleep(seconds)
    return "in time"


async def test_a_task_that_stays_too_long_gets_a_timeout_error():
    with pytest.raises(TimeoutError):
        await staying(Deadline(SOON), 10)
    assert asyncio.current_task().cancelling() == 0


async def test_of_many_only_the_late_ones():
    deadline = Deadline(0.2)
    early = asyncio.create_task(staying(deadline, 10))
    await asyncio.sleep(0.1)
    later = [asyncio.create_task(staying(deadline, seconds)) for seconds in (0, 0.05, 10)]
    await asyncio.sleep(0.15)
    assert early.done()
    assert [task.done() for task in later] == [True, True, False]
    ends = await asyncio.gather(early, *later, return_exceptions=True)
    assert [end if isinstance(end, str) else type(end) for end in ends] == [
        TimeoutError, "in time", "in time", TimeoutError,
    ]  # fmt: skip


async def test_it_serves_again_after_everybody_left():
    deadline = Deadline(SOON)
    assert await staying(deadline, 0) == "in time"
    await asyncio.sleep(2 * SOON)
    with pytest.raises(TimeoutError):
        await staying(deadline, 10)
    assert await staying(deadline, 0) == "in time"


async def test_a_cancellation_from_elsewhere_goes_on_as_one():
    task = asyncio.create_task(staying(Deadline(10), 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_that_comes_with_the_time_out_is_not_swallowed():
    deadline = Deadline(SOON)

    async def slow_to_go():
        with deadline:
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(4 * SOON)

    task = asyncio.create_task(slow_to_go())
    await asyncio.sleep(0.5 * SOON)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_its_own_stays_what_it_is():
    deadline = Deadline(SOON)

    async def failing():
        with deadline:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                raise ValueError("told apart") from None

    with pytest.raises(ValueError, match="told apart"):
        await failing()
    assert await staying(deadline, 0) == "in time"


async def test_a_closed_deadline_cancels_no_task_and_leaves_no_timer():
    deadline = Deadline(SOON)
    task = asyncio.create_task(staying(deadline, 3 * SOON))
    await asyncio.sleep(0)
    deadline.close()
    assert await task == "in time"
