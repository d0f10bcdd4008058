"""Ask what was not asked for a while, by the waits of the plan policy: the plan of an account without pass counts."""

from collections.abc import Iterator

from tuyahouse.sync.serial_numbers.due import Candidate, is_due, is_overdue
from tuyahouse.sync.serial_numbers.state import State
from tuyahouse.sync.serial_numbers.strategies.situation import Choice, Situation

_BY_STATE: dict[str, str] = {State.UNKNOWN: "unknown", State.FINISHED: "finished"}


def choose(situation: Situation) -> Iterator[Choice]:
    """In the order of the candidates: never asked, then open, unknown and finished, each longest not asked first."""
    for one in situation.candidates(frozenset()):
        if reason := reason_to_ask(one, situation):
            yield Choice(one.sn, reason)


def reason_to_ask(one: Candidate, situation: Situation) -> str:
    """Why its time has come; empty if it has not."""
    if one.last_asked_at is None:
        return "new"
    if is_overdue(one, situation.overdue_before):
        return "overdue"
    return why_due(one) if is_due(one, situation.now, situation.policy) else ""


def why_due(one: Candidate) -> str:
    """The reason of one that was asked before, by its state."""
    return _BY_STATE.get(one.state, "due")
