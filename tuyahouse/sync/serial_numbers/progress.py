"""How far a run of what is due is, and why it asked what it asked; stored with its parameters, under ``stages``."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tuyahouse.sync.serial_numbers.strategies.situation import Choice
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import runs

_STAGES = "stages"


@dataclass(slots=True)
class Progress:
    """What a run has planned so far. A run that asks by age has one stage."""

    strategy: str = ""
    stage: int = 0
    counted: list[str] = field(default_factory=list)
    """Work orders whose counts were asked, or that need none."""
    in_full: list[str] = field(default_factory=list)
    """Work orders whose counts cost more than they save: they are asked in full instead."""
    unpaid_counts: list[str] = field(default_factory=list)
    """Work orders whose counts tonight's share does not pay for: they go by age."""
    cut: list[str] = field(default_factory=list)
    """Work orders into which boards may have gone on that were too many to ask."""
    open: list[str] | None = None
    """Work orders that the next stage looks at; None: all."""
    audited: list[str] = field(default_factory=list)
    fallen: bool = False
    late: dict[str, int] = field(default_factory=dict)
    """Work orders that were counted after some stages, and after how many."""
    chunks: dict[str, dict[str, int]] = field(default_factory=dict)
    """Chunk → why its serial numbers were planned → how many."""
    waiting: dict[str, int] = field(default_factory=dict)
    """How many serial numbers tonight's share does not pay for, by why they are to be asked."""
    all_open: int = 0
    """How many serial numbers of work orders were not finished when the run began."""
    waited: int = 0
    """How many serial numbers waited in the work orders counted, while counts decide."""
    came_to: str = ""
    """What all of it came to, in words, once the run has ended."""

    @property
    def reasons(self) -> dict[str, int]:
        """How many serial numbers were planned, by why."""
        return dict(sum((Counter(reasons) for reasons in self.chunks.values()), Counter()))

    def forget(self, chunks: Iterable[int]) -> None:
        """Chunks were taken back before anything of them was asked."""
        for chunk in chunks:
            self.chunks.pop(str(chunk), None)

    def noting(self, choices: Iterable[Choice], first: int, size: int) -> Iterator[str]:
        """The serial numbers chosen; each is noted with the chunk of ``size`` that it comes into, from ``first`` on."""
        reasons: dict[str, int] = {}
        for number, (sn, reason) in enumerate(choices):
            if number % size == 0:
                reasons = self.chunks.setdefault(str(first + number // size), {})
            reasons[reason] = reasons.get(reason, 0) + 1
            yield sn

    def unpaid(self, choices: Iterable[Choice]) -> int:
        """Note those that the budget does not pay for; returns how many."""
        self.waiting = dict(Counter(one.reason for one in choices))
        return sum(self.waiting.values())


def progress_of(conn: Connection, run_id: str) -> Progress:
    """Where the run is."""
    return progress_in(runs.parameters_of(conn, run_id))


def progress_in(parameters: Mapping[str, Any]) -> Progress:
    """The same out of the parameters of a run. What another version stored there is left out."""
    stored = parameters.get(_STAGES) or {}
    return Progress(**{name: stored[name] for name in Progress.__slots__ if name in stored})


def store_progress(conn: Connection, run_id: str, progress: Progress) -> None:
    """Store it, in the transaction that adds the chunks of the stage."""
    runs.set_parameters(conn, run_id, {**runs.parameters_of(conn, run_id), _STAGES: asdict(progress)})
