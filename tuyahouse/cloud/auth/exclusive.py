"""A blocking lock held by a coroutine and released however the coroutine ends."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class _Entry(Generic[T]):
    """Entering of one blocking context manager, which may be abandoned while it waits.

    A thread that waits for a lock cannot be cancelled. If its coroutine is gone by the time it has the lock,
    the same thread releases it.
    """

    def __init__(self, lock: AbstractContextManager[T]) -> None:
        self._lock = lock
        self._mutex = threading.Lock()
        self._entered = False
        self._abandoned = False

    def enter(self) -> T:
        if self._abandoned:
            raise asyncio.CancelledError
        value = self._lock.__enter__()
        with self._mutex:
            self._entered = not self._abandoned
        if not self._entered:
            self.leave()
        return value

    def leave(self, error: BaseException | None = None) -> None:
        self._lock.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def abandon(self) -> bool:
        """Stop waiting; true if the lock was already acquired and must be released."""
        with self._mutex:
            self._abandoned = True
            return self._entered


@asynccontextmanager
async def held(lock: Callable[[], AbstractContextManager[T]], threads: ThreadPoolExecutor) -> AsyncGenerator[T, None]:
    """Hold a blocking lock without blocking the loop.

    Entering and leaving run in ``threads``; with one thread, in the same one. The lock is released even if the
    coroutine is cancelled at any instant (Ctrl-C): the interpreter joins the thread before it exits.
    """
    loop = asyncio.get_running_loop()
    entry = _Entry(lock())
    try:
        value = await asyncio.shield(loop.run_in_executor(threads, entry.enter))
    except asyncio.CancelledError:
        if entry.abandon():
            threads.submit(entry.leave)
        raise
    error: BaseException | None = None
    try:
        yield value
    except BaseException as raised:
        error = raised
        raise
    finally:
        await asyncio.shield(loop.run_in_executor(threads, entry.leave, error))
