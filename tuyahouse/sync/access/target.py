"""What is written to, while no other run writes to it: each intent is judged by the audit, made, and recorded."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import PassingFault, TuyaError
from tuyahouse.sync.access import unknown_outcome
from tuyahouse.sync.access.advice import OF_ONE_ITEM, advise
from tuyahouse.sync.access.audit import CARRIED_OUT, Audit, Known
from tuyahouse.sync.access.intent import End, Facts, Intent, NothingGained, Written
from tuyahouse.sync.access.sending import Sending
from tuyahouse.sync.asking import STOPPING
from tuyahouse.warehouse.access.audit_rows import REFUSED, UNKNOWN, StoredWrite

ALREADY = "It is so already."
DONE_BEFORE = "This run did it before."
DONE_MEANWHILE = "Another run did the same just now."
NOT_SENT = "It was not sent: the run was ended before."

_LONGEST_WAIT = timedelta(hours=1)
"""Longest time from the audit of a call until it is sent, while it waits for its start slot."""


class Target:
    """One target of one run, whose lock is held; without a lock in a dry run, which changes nothing.

    Args:
        name: as intents name it.
        since: when this run began to wait for other writers.
        renew: renews the lock; None in a dry run.
    """

    def __init__(
        self,
        name: str,
        client: TuyaClient,
        audit: Audit,
        since: datetime | None = None,
        renew: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self._client = client
        self._audit = audit
        self._since = since
        self._renew = renew
        self._longest_call = timedelta(seconds=client.account.timeout_seconds)

    async def write(self, intent: Intent) -> Written:
        """Carry the intent out, unless it is already so, or this run did it before, or an earlier call is in doubt."""
        known = await asyncio.to_thread(self._audit.known, intent, self._since)
        if known.done:
            return Written(intent.what, End.SKIPPED, DONE_BEFORE, known.done.result or {})
        return await (self._write(intent, known, self._renew) if self._renew else self._would(intent, known))

    async def in_doubt(self) -> Sequence[StoredWrite]:
        """The writes to the target that may have been carried out, and that no later run has reported."""
        return await asyncio.to_thread(self._audit.doubtful, self._name)

    async def is_so(self, intent: Intent, words: str) -> Written:
        """Skip an intent that is done already by what the warehouse knows; what it settles is no longer in doubt."""
        if self._renew:
            await asyncio.to_thread(self._audit.settle, intent)
        return Written(intent.what, End.SKIPPED, words)

    async def doubted_since(self, at: datetime) -> bool:
        """Whether an earlier state of the target is in doubt: a call since then may have been carried out."""
        last = await asyncio.to_thread(self._audit.last_doubt, self._name)
        return last is not None and last >= at

    async def _would(self, intent: Intent, known: Known) -> Written:
        """What a run that is not dry would do."""
        if intent.read_back:
            facts = await self._ask(intent)
            if isinstance(facts, Written):
                return facts
            return Written(intent.what, End.PLANNED) if facts is None else _already(intent, facts)
        if known.in_doubt and not intent.repeatable:
            words = unknown_outcome.would_be_reported(intent, known.in_doubt[0])
            return Written(intent.what, End.UNKNOWN, words, only_anew=True)
        return Written(intent.what, End.PLANNED)

    async def _write(self, intent: Intent, known: Known, renew: Callable[[], None]) -> Written:
        if known.meanwhile:
            return Written(intent.what, End.SKIPPED, DONE_MEANWHILE, known.meanwhile.result or {})
        if known.in_doubt and not intent.read_back and not intent.repeatable:
            words = unknown_outcome.reported(intent, known.in_doubt[0])
            await asyncio.to_thread(self._audit.report, intent, known.in_doubt, words)
            return Written(intent.what, End.UNKNOWN, words, only_anew=True)
        if intent.read_back:
            if ended := await self._read_back(intent, known):
                return ended
        else:
            await self._until_over(known.others)
        await asyncio.to_thread(renew)
        return await self._call(intent, await asyncio.to_thread(self._audit.begin, intent, known.in_doubt))

    async def _read_back(self, intent: Intent, known: Known) -> Written | None:
        """Ask Tuya whether it is so, and record what that means for the calls in doubt; None: it must be written."""
        facts = await self._ask(intent)
        if (known.in_doubt and facts is None) or known.others:
            # A call may still be under way inside Tuya: a reading counts only once the call has timed out.
            await self._until_over([*known.in_doubt, *known.others])
            facts = await self._ask(intent)
        if isinstance(facts, Written):
            return facts
        if facts is None:
            await asyncio.to_thread(self._audit.not_carried_out, known.in_doubt)
            return None
        if not known.in_doubt:
            await asyncio.to_thread(self._audit.settle, intent)
            return _already(intent, facts)
        note = await asyncio.to_thread(self._audit.carried_out, intent, known.in_doubt, facts)
        return Written(intent.what, End.DONE, f"{CARRIED_OUT} {note}".strip(), facts)

    async def _ask(self, intent: Intent) -> Facts | Written | None:
        """What Tuya answers about it now; how it ended if Tuya refuses to answer."""
        assert intent.read_back is not None
        try:
            return await intent.read_back(self._client)
        except TuyaError as error:
            if stops(error):
                raise
            advise(error, intent.check)
            return Written(intent.what, End.REFUSED, f"Not written, because its state cannot be read: {error}")

    async def _call(self, intent: Intent, attempt: int) -> Written:
        sending = Sending(self._client, intent.call)
        try:
            facts = await intent.make(sending.client)
        except TuyaError as error:
            in_doubt = sending.may_have_arrived(error)
            advise(error, intent.check)
            end, words = (
                (End.UNKNOWN, unknown_outcome.arisen(intent, str(error))) if in_doubt else (End.REFUSED, str(error))
            )
            await asyncio.to_thread(self._audit.failed, intent, attempt, end.value, error.code, words)
            if stops(error) or (isinstance(error, PassingFault) and not sending.sent):
                raise
            only_anew = in_doubt and not (intent.read_back or intent.repeatable)
            return Written(intent.what, end, words, only_anew=only_anew)
        except NothingGained as nothing:
            await asyncio.to_thread(self._audit.failed, intent, attempt, REFUSED, "", str(nothing))
            return Written(intent.what, End.REFUSED, str(nothing), nothing.facts)
        except BaseException as error:  # written at once, without awaiting: it may be cancelled
            outcome = UNKNOWN if sending.sent else REFUSED
            words = unknown_outcome.arisen(intent, _what_ended(error)) if sending.sent else NOT_SENT
            self._audit.failed(intent, attempt, outcome, "", words)
            raise
        return Written(intent.what, End.DONE, await asyncio.to_thread(self._audit.done, intent, attempt, facts), facts)

    async def _until_over(self, in_doubt: Sequence[StoredWrite]) -> None:
        """Wait until none of these calls can be under way any more."""
        if in_doubt:
            now = await asyncio.to_thread(self._audit.now)
            await asyncio.sleep(_still_under_way(in_doubt, now, self._longest_call))


def stops(error: TuyaError) -> bool:
    """Whether every further call would meet this error too."""
    away = isinstance(error, PassingFault) and not error.reached
    return away or (error.action in STOPPING and error.code.lower() not in OF_ONE_ITEM)


def _still_under_way(in_doubt: Sequence[StoredWrite], now: datetime, longest: timedelta) -> float:
    """Seconds until the last of these calls has ended for certain. When a killed process sent its call is not known."""
    sent = [row.ended_at or (now if now - row.asked_at < _LONGEST_WAIT else row.asked_at) for row in in_doubt]
    return max((max(sent) + longest - now).total_seconds(), 0.0)


def _already(intent: Intent, facts: Facts) -> Written:
    return Written(intent.what, End.SKIPPED, ALREADY, facts)


def _what_ended(error: BaseException) -> str:
    if isinstance(error, Exception):
        return f"A mistake in tuyahouse ended the run during the call ({type(error).__name__})."
    return "The run was ended during the call."
