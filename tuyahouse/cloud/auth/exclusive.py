"""A blocking lock held by a coroutine, given back however the coroutine ends."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class _Entry(Generic[T]):
    """Entering of one blocking context manager, which may be abandoned while it waits.

    A thread that waits for a lock cannot be cancelled. If its coroutine is gone by the time the lock is had,
    the same thread gives it back.
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
        """Stop waiting; true if the lock was had already and has to be given back."""
        with self._mutex:
            self._abandoned = True
            return self._entered


@asynccontextmanager
async def held(lock: Callable[[], AbstractContextManager[T]], threads: ThreadPoolExecutor) -> AsyncGenerator[T, None]:
    """Hold a blocking lock without blocking the loop.

    Entering and leaving run in ``threads``; with one thread, in the same one. Cancelled at any instant (Ctrl-C), the
    lock is given back: the interpreter joins the thread before it ends.
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
