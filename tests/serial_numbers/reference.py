"""The order in which serial numbers are planned, in Python: what the SQL has to sort by."""

from datetime import datetime

from tuyahouse.sync.serial_numbers.due import Candidate, state_to_plan
from tuyahouse.sync.serial_numbers.state import State

_LATER = {State.UNKNOWN: 1, State.FINISHED: 2}


def planner_order(candidate: Candidate) -> tuple[int, datetime, str]:
    """Sort key of the order in which a budget is spent: never asked ones by age in the registry, then open, unknown and
    finished ones, each longest not asked first."""
    if candidate.last_asked_at is None:
        return -1, candidate.added_at, candidate.sn
    return _LATER.get(state_to_plan(candidate), 0), candidate.last_asked_at, candidate.sn
