"""What a strategy is given, and what it gives back."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from tuyahouse.settings import PlanPolicy
from tuyahouse.sync.serial_numbers.due import Candidate


class Unit(Candidate, Protocol):
    """A unit that waits in its order (``warehouse.serial_numbers.order_units.Unit``)."""

    @property
    def place(self) -> int | None: ...
    @property
    def newest_at(self) -> datetime | None: ...


REASONS = {
    "overdue": "open, and not asked for MAX_STALENESS_DAYS",
    "new": "never asked",
    "moved": "passed a node by the pass counts, the likeliest first",
    "gone_on": "finished boards that may have gone on in another work order, by its pass counts",
    "sampled": "left alone by the pass counts, asked to check them",
    "audited": "of a work order that is asked in full to check its pass counts",
    "uncounted": "of a work order that counts cannot decide about, or not cheaply",
    "due": "open, and not asked for a while",
    "unknown": "unknown to Tuya so far, asked ever more rarely",
    "finished": "finished, checked again ever more rarely",
}
BY_TIME = ("overdue", "new", "due", "unknown", "finished")
"""Reasons that need no counts."""


class Choice(NamedTuple):
    """A serial number to ask, and why (a key of :data:`REASONS`)."""

    sn: str
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """A work order whose pass counts decide.

    ``missing`` holds, by place, how many more units passed a node by Tuya's count than by the warehouse's. ``units``
    are those that wait, or the first of them in turn as far as any may be chosen; ``fed`` finished ones of other orders
    that may come into this one, the likeliest first. ``audited`` asks in full.
    """

    code: str
    places: Sequence[int]
    units: Sequence[Unit]
    missing: Mapping[int, int]
    fed: Sequence[Unit] = ()
    scouts: Sequence[Unit] = ()
    audited: bool = False
    counted: bool = True
    """Whether counts may decide about it; else it is asked in full: they were not explained, or do not pay."""
    looks: int = 1
    """The stages that have looked at the order, this one included."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of an account at one stage of a run.

    ``candidates`` gives the units whose time may have come, in the order in which a budget is spent: never asked ones
    first, but after overdue ones where it is given orders. It leaves out those of the orders that are not overdue.
    ``orders`` are pulled one by one and never held.
    """

    now: datetime
    policy: PlanPolicy
    overdue_before: datetime
    """An open unit that was last asked no later is asked, whatever counts say."""
    candidates: Callable[[frozenset[str]], Iterator[Candidate]]
    begun: datetime
    """When the run began: a unit asked since then has been asked by it."""
    stage: int = 1
    counted: frozenset[str] = frozenset()
    """Work orders that pass counts decide about."""
    orders: Iterable[Order] = field(default=())


Choose = Callable[[Situation], Iterator[Choice]]
