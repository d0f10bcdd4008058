"""Reports what became of the rows of a source."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from tuyahouse.cli.output import say
from tuyahouse.sync.intake.take_in import REFUSALS_SHOWN, IntakeOutcome

REFUSED = 3
"""Exit code if some rows were refused and all others are registered: a script must notice. 1: nothing was read."""

PATIENCE_SECONDS = 1.0
"""Time for a batch to end after Ctrl-C; a second Ctrl-C does not wait."""


@contextmanager
def ends_with_ctrl_c(advance: Callable[[int], object]) -> Iterator[Callable[[int], None]]:
    """``advance`` for long work. After Ctrl-C the work ends with the batch under way, or at once if that takes long.

    Python drops a KeyboardInterrupt that is raised in a finalizer; the work would go on for hours.
    """
    pressed: list[int] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, press)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)

    def on_rows(count: int) -> None:
        if pressed:
            raise KeyboardInterrupt
        advance(count)

    usual = (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )  # otherwise the caller has a handler of its own
    if usual:
        signal.signal(signal.SIGINT, press)
    try:
        yield on_rows
    finally:
        if pressed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def report(outcome: IntakeOutcome, source: str, kind: str) -> None:
    """Print the counts, and each refused row with its reason.

    Raises:
        typer.Exit: with :data:`REFUSED` if there is any.
    """
    counts = [
        f"{outcome.added:,} registered",
        f"{outcome.known:,} known before",
        f"{outcome.duplicates:,} more than once in it",
        f"{outcome.blank:,} blank",
        f"{outcome.refused_count:,} refused",
    ]
    say(f"{source}: {outcome.read:,} rows read: {', '.join(counts)}.")
    if outcome.normalised:
        say(f"  {outcome.normalised:,} held other than plain characters and were normalised; the first:")
        for changed in outcome.changes:
            read = changed.key if changed.companion is None else f"{changed.key}, {changed.companion}"
            say(f"    {changed.place}: {changed.was!r} is read as {read}")
    for note in outcome.notes:
        say(f"  {note}")
    for row in outcome.refused:
        say(f"  {row.place}: {row.value!r} is refused: {row.reason}")
    if outcome.refused_count > len(outcome.refused):
        say(f"  … the first {REFUSALS_SHOWN} are shown.")
    if outcome.refused_count:
        say(f"All refused rows are in ops_dead_letter, kind {kind}. Correct the source and add it again.")
        raise typer.Exit(REFUSED)
