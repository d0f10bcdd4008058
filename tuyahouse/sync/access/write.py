"""The one door for writes to Tuya.

    permission → one writer at a time → is it so already? → audit row (pending), committed → call → outcome, committed

A call whose outcome is unknown (time-out, cut answer, killed process) is never repeated blindly. If Tuya can be asked,
the next run reads back and records what it finds. If not, the next run reports it and writes nothing; only a run after
that, with another run key, may write it again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import PassingFault, TuyaError, UnusableAnswer, prefix
from tuyahouse.settings import Account, SettingsError
from tuyahouse.sync.access.alone import alone
from tuyahouse.sync.access.audit import CARRIED_OUT, Audit
from tuyahouse.sync.access.intent import End, Facts, Intent, NothingGained, Written
from tuyahouse.sync.asking import STOPPING
from tuyahouse.warehouse.access import writes
from tuyahouse.warehouse.access.writes import StoredWrite
from tuyahouse.warehouse.ledgers.runs import Run
from tuyahouse.warehouse.shared.locks import Lock, LockHeld
from tuyahouse.warehouse.warehouse import Warehouse

ALREADY = "It is so already."
DONE_BEFORE = "This run did it before."
DONE_MEANWHILE = "Another run did the same just now."

_OF_ONE_ITEM = frozenset({"1106"})
"""Codes that mean a wrong configuration elsewhere, but here mostly a device of another owner."""

_LONGEST_WAIT = timedelta(hours=1)
"""Longest time from the audit of a call until it is sent, while it waits for its start slot."""


def require_permission(account: Account) -> None:
    """Raises SettingsError if the account's settings do not allow writes."""
    if not account.allow_writes:
        raise SettingsError(
            f"Writes to Tuya are switched off for {account.name}: nothing was written. Set "
            f"{prefix(account.name)}ALLOW_WRITES=true, or leave dry_run on to see what would be written."
        )


