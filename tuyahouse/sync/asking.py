"""Asks Tuya about many keys with a fixed number of workers, and accounts for every key.

Each key ends in exactly one place: an answer, empty, a dead letter (failed or rejected), or ``left`` if asking stopped
before it. Nothing is lost when a quota, a wrong setting or Ctrl-C stops it: what was answered by then is in
:class:`Asked`, the rest is in ``left``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from tuyahouse.cloud.errors import Action, AuthenticationRefused, NotFound, PassingFault, TuyaError, UnusableAnswer
from tuyahouse.dead_letter_reasons import Reason
from tuyahouse.outcome import Outcome
from tuyahouse.sync.answer_memory import AnswerMemory, MemoryFull
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter

T = TypeVar("T")

STOPPING = frozenset({Action.STOP_RUN, Action.CONFIGURATION, Action.REAUTHENTICATE, Action.FIX_CLOCK})
"""Errors that every further key would meet too: the run stops instead of spending calls."""

LOGINS = 3
"""Attempts for a key whose token keeps being refused. One refusal may be bad timing; three mean that the login is
broken and every further key would fail."""

OUTAGE = 5
"""This many keys with nothing but passing faults are an outage; with fewer, the keys themselves may be the trouble."""


@dataclass(slots=True)
class Asked(Generic[T]):
    """What became of the keys of one chunk."""

    answers: list[tuple[str, T]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    failed: list[DeadLetter] = field(default_factory=list)
    rejected: list[DeadLetter] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    stopped_by: TuyaError | None = None
    calls_landed: bool = False
    kind: str = ""
    memory: AnswerMemory = field(default_factory=AnswerMemory)
    """How many bytes the answers and dead letters have, as sent."""
    asked_at: dict[str, datetime] = field(default_factory=dict)
    """When the newest request for each key was sent, to know which of two answers is newer."""

    def without(self, keys: Collection[str]) -> "Asked[T]":
        """The same without the results of these keys."""
        return replace(
            self,
            answers=[one for one in self.answers if one[0] not in keys],
            empty=[key for key in self.empty if key not in keys],
            failed=[one for one in self.failed if one.key not in keys],
            rejected=[one for one in self.rejected if one.key not in keys],
        )

    def starting(self, key: str, now: Callable[[], datetime]) -> Callable[[], None]:
        """A function to call when a request for this key is about to be sent: it records the time."""

        def note() -> None:
            self.asked_at[key] = now()

        return note

    def overtaken(self, last_asked: Mapping[str, datetime | None]) -> set[str]:
        """Keys that were asked again later, by any run, so that these answers are outdated."""
        return {key for key, at in last_asked.items() if at and key in self.asked_at and at > self.asked_at[key]}

    def times(self, keys: Iterable[str], at: datetime) -> dict[str, datetime]:
        """When these keys were asked; ``at`` if that was not recorded."""
        return {key: self.asked_at.get(key, at) for key in keys}

    def hold(self, key: str, size: int) -> None:
        """Count an answer about the key that has ``size`` bytes, as sent; call it before the answer is decoded.

        Raises:
            MemoryFull: it is too large beside what is held already. :func:`ask_all` leaves its key.
        """
        self.memory.take(size, key)

    @property
    def full(self) -> bool:
        """The answers grew too large to be held together: land them, then ask the keys that are left."""
        return self.memory.full

    @property
    def keys(self) -> list[str]:
        """Keys that were asked, with any result."""
        return [key for key, _ in self.answers] + self.empty + self.refused

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return self.failed + self.rejected

    @property
    def refused(self) -> list[str]:
        """Keys that failed or were rejected, to be asked again when the run continues."""
        return [letter.key for letter in self.dead_letters]

    @property
    def asked(self) -> int:
        return len(self.answers) + len(self.empty) + len(self.failed) + len(self.rejected)

    def outcome(self, calls: int = 0, *, unchanged: int = 0, empty_answers: int = 0) -> Outcome:
        """The counts. ``calls`` are counted with the part of the chunk that lands first; ``empty_answers`` is how many
        of the answers only say that Tuya does not know the key."""
        return Outcome(
            asked=self.asked,
            answered=len(self.answers) - empty_answers,
            empty=len(self.empty) + empty_answers,
            failed=len(self.failed),
            rejected=len(self.rejected),
            unchanged=unchanged,
            calls=0 if self.calls_landed else calls,
        )


async def ask_all(
    keys: Iterable[str],
    ask: Callable[[str], Awaitable[T]],
    into: Asked[T],
    *,
    kind: str,
    workers: int,
    patience: int = 50,
    on_key: Callable[[], None] = lambda: None,
    in_parts: bool = False,
) -> None:
    """Ask every key and put the result into ``into``.

    ``ask`` returns the answer or raises a :class:`TuyaError`. An error that every key would meet (quota, budget, wrong
    setting, refused login) stops all workers and is kept as ``stopped_by``. An outage does the same, instead of leaving
    a dead letter for every key: no connection, more than ``patience`` passing faults in a row, or :data:`OUTAGE` keys
    and nothing but passing faults. On cancellation the keys not yet answered are in ``left``, and CancelledError is
    raised on. With ``in_parts``, keys are left once ``into`` is full, and so are those whose large answer did not fit;
    ``ask`` calls :meth:`Asked.hold` for each answer.
    """
    into.kind = kind
    shared = _Shared(iter(keys), ask, into, kind, patience, on_key, in_parts)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(shared.work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None  # the plain error decides whether the task is retried
    finally:
        into.left.extend(shared.keys)
    shared.judge()


@dataclass(slots=True)
class _Shared(Generic[T]):
    keys: Iterator[str]
    ask: Callable[[str], Awaitable[T]]
    into: Asked[T]
    kind: str
    patience: int
    on_key: Callable[[], None]
    in_parts: bool
    faults_in_a_row: int = 0
    last_fault: PassingFault | None = None

    def judge(self) -> None:
        """Recognise an outage: no key was answered and each met a passing fault."""
        faults = self.faults_in_a_row
        if OUTAGE <= faults == self.into.asked and not self.into.stopped_by:
            self.into.left.extend(letter.key for letter in self.into.failed)
            self.into.failed.clear()
            self.into.stopped_by = self.last_fault

    async def work(self) -> None:
        for key in self.keys:
            try:
                if self.in_parts and self.into.full:
                    self.into.left.append(key)
                    return
                await self._ask(key)
            except MemoryFull:
                self.into.left.append(key)
                continue
            except BaseException:
                self.into.left.append(key)
                raise
            if self.into.stopped_by:
                return
            self.on_key()

    async def _ask(self, key: str) -> None:
        try:
            try:
                answer = await self.ask(key)
            except AuthenticationRefused:
                if self.into.stopped_by:
                    raise
                answer = await self._after_login(key)
        except NotFound:
            self.into.empty.append(key)
        except UnusableAnswer as error:
            self.into.rejected.append(self._letter(key, "unusable_answer", error))
        except TuyaError as error:
            self._refused(key, error)
            return
        else:
            self.into.answers.append((key, answer))
        self.faults_in_a_row = 0

    async def _after_login(self, key: str) -> T:
        for _ in range(LOGINS - 2):
            with suppress(AuthenticationRefused):
                return await self.ask(key)
        return await self.ask(key)

    def _refused(self, key: str, error: TuyaError) -> None:
        passing = isinstance(error, PassingFault)
        self.faults_in_a_row = self.faults_in_a_row + 1 if passing else 0
        self.last_fault = error if isinstance(error, PassingFault) else self.last_fault
        away = passing and not error.reached
        if self.into.stopped_by or error.action in STOPPING or away or self.faults_in_a_row > self.patience:
            self.into.left.append(key)
            self.into.stopped_by = self.into.stopped_by or error
        else:
            reason: Reason = "retries_exhausted" if passing or error.action is Action.SLOW_DOWN else "item_error"
            self.into.failed.append(self._letter(key, reason, error))

    def _letter(self, key: str, reason: Reason, error: TuyaError) -> DeadLetter:
        self.into.memory.add(len(error.raw))
        return DeadLetter(self.kind, key, reason, error.code, str(error), error.raw or None)
