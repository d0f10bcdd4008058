"""How a run ended, in one sentence that begins with the verdict."""

from tuyahouse.outcome import Outcome

_COUNTS = (
    ("asked", "asked"),
    ("answered", "answered"),
    ("empty", "unknown to Tuya"),
    ("failed", "failed"),
    ("rejected", "rejected"),
    ("inserted", "rows inserted"),
    ("updated", "rows updated"),
    ("unchanged", "unchanged"),
    ("calls", "calls"),
)
GREEN = frozenset({"balanced", "stopped"})
"""Statuses of a run that did everything it had to do, or as much as the budget allowed."""
_WORDS = {"balanced": "Good", "stopped": "Stopped", "interrupted": "Interrupted", "running": "Running"}


def verdict(status: str) -> str:
    """Good, Stopped, Interrupted, Running or, for all others, Red."""
    return _WORDS.get(status, "Red")


def counts_in_words(outcome: Outcome) -> str:
    """The counts other than zero: ``12,431 asked, 12,430 answered, 1 failed``; empty if all are zero."""
    return ", ".join(f"{count:,} {words}" for name, words in _COUNTS if (count := getattr(outcome, name)))


def in_one_sentence(status: str, planned: int | None, outcome: Outcome) -> str:
    """``Good: 300 asked, 290 answered, …``; ``Good: Nothing was due.`` for a plan without keys.

    A balanced run in which keys failed or were rejected is ``Done, with dead letters: …``.
    """
    counts = counts_in_words(outcome)
    if not counts:
        counts = "Nothing was due" if planned == 0 and status == "balanced" else ""
    refused = status == "balanced" and outcome.failed + outcome.rejected
    word = "Done, with dead letters" if refused else verdict(status)
    return f"{word}: {counts}." if counts else f"{word}."
