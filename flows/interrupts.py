"""Runs a flow so that Ctrl-C, SIGTERM and a terminal that is closed end it within seconds, whatever it waits for."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tuyahouse.warehouse.database.patience import end_waits_soon

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop  # a call takes a tenth less CPU than on asyncio's own

EXIT_INTERRUPTED = 130

PATIENCE = 15.0
"""Seconds from the signal until a run that does not end is abandoned."""
_SECONDS_FOR_THREADS = 5.0


def leave_at_once(*_: object) -> None:
    """Signal handler for the time before a run begins, and for the second Ctrl-C."""
    sys.stderr.write("\nInterrupted.\n")
    leave(EXIT_INTERRUPTED)


def leave(code: int) -> None:
    """End the process without waiting for its threads: they write in transactions, which are whole or absent."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class InterruptibleRun:
    """Runs a coroutine in a thread of its own, and keeps the main thread free for signals.

    The first signal cancels the coroutine, the second ends the process at once. If the coroutine has not ended
    ``patience`` seconds after the first, ``give_up`` is called and the process ends. In the main thread, Prefect would
    turn SIGTERM into an exception anywhere; in other threads it leaves signals alone. Once the coroutine has ended and
    ``abandons`` says so, the process ends without waiting for tasks that the coroutine has left behind.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, int],
        give_up: Callable[[], None],
        patience: float = PATIENCE,
        abandons: Callable[[], bool] = lambda: False,
    ) -> None:
        self._work, self._give_up, self._patience, self._abandons = work, give_up, patience, abandons
        self._code = 1
        self._error: BaseException | None = None
        self._interrupted = threading.Event()
        self._ready = threading.Event()
        self._threads = ThreadPoolExecutor(thread_name_prefix="tuyahouse")
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[int]

    def run(self) -> int:
        """The exit code of the coroutine; an interrupted one ends the process with its code instead."""
        thread = threading.Thread(target=self._run_loop, name="flow", daemon=True)
        thread.start()
        self._ready.wait()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._interrupt)
        while thread.is_alive() and not self._interrupted.is_set():
            thread.join(0.2)
        if self._interrupted.is_set():
            thread.join(self._patience)
            if thread.is_alive():
                self._give_up()
            leave(self._code if not thread.is_alive() else EXIT_INTERRUPTED)
        if self._error is not None:
            raise self._error
        return self._code

    def _interrupt(self, number: int, _frame: object) -> None:
        if self._interrupted.is_set():
            if number != signal.SIGHUP:  # a shell hands on to its jobs what the terminal has sent them already
                leave_at_once()
            return
        self._interrupted.set()
        end_waits_soon()
        sys.stderr.write("\nInterrupted: what was answered is being committed. Ctrl-C once more ends at once.\n")
        self._loop.call_soon_threadsafe(self._task.cancel)

    def _run_loop(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                self._loop = runner.get_loop()
                self._loop.set_default_executor(self._threads)
                self._code = runner.run(self._start())
                if self._interrupted.is_set():
                    self._end_threads()
                if self._abandons():
                    leave(self._code)
        except asyncio.CancelledError:
            self._code = EXIT_INTERRUPTED
        except BaseException as error:
            self._error = error

    async def _start(self) -> int:
        current = asyncio.current_task()
        assert current is not None
        self._task = current
        self._ready.set()
        return await self._work

    def _end_threads(self) -> None:
        """Give a batch that is being landed a moment to end; otherwise the database rolls it back."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + _SECONDS_FOR_THREADS
        for thread in threading.enumerate():
            if thread.name.startswith("tuyahouse"):
                thread.join(max(0.0, end - time.monotonic()))
        leave(self._code)
