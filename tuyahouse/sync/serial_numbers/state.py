"""When a unit is finished: decided by its newest answer and its craft line alone. Pure.

The same answer gives the same state whatever came before, so replaying raw answers in any order gives the same result.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """State of a serial number in the registry (``serial_number.state``)."""

    NEW = "new"
    OPEN = "open"
    FINISHED = "finished"
    UNKNOWN = "unknown"


class Step(Protocol):
    """The fields of a process step that the state depends on."""

    @property
    def node(self) -> str: ...
    @property
    def status(self) -> bool | None: ...
    @property
    def time_ms(self) -> int: ...


def newest_at(steps: Iterable[Step], node: str) -> Step | None:
    """The newest step at a node; of two at the same time the later one in Tuya's list."""
    newest: Step | None = None
    for step in steps:
        if step.node == node and (newest is None or step.time_ms >= newest.time_ms):
            newest = step
    return newest


def state_of(steps: Iterable[Step], last: str | None) -> State:
    """The state of a unit after an answer; ``last`` is the last node of its work order's craft line.

    * unknown: no step at all. That includes units which had steps before: Tuya forgets finished units and resets
      others. The first wait of an unknown unit is no longer than that of an open one.
    * finished: the newest step at the last node of the craft line passed (status true). A failed or reset repeat there
      opens the unit again; later steps at earlier nodes do not, because their result will show at the last node.
    * open: everything else, also while the craft line is not known (``last`` is None).
    """
    all_steps = list(steps)
    if not all_steps:
        return State.UNKNOWN
    if last is None:
        return State.OPEN
    newest = newest_at(all_steps, last)
    return State.FINISHED if newest is not None and newest.status is True else State.OPEN
