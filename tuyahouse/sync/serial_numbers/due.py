"""Which serial numbers are worth a call now. Pure: the clock, the policy and the budget are arguments."""

from datetime import datetime, timedelta
from typing import Protocol

from tuyahouse.settings import PlanPolicy
from tuyahouse.sync.serial_numbers.state import State
from tuyahouse.times import CLOCKS_DIFFER

_ASKED = (State.UNKNOWN, State.FINISHED)


class Candidate(Protocol):
    """The part of a registered serial number that the plan depends on (``warehouse.registry.Candidate``)."""

    @property
    def sn(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def added_at(self) -> datetime: ...
    @property
    def last_asked_at(self) -> datetime | None: ...
    @property
    def last_changed_at(self) -> datetime | None: ...
    @property
    def unknown_times(self) -> int: ...


def state_to_plan(candidate: Candidate) -> State:
    """The state for the plan: new means never asked. Serial numbers that got no usable answer, or are in a state that
    this version does not know, count as open."""
    if candidate.last_asked_at is None:
        return State.NEW
    return State(candidate.state) if candidate.state in _ASKED else State.OPEN


def is_due(candidate: Candidate, now: datetime, policy: PlanPolicy) -> bool:
    """Whether it is time to ask this serial number (again).

    One never asked is always due. So is one whose asking lies ahead of ``now``: it would not be due before that time.
    """
    if candidate.last_asked_at is None:
        return True
    waited, wait = now - candidate.last_asked_at, wait_of(candidate, policy)
    return waited >= wait or waited < -CLOCKS_DIFFER or candidate.last_asked_at <= waited_since(now, wait)


NIGHT = timedelta(days=1)
"""The time from one run to the next: keys that would be overdue by then are asked now."""
SAME_NIGHT = timedelta(hours=6)
"""Runs begin at the same time of day, but ask some time after they began."""


def waited_since(now: datetime, wait: timedelta) -> datetime:
    """What was last asked no later than this has waited long enough.

    A wait may end a quarter early, but no more than :data:`SAME_NIGHT`. Otherwise one of a whole day would end moments
    after the next night was planned, and what it holds back would be asked a night later.
    """
    return now - max(wait - SAME_NIGHT, wait * 3 / 4)


def overdue_before(now: datetime, max_staleness: timedelta) -> datetime:
    """An open serial number that was asked no later than this is overdue, or would be before the next night asks it."""
    return now - max(max_staleness - NIGHT - SAME_NIGHT, timedelta(0))


def is_overdue(candidate: Candidate, before: datetime) -> bool:
    """Whether it is open and was asked no later than ``before``."""
    asked = candidate.last_asked_at
    return asked is not None and candidate.state not in _ASKED and asked <= before


def wait_of(candidate: Candidate, policy: PlanPolicy) -> timedelta:
    """How long a serial number is left alone after it was last asked."""
    if candidate.state == State.FINISHED:
        return _finished_wait(candidate, policy)
    if candidate.state == State.UNKNOWN:
        return _grown(policy.unknown_after, policy.unknown_factor, candidate.unknown_times - 1, policy.unknown_at_most)
    return policy.open_after


def _finished_wait(candidate: Candidate, policy: PlanPolicy) -> timedelta:
    """``after`` at first, then ``factor`` times as long each time.

    The waits form a geometric series; their sum so far is the time from the last change to the last asking. So no
    counter is stored, and asking late shortens no later wait.
    """
    assert candidate.last_asked_at is not None
    changed = candidate.last_changed_at
    if changed is None or candidate.last_asked_at <= changed:
        return min(policy.finished_after, policy.finished_at_most)
    quiet = candidate.last_asked_at - changed
    return _at_most(
        policy.finished_after.total_seconds() + quiet.total_seconds() * (policy.finished_factor - 1),
        policy.finished_at_most,
    )


def _grown(first: timedelta, factor: float, times: int, most: timedelta) -> timedelta:
    try:
        seconds = first.total_seconds() * factor ** max(times, 0)
    except OverflowError:
        return most
    return _at_most(seconds, most)


def _at_most(seconds: float, most: timedelta) -> timedelta:
    return most if seconds >= most.total_seconds() else timedelta(seconds=seconds)
