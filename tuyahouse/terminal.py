"""Terminal output: the progress of long work and the table of outcomes at its end."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from types import MappingProxyType

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from tuyahouse.foreign_text import plain
from tuyahouse.outcome import COUNTS, Outcome
from tuyahouse.wrapping import fitted

log = logging.getLogger(__name__)

IN_WORDS = "in_words"
"""Marks a log record whose text names all its fields: they are for machines, and not shown to people once more."""

_REDRAW_SECONDS = 0.1
_WIDE = 1000
"""Columns: wider than any table."""
_NO_STATUS: Mapping[str, str] = MappingProxyType({})
_screen = Lock()
"""Held by the one live line; work that runs beside it logs its progress."""


@cache
def stderr_console() -> Console:
    """The one console for progress and logs, so that they do not write into each other."""
    return Console(stderr=True)


def print_text(console: Console, text: str) -> None:
    """Print text that may come from outside: markup and terminal control codes in it have no effect."""
    console.print(Text(fitted(plain(text), console.file)), soft_wrap=True)


@dataclass(slots=True)
class Tracker:
    """Counts the progress of long work. ``advance`` is cheap: it shows something only every ``every`` seconds."""

    title: str
    total: int | None
    clock: Callable[[], float]
    show: Callable[["Tracker"], None]
    every: float
    done: int = 0
    calls: int = 0
    failures: int = 0
    started: float = field(init=False)
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()
        self._next = self.started + self.every

    def advance(self, done: int = 1) -> None:
        """Add to the amount done, which never exceeds a total that is known."""
        self.done = self.done + done if self.total is None else min(self.done + done, self.total)
        now = self.clock()
        if now >= self._next:
            self._next = now + self.every
            self.show(self)

    def spend(self, calls: int, failures: int = 0) -> None:
        """Add calls made, and how many of them failed."""
        self.calls += calls
        self.failures += failures

    @property
    def rate(self) -> float:
        """Amount done per second since the start."""
        seconds = self.clock() - self.started
        return self.done / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        if self.total is None or self.rate == 0:
            return None
        return max(self.total - self.done, 0) / self.rate

    def summary(self) -> str:
        """All counts in one line: ``sn_flows: 4,000 of 10,000 (40 %), 50.0/s, 2 min left, 4,012 calls (3 failed)``.

        What failed are calls: most of them are tried again. Work that makes no call names none.
        """
        parts = [
            f"{self.title}: {self.done:,}" + (f" of {self.total:,}{self._share()}" if self.total is not None else "")
        ]
        parts.append(f"{self.rate:,.1f}/s")
        if self.seconds_left:
            parts.append(f"{duration(self.seconds_left)} left")
        if self.calls or self.failures:
            parts.append(f"{self.calls:,} calls" + (f" ({self.failures:,} failed)" if self.failures else ""))
        return ", ".join(parts)

    def _share(self) -> str:
        return f" ({100 * self.done / self.total:.0f} %)" if self.total else ""


def duration(seconds: float) -> str:
    """A duration, rounded, in a readable unit: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def track(
    title: str,
    total: int | None = None,
    *,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
    every: float = 30.0,
) -> Iterator[Tracker]:
    """Show the progress of long work: live in a terminal, elsewhere a log line every ``every`` seconds and one last."""
    screen = console or stderr_console()
    if not screen.is_terminal or not _screen.acquire(blocking=False):
        tracker = Tracker(title, total, clock, _log, every)
        try:
            yield tracker
        finally:
            _log(tracker)
        return
    try:
        with _live(screen) as progress:
            task = progress.add_task(title, total=total, says="")
            tracker = Tracker(title, total, clock, lambda now: _draw(progress, task, now), _REDRAW_SECONDS)
            try:
                yield tracker
            finally:
                _draw(progress, task, tracker)
    finally:
        _screen.release()


