"""What became of all the intents of a run, in their order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tuyahouse.cloud.errors import TuyaError
from tuyahouse.outcome import Outcome
from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.intake.rows import Note

T = TypeVar("T")


@dataclass(slots=True)
class IntentResults:
    """Intents that were carried out, one row each.

    Attributes:
        rows: in their order.
        notes: what else is worth knowing of their file, e.g. a hidden sheet.
        stopped_by: what ended the run before its last intent.
    """

    rows: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped_by: TuyaError | None = None

    def add(self, written: Written) -> Written:
        self.rows.append(written)
        return written

    def taking(self, items: Iterable[T | Written | Note]) -> Iterator[T]:
        """The items to carry out. Rows that are not valid are taken over as they are, and notes of their file too."""
        for item in items:
            if isinstance(item, Note):
                self.notes.append(item.text)
            elif isinstance(item, Written):
                self.add(item)
            else:
                yield item

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """Keep an error that every further call would meet too, together with what was carried out before it."""
        try:
            yield
        except TuyaError as error:
            self.stopped_by = error

    @property
    def amiss(self) -> list[Written]:
        """Intents that are not certainly done."""
        return [row for row in self.rows if row.end in (End.REFUSED, End.UNKNOWN, End.INVALID)]

    def outcome(self) -> Outcome:
        """The counts: an intent that is done, or would be, is answered; one that was done before is unchanged too."""
        ends = Counter(row.end for row in self.rows)
        return Outcome(
            asked=len(self.rows),
            answered=ends[End.DONE] + ends[End.SKIPPED] + ends[End.PLANNED],
            failed=ends[End.REFUSED] + ends[End.UNKNOWN],
            rejected=ends[End.INVALID],
            unchanged=ends[End.SKIPPED],
        )
