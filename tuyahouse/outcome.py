"""The counts of a chunk or run."""

from dataclasses import dataclass, fields

COUNTS = ("asked", "answered", "empty", "failed", "rejected", "inserted", "updated", "unchanged", "calls")


@dataclass(slots=True)
class Outcome:
    """Counts of one chunk, or of a run when added up.

    ``asked`` keys ended in exactly one of ``answered``, ``empty`` (Tuya does not know the key), ``failed`` (an error,
    dead-lettered) or ``rejected`` (an unusable answer, dead-lettered). ``unchanged`` counts answers that equal the
    last one, ``inserted`` and ``updated`` count rows, ``calls`` counts HTTP calls including retries.
    """

    asked: int = 0
    answered: int = 0
    empty: int = 0
    failed: int = 0
    rejected: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    calls: int = 0

    @property
    def balanced(self) -> bool:
        return self.asked == self.answered + self.empty + self.failed + self.rejected

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))