class CurrentWork:
    """The tracker of the work that is running, so that inner code can report to it without receiving it as an argument.

    Flows that run side by side in one process have a tracker each; nested work reports to the innermost tracker.
    Without a tracker, reports are dropped.
    """

    def __init__(self) -> None:
        self._tracker: ContextVar[Tracker | None] = ContextVar("tracker", default=None)
        self._gathered: ContextVar[list[Tracker] | None] = ContextVar("gathered", default=None)

    @contextmanager
    def of(
        self,
        title: str,
        total: int | None = None,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Iterator[Tracker]:
        """Track this work as :func:`track` does, and direct reports from inside the block to it."""
        with track(title, total, console=console, clock=clock) as tracker:
            if (gathered := self._gathered.get()) is not None:
                gathered.append(tracker)
            outer = self._tracker.set(tracker)
            try:
                yield tracker
            finally:
                self._tracker.reset(outer)

    @contextmanager
    def gathered(self) -> Iterator[list[Tracker] | None]:
        """The trackers of all work inside the block, as they come; None within another such block, which has them."""
        if self._gathered.get() is not None:
            yield None
            return
        trackers: list[Tracker] = []
        outer = self._gathered.set(trackers)
        try:
            yield trackers
        finally:
            self._gathered.reset(outer)

    def advance(self, done: int = 1) -> None:
        if (tracker := self._tracker.get()) is not None:
            tracker.advance(done)

    def spend(self, calls: int, failures: int = 0) -> None:
        if (tracker := self._tracker.get()) is not None:
            tracker.spend(calls, failures)


progress = CurrentWork()


def _log(tracker: Tracker) -> None:
    counts = {"done": tracker.done, "total": tracker.total, "calls": tracker.calls, "failures": tracker.failures}
    log.info(tracker.summary(), extra={**counts, IN_WORDS: True})


def _live(console: Console) -> Progress:
    return Progress(BarColumn(), TextColumn("{task.fields[says]}", markup=False), console=console)


def _draw(progress: Progress, task: TaskID, tracker: Tracker) -> None:
    progress.update(task, completed=tracker.done, says=tracker.summary())


def print_outcomes(console: Console, outcomes: Mapping[str, Outcome], statuses: Mapping[str, str]) -> None:
    """Print the table of outcomes: to a file as wide as it is, to a terminal that is too narrow with short headings."""
    table = outcome_table(outcomes, statuses=statuses)
    width = console.measure(table, options=console.options.update(max_width=_WIDE)).maximum
    if not console.is_terminal:
        console.width = width
    elif width > console.width:
        table = outcome_table(outcomes, statuses=statuses, narrow=True)
    console.print(table)


def outcome_table(
    outcomes: Mapping[str, Outcome],
    title: str = "",
    statuses: Mapping[str, str] = _NO_STATUS,
    *,
    narrow: bool = False,
) -> Table:
    """One column per named outcome, and a sum if there are several.

    The last row shows the status of each where ``statuses`` has one, else whether its counts balance. ``narrow`` breaks
    headings after their first underscore and leaves out that row, and the lines between columns.
    """
    columns = dict(outcomes)
    if len(columns) > 1:
        columns["all"] = sum(outcomes.values(), Outcome())
    box = SIMPLE_HEAD if narrow else HEAVY_HEAD
    table = Table("", title=Text(title) if title else None, box=box, pad_edge=not narrow, collapse_padding=narrow)
    for column in columns:
        heading = column.replace("_", "_\n", 1) if narrow else column
        table.add_column(Text(heading), justify="right", overflow="fold")
    for name in COUNTS:
        table.add_row(name, *(f"{getattr(outcome, name):,}" for outcome in columns.values()))
    if narrow:
        return table
    table.add_section()
    table.add_row("status" if statuses else "balanced", *(_end(*column, statuses) for column in columns.items()))
    return table


def _end(name: str, outcome: Outcome, statuses: Mapping[str, str]) -> Text:
    if not statuses:
        return Text("yes") if outcome.balanced else Text("NO", style="bold red")
    status = statuses.get(name, "")
    return Text(plain(status), style="" if status in ("", "balanced", "stopped") else "bold red")
