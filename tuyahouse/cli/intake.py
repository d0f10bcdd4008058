"""What became of the rows of a source, told to whoever gave it."""

import typer

from tuyahouse.sync.serial_numbers import REFUSALS_SHOWN, IntakeOutcome

REFUSED = 3
"""Exit code where some rows were refused: a script has to notice, and all others are registered (1: nothing can be said)."""


def report(outcome: IntakeOutcome, source: str, kind: str) -> None:
    """Print the counts, and each refused row with its reason.

    Raises:
        typer.Exit: with :data:`REFUSED` where there is any.
    """
    counts = [
        f"{outcome.added:,} registered",
        f"{outcome.known:,} known before",
        f"{outcome.duplicates:,} more than once in it",
        f"{outcome.blank:,} blank",
        f"{outcome.refused_count:,} refused",
    ]
    typer.echo(f"{source}: {outcome.read:,} rows read: {', '.join(counts)}.")
    for row in outcome.refused:
        typer.echo(f"  {row.place}: {row.value!r} is refused: {row.reason}")
    if outcome.refused_count > len(outcome.refused):
        typer.echo(f"  … the first {REFUSALS_SHOWN} are shown.")
    if outcome.refused_count:
        typer.echo(f"All refused rows are in ops_dead_letter, kind {kind}. Mend the source and add it again.")
        raise typer.Exit(REFUSED)
