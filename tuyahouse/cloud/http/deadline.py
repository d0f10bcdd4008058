"""One time limit for many tasks at once, on one timer: ``asyncio.timeout`` would set a timer for every call."""

import asyncio
import time
from types import TracebackType


class Deadline:
    """Entered by many tasks, each of which may stay ``seconds``; a later one is cancelled and sees TimeoutError.

    As in ``asyncio.timeout``, a cancellation that comes from elsewhere goes on as one. A task is inside once at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._inside: dict[asyncio.Task[object], tuple[float, int]] = {}
        """Since all may stay as long, the first one in is the first one late."""
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
        """Forget the timer; whoever is inside may stay."""
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
