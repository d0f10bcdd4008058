"""What a pass count may count, and whether it does. Pure.

Tuya documents it in one sentence: the number passed. Whether failed units count, and how fresh the number is, has to be
found out: each definition is compared with the steps of work orders that were asked in full.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

SLACK = timedelta(minutes=2)
"""Tuya's clock, the stations' and ours differ: passes so close to the moment of counting may be counted or not."""
NIGHTS = 2
"""Nights in a row in which counts must agree before they are used."""
COMPARED = 3
"""Counts above zero that a night must compare to decide anything."""
SHARE = 0.9
"""Share of them that must agree. Orders with units that are not registered never do."""


class Definition(NamedTuple):
    """A meaning of pass counts."""

    name: str
    failures: bool
    late: timedelta

    def window(self, checked_at: datetime) -> tuple[datetime, datetime]:
        """Passes until the first time are counted, those after the second are not."""
        at = checked_at - self.late
        return at - SLACK, at + SLACK


DEFINITIONS = {
    one.name: one
    for one in (
        Definition("passed", False, timedelta(0)),
        Definition("reached", True, timedelta(0)),
        Definition("passed_hour_late", False, timedelta(hours=1)),
    )
}


class Compared(NamedTuple):
    """A pass count of an order that was asked in full, beside the fewest and most that the warehouse may count."""

    tuya: int
    low: int
    high: int

    @property
    def agrees(self) -> bool:
        return self.low <= self.tuya <= self.high

    @property
    def contradicts(self) -> bool:
        """The warehouse knows of more passes than Tuya counts."""
        return self.tuya < self.low


def night_agrees(compared: Iterable[Compared]) -> bool | None:
    """Whether the counts of a night agree with a definition; None if there are too few."""
    all_ = list(compared)
    telling = [one for one in all_ if one.tuya or one.high]
    if len(telling) < COMPARED:
        return None
    agreeing = sum(one.agrees for one in telling)
    return agreeing >= SHARE * len(telling) and not any(one.contradicts for one in telling)
