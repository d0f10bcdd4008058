"""Ask every serial number that is not finished, however lately it was asked; finished ones as ``stale`` does."""

from collections.abc import Iterator

from tuyahouse.sync.serial_numbers.due import is_due
from tuyahouse.sync.serial_numbers.state import State
from tuyahouse.sync.serial_numbers.strategies.situation import Choice, Situation
from tuyahouse.sync.serial_numbers.strategies.stale import why_due


def choose(situation: Situation) -> Iterator[Choice]:
    """In the order of the candidates."""
    if situation.stage > 1:
        return
    for one in situation.candidates(frozenset()):
        if one.last_asked_at is None:
            yield Choice(one.sn, "new")
        elif one.state != State.FINISHED or is_due(one, situation.now, situation.policy):
            yield Choice(one.sn, why_due(one))
