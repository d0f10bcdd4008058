"""The verdict on a command, from what API and messages reported of it. Values in, values out.

The rules are in :func:`verdict` and :func:`settled` alone; the warehouse's SQL is generated from :data:`VERDICTS` and
:data:`SETTLED`, which are these functions written out cell by cell (docs/commands.md shows them).
"""

from datetime import timedelta
from enum import IntEnum, StrEnum
from itertools import product

from tuyahouse.settings import CommandPolicy


class Word(IntEnum):
    """What one source reports of a command, all its observations taken together."""

    NONE = 0
    SENDING = 1
    SENT = 2
    SUCCEEDED = 3
    FAILED = 4
    UNCLEAR = 5
    OTHER = 6
    CONTRADICTION = 7

    @property
    def final(self) -> bool:
        return self in (Word.SUCCEEDED, Word.FAILED)


class Age(IntEnum):
    """How long a command has been open."""

    YOUNG = 0
    OVERDUE = 1
    GIVEN_UP = 2


class Verdict(StrEnum):
    MATCHED = "matched"
    API_AHEAD = "api_ahead"
    MESSAGE_AHEAD = "message_ahead"
    CONFLICT = "conflict"
    STUCK = "stuck"
    UNKNOWN = "unknown"


BACK_AFTER = timedelta(seconds=2)
"""Messages arrive, and are stamped, out of order within a second or two: an open status this little after a final one
is late, not a step back."""


def word(status: int) -> Word:
    """The word of a source that reported a single status."""
    return Word(status) if 1 <= status <= 5 else Word.OTHER


def verdict(api: Word, message: Word, age: Age) -> Verdict:
    """The verdict on a command, from the words of API and messages and its age."""
    if Word.CONTRADICTION in (api, message):
        return Verdict.CONFLICT
    if api.final and message.final:
        return Verdict.MATCHED if api is message else Verdict.CONFLICT
    if api.final or message.final:
        return Verdict.API_AHEAD if api.final else Verdict.MESSAGE_AHEAD
    return _open_verdict(api, message, age)


def _open_verdict(api: Word, message: Word, age: Age) -> Verdict:
    """The verdict if neither source calls the command ended."""
    if api is message is Word.NONE:
        return Verdict.UNKNOWN
    if age is not Age.YOUNG:
        return Verdict.STUCK
    if Word.UNCLEAR in (api, message) or Word.OTHER in (api, message):
        return Verdict.UNKNOWN
    if api is message:
        return Verdict.MATCHED
    return Verdict.API_AHEAD if api > message else Verdict.MESSAGE_AHEAD


def settled(api: Word, age: Age) -> bool:
    """Whether the API need not be asked again: it called the command ended or contradicts itself, or it was given up.

    A message that comes later still changes the verdict.
    """
    return api.final or api is Word.CONTRADICTION or age is Age.GIVEN_UP


def cell(api: Word, message: Word, age: Age) -> int:
    """Number of a cell of the table; the SQL computes the same."""
    return (api * len(Word) + message) * len(Age) + age


CELLS = tuple(product(Word, Word, Age))
VERDICTS: dict[Verdict, tuple[int, ...]] = {
    kind: tuple(cell(*place) for place in CELLS if verdict(*place) is kind) for kind in Verdict
}
SETTLED: tuple[int, ...] = tuple(cell(*place) for place in CELLS if settled(place[0], place[2]))


LONGEST_LADDER = 64


def ask_steps(policy: CommandPolicy) -> list[timedelta]:
    """Waiting times by how often a record was asked (index 0: never); the last one holds for all further times."""
    steps = [timedelta(0), min(policy.ask_after, policy.ask_at_most)]
    while len(steps) < LONGEST_LADDER and timedelta(0) < steps[-1] < policy.ask_at_most and policy.ask_factor > 1:
        steps.append(min(steps[-1] * min(policy.ask_factor, policy.ask_at_most / steps[-1]), policy.ask_at_most))
    return steps
