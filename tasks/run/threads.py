"""Long work in a thread that Ctrl-C ends at its next batch instead of waiting for its end."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from tuyahouse.terminal import progress

T = TypeVar("T")


class Cancelled(Exception):
    """Raised inside the work, between two batches, once nothing waits for it any more."""


async def in_batches(work: Callable[[Callable[[int], None]], T]) -> T:
    """Run ``work(on_rows)`` in a thread; it calls ``on_rows`` after each batch with the number of its rows."""
    cancelled = threading.Event()

    def on_rows(count: int) -> None:
        if cancelled.is_set():
            raise Cancelled
        progress.advance(count)

    try:
        return await asyncio.to_thread(work, on_rows)
    except asyncio.CancelledError:
        cancelled.set()
        raise
