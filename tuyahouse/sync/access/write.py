"""The one door for writes to Tuya.

    permission → one writer at a time → is it so already? → audit row (pending), committed → call → outcome, committed

A call whose outcome is unknown (time-out, cut answer, killed process) is never repeated blindly. If Tuya can be asked,
the next run reads back and records what it finds. If not, the next run reports it and writes nothing; only a run after
that, with another run key, may write it again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import prefix
from tuyahouse.settings import Account, SettingsError
from tuyahouse.sync.access.alone import alone
from tuyahouse.sync.access.audit import Audit
from tuyahouse.sync.access.intent import End, Intent, Written
from tuyahouse.sync.access.target import Target, stops
from tuyahouse.warehouse.ledgers.runs import Run
from tuyahouse.warehouse.shared.locks import LockHeld
from tuyahouse.warehouse.warehouse import Warehouse

__all__ = ["Door", "busy", "require_permission", "stops"]


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

    async def write(self, intent: Intent) -> Written:
        """Carry the intent out, unless it is already so or this run did it before.

        Raises:
            TuyaError: one that every further call would meet too; it is in the audit.
            SettingsError: the account does not allow writes.
            WarehouseError: the audit cannot be written. The next run finds out about a call made by then.
        """
        try:
            async with self.alone_with(intent.target) as target:
                return await target.write(intent)
        except LockHeld as held:
            return busy(intent.what, held)

    @asynccontextmanager
    async def alone_with(self, target: str) -> AsyncIterator[Target]:
        """The target, locked against other runs: for what is judged by what the warehouse knows of it.

        Raises:
            LockHeld: another run has been writing to it for long.
            SettingsError: the account does not allow writes.
        """
        if self.dry_run:
            yield Target(target, self.client, self._audit)
            return
        require_permission(self.client.account)
        since = await asyncio.to_thread(self._audit.now)
        holder = f"{self.run.flow}, run key {self.run.run_key}"
        patience = 2 * self._lease + timedelta(seconds=self.client.account.timeout_seconds)
        async with alone(self.warehouse, self.run.account, target, holder, self._lease, patience) as lock:
            yield Target(target, self.client, self._audit, since, lock.renew)


def busy(what: str, held: LockHeld) -> Written:
    """What became of an intent whose target another run has been writing to for long."""
    words = f"Not written: {held.holder} has been writing to it for long. Start this run again later."
    return Written(what, End.REFUSED, words)
