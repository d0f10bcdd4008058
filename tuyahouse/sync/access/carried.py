"""What became of all the intents of a run, in their order."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tuyahouse.cloud.errors import TuyaError
from tuyahouse.outcome import Outcome
from tuyahouse.sync.access.intent import End, Written


@dataclass(slots=True)
class Carried:
    """Intents that were carried out, one row each.

    Attributes:
        rows: in their order.
        stopped_by: what ended the run before its last intent.
    """

    rows: list[Written] = field(default_factory=list)
    stopped_by: TuyaError | None = None

    def add(self, written: Written) -> Written:
        self.rows.append(written)
        return written

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """Keep the error that every further call would meet too; what was carried out by then is kept as well."""
        try:
            yield
        except TuyaError as error:
            self.stopped_by = error

    @property
    def amiss(self) -> list[Written]:
        """What was wanted and may not be so."""
        return [row for row in self.rows if row.end in (End.REFUSED, End.UNKNOWN, End.INVALID)]

    def outcome(self) -> Outcome:
        """As counts: an intent that is so, or would be, is answered; one that was so before is unchanged too."""
        ends = Counter(row.end for row in self.rows)
        return Outcome(
            asked=len(self.rows),
            answered=ends[End.DONE] + ends[End.SKIPPED] + ends[End.PLANNED],
            failed=ends[End.REFUSED] + ends[End.UNKNOWN],
            rejected=ends[End.INVALID],
            unchanged=ends[End.SKIPPED],
        )
