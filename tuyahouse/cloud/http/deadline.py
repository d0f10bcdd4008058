"""One time limit for many tasks at once, on one timer: ``asyncio.timeout`` would set a timer for every call."""

import asyncio
import time
from types import TracebackType


class Deadline:
    """A context manager for many tasks. One that stays longer than ``seconds`` is cancelled and gets a TimeoutError.

    As with ``asyncio.timeout``, a cancellation from elsewhere stays a cancellation. A task must not enter it twice.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._inside: dict[asyncio.Task[object], tuple[float, int]] = {}
        """By order of entry, which is the order of expiry: all tasks may stay equally long."""
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._inside[task] = time.monotonic() + self._seconds, task.cancelling()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._cancel_late)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        _, cancelling = self._inside.pop(task)
        if task in self._late:
            self._late.remove(task)
            if task.uncancel() <= cancelling and isinstance(error, asyncio.CancelledError):
                raise TimeoutError from error

    def close(self) -> None:
        """Cancel the timer; tasks that are still inside have no deadline any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancel_late(self) -> None:
        now = time.monotonic()
        self._timer = None
        for task, (end, _) in self._inside.items():
            if end > now:
                self._timer = asyncio.get_running_loop().call_later(end - now, self._cancel_late)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()
