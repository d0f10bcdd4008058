"""A blocking lock under a coroutine that may be cancelled at any instant."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tuyahouse.cloud.auth.exclusive import held


class BlockingLock:
    """A lock that notes who has it, in which thread and how it was left."""

    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = threading.Event()
        self.threads = []
        self.errors = []

    @contextmanager
    def __call__(self):
        self.waiting.set()
        with self.lock:
            self.threads.append(threading.current_thread().name)
            try:
                yield "value"
            except BaseException as error:
                self.errors.append(type(error))
                raise
            finally:
                self.threads.append(threading.current_thread().name)

    def is_free(self, within=5.0):
        free = self.lock.acquire(timeout=within)
        if free:
            self.lock.release()
        return free


@pytest.fixture
def threads():
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_the_lock_is_held_inside_and_free_after(threads):
    lock = BlockingLock()
    async with held(lock, threads) as value:
        assert value == "value" and not lock.is_free(within=0)
    assert lock.is_free(within=0)


async def test_it_is_entered_and_left_in_one_thread_that_is_not_the_loops(threads):
    lock = BlockingLock()
    async with held(lock, threads):
        pass
    assert len(set(lock.threads)) == 1 and threading.current_thread().name not in lock.threads


async def test_an_error_inside_reaches_the_lock(threads):
    lock = BlockingLock()
    with pytest.raises(ValueError, match="boom"):
        async with held(lock, threads):
            raise ValueError("boom")
    assert lock.errors == [ValueError] and lock.is_free(within=0)


async def test_cancelled_while_it_holds_the_lock_it_gives_it_back(threads):
    lock, inside = BlockingLock(), asyncio.Event()

    async def hold():
        async with held(lock, threads):
            inside.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(hold())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert lock.is_free()


async def test_cancelled_while_it_waits_for_the_lock_it_gives_it_back_once_it_gets_it(threads):
    lock, began = BlockingLock(), []

    async def hold():
        async with held(lock, threads):
            began.append(True)

    lock.lock.acquire()
    task = asyncio.create_task(hold())
    await asyncio.to_thread(lock.waiting.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    lock.lock.release()
    await asyncio.wrap_future(threads.submit(lambda: None))
    assert lock.is_free() and not began


def test_ctrl_c_in_the_middle_leaves_no_lock():
    lock, threads = BlockingLock(), ThreadPoolExecutor(1)

    async def hold():
        async with held(lock, threads):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(hold())
    threads.shutdown()
    assert lock.is_free(within=0)