class Door:
    """Carries out the intents of one run.

    Args:
        client: makes the calls; they are paced and counted like all others.
        warehouse: holds the audit and the locks.
        run: its run key is part of the name of each intent.
        dry_run: only say what would be written; Tuya is read, and never written to.
        lease: of the lock of a target (LOCK_LEASE).
    """

    def __init__(self, client: TuyaClient, warehouse: Warehouse, run: Run, *, dry_run: bool, lease: timedelta) -> None:
        self.client = client
        self.warehouse = warehouse
        self.run = run
        self.dry_run = dry_run
        self._audit = Audit(warehouse, run)
        self._lease = lease
        self._longest_call = timedelta(seconds=client.account.timeout_seconds)

    async def write(self, intent: Intent) -> Written:
        """Carry the intent out, unless it is already so or this run did it before.

        Raises:
            TuyaError: one that every further call would meet too; it is in the audit.
            SettingsError: the account does not allow writes.
            WarehouseError: the audit cannot be written. The next run finds out about a call made by then.
        """
        if not self.dry_run:
            require_permission(self.client.account)
        try:
            if self.dry_run:
                return await self._would(intent)
            since = await asyncio.to_thread(self._audit.now)
            async with self._alone(intent) as lock:
                return await self._write(intent, lock, since)
        except LockHeld as held:
            words = f"Not written: {held.holder} has been writing to it for long. Start this run again later."
            return Written(intent.what, End.REFUSED, words)

    def _alone(self, intent: Intent) -> AbstractAsyncContextManager[Lock]:
        holder = f"{self.run.flow}, run key {self.run.run_key}"
        patience = 2 * self._lease + self._longest_call
        return alone(self.warehouse, self.run.account, intent.target, holder, self._lease, patience)

    async def _would(self, intent: Intent) -> Written:
        """What a run that is not dry would do."""
        known = await asyncio.to_thread(self._audit.known, intent)
        if known.done:
            return Written(intent.what, End.SKIPPED, DONE_BEFORE, known.done.result or {})
        if intent.read_back:
            facts = await self._ask(intent)
            if isinstance(facts, Written):
                return facts
            return Written(intent.what, End.PLANNED) if facts is None else _already(intent, facts)
        if known.in_doubt and not intent.repeatable:
            return Written(intent.what, End.PLANNED, _in_doubt(intent, known.in_doubt[0]))
        return Written(intent.what, End.PLANNED)

    async def _write(self, intent: Intent, lock: Lock, since: datetime) -> Written:
        known = await asyncio.to_thread(self._audit.known, intent, since)
        if known.done:
            return Written(intent.what, End.SKIPPED, DONE_BEFORE, known.done.result or {})
        if known.meanwhile:
            return Written(intent.what, End.SKIPPED, DONE_MEANWHILE, known.meanwhile.result or {})
        if intent.read_back:
            if ended := await self._read_back(intent, known.in_doubt):
                return ended
        elif known.in_doubt and not intent.repeatable:
            words = _in_doubt(intent, known.in_doubt[0])
            await asyncio.to_thread(self._audit.report, known.in_doubt, words)
            return Written(intent.what, End.UNKNOWN, words, only_anew=True)
        await asyncio.to_thread(lock.renew)
        return await self._call(intent, await asyncio.to_thread(self._audit.begin, intent, known.in_doubt))

    async def _read_back(self, intent: Intent, in_doubt: Sequence[StoredWrite]) -> Written | None:
        """Ask Tuya whether it is so, and record what that means for the calls in doubt; None: it must be written."""
        facts = await self._ask(intent)
        if facts is None and in_doubt:
            # The call may still be under way inside Tuya: no means no once its time is over.
            await asyncio.sleep(
                _still_under_way(in_doubt, await asyncio.to_thread(self._audit.now), self._longest_call)
            )
            facts = await self._ask(intent)
        if isinstance(facts, Written):
            return facts
        if facts is None:
            await asyncio.to_thread(self._audit.not_carried_out, in_doubt)
            return None
        if not in_doubt:
            return _already(intent, facts)
        await asyncio.to_thread(self._audit.carried_out, intent, in_doubt, facts)
        return Written(intent.what, End.DONE, CARRIED_OUT, facts)

    async def _ask(self, intent: Intent) -> Facts | Written | None:
        """What Tuya answers about it now; how it ended if Tuya refuses to answer."""
        assert intent.read_back is not None
        try:
            return await intent.read_back(self.client)
        except TuyaError as error:
            if stops(error):
                raise
            return Written(intent.what, End.REFUSED, f"Not written, because its state cannot be read: {error}")

    async def _call(self, intent: Intent, attempt: int) -> Written:
        try:
            facts = await intent.make(self.client)
        except TuyaError as error:
            in_doubt = error.reached and isinstance(error, PassingFault | UnusableAnswer)
            end, words = (End.UNKNOWN, _unknown(intent, str(error))) if in_doubt else (End.REFUSED, str(error))
            await asyncio.to_thread(self._audit.failed, intent, attempt, end.value, error.code, words)
            if stops(error):
                raise
            only_anew = in_doubt and not (intent.read_back or intent.repeatable)
            return Written(intent.what, end, words, only_anew=only_anew)
        except NothingGained as nothing:
            await asyncio.to_thread(self._audit.failed, intent, attempt, writes.REFUSED, "", str(nothing))
            return Written(intent.what, End.REFUSED, str(nothing), nothing.facts)
        except BaseException:  # cancelled: written at once, without awaiting
            words = _unknown(intent, "The run was ended during the call.")
            self._audit.failed(intent, attempt, writes.UNKNOWN, "", words)
            raise
        return Written(intent.what, End.DONE, await asyncio.to_thread(self._audit.done, intent, attempt, facts), facts)


def stops(error: TuyaError) -> bool:
    """Whether every further call would meet this error too."""
    away = isinstance(error, PassingFault) and not error.reached
    return away or (error.action in STOPPING and error.code not in _OF_ONE_ITEM)


def _still_under_way(in_doubt: Sequence[StoredWrite], now: datetime, longest: timedelta) -> float:
    """Seconds until the last of these calls has ended for certain. When a killed process sent its call is not known."""
    sent = [row.ended_at or (now if now - row.asked_at < _LONGEST_WAIT else row.asked_at) for row in in_doubt]
    return max((max(sent) + longest - now).total_seconds(), 0.0)


def _already(intent: Intent, facts: Facts) -> Written:
    return Written(intent.what, End.SKIPPED, ALREADY, facts)


def _unknown(intent: Intent, what_happened: str) -> str:
    """The words for a call whose outcome is unknown."""
    how = "The next run asks Tuya and records what it finds." if intent.read_back else intent.find_out
    return " ".join(filter(None, (what_happened, "It may have been carried out and is not repeated.", how)))


def _in_doubt(intent: Intent, row: StoredWrite) -> str:
    """The words for an earlier call that cannot be read back."""
    since = (
        f"Whether the call of {row.asked_at:%Y-%m-%d %H:%M:%S} UTC was carried out is unknown, so it is not repeated."
    )
    again = "To write it all the same, start a run with a new run_key after this one."
    return " ".join(filter(None, (since, intent.find_out, again)))
