"""The list of authorized accounts: read to its end, landed page by page, vanished ones kept and marked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from msgspec.structs import astuple

from tuyahouse.cloud.calls.authorization import AccountPage, AuthorizedAccount, read_accounts
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.dead_letter_reasons import Reason
from tuyahouse.fingerprint import fingerprint
from tuyahouse.outcome import Outcome
from tuyahouse.times import utc_now
from tuyahouse.warehouse.access import accounts
from tuyahouse.warehouse.bulk.halves import write_in_halves
from tuyahouse.warehouse.bulk.writer import Written
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "authorized_account"
"""Kind of the dead letters of items without a uid, and of accounts that the database refuses."""

SWEEPS = 3
"""Readings of the list: one in which accounts move between pages may miss some of them."""

_CHUNK = 0


@dataclass(slots=True)
class Sweep:
    """What one reading of the list, or several together, brought."""

    uids: set[str] = field(default_factory=set)
    unusable: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """Keys of accounts that the database refuses; their uids are among ``uids``, so that an earlier row stays."""
    total: int | None = None

    @property
    def complete(self) -> bool:
        """Whether as many accounts were read as Tuya counts. Without a count, the list ended by itself."""
        return self.total is None or len(self.uids) + len(self.unusable) == self.total


@dataclass(frozen=True, slots=True)
class Listed:
    """How the reading of the list ended; ``amiss`` says why nothing could be declared vanished, or is empty."""

    accounts: int
    vanished: int
    amiss: str


async def sync_list(
    client: TuyaClient, warehouse: Warehouse, run: runs.Run, *, now: Callable[[], datetime] = utc_now
) -> Listed:
    """Read the list until it is complete, at most :data:`SWEEPS` times, and land it.

    Raises:
        TuyaError: it could not be read to its end; what was read is landed, and nothing is declared vanished.
    """
    outcome, all_sweeps = Outcome(), Sweep()
    for _ in range(SWEEPS):
        sweep = Sweep()
        async for page in read_accounts(client):
            written, refused = await asyncio.to_thread(_land_page, warehouse, run, page, now())
            outcome += written
            for each in (sweep, all_sweeps):
                _note(each, page, refused)
        if sweep.complete or all_sweeps.complete:
            break
    complete = sweep if sweep.complete else all_sweeps
    return await asyncio.to_thread(_conclude, warehouse, run, complete, outcome, now())


def _note(sweep: Sweep, page: AccountPage, refused: set[str]) -> None:
    sweep.uids.update(account.uid for account in page.accounts)
    sweep.unusable.update(map(_key, page.unusable))
    sweep.refused |= refused
    sweep.total = page.total if page.total is not None else sweep.total


def _key(item: object) -> str:
    return f"item {fingerprint(msgspec.json.encode(item)).hex()}"


def _land_page(warehouse: Warehouse, run: runs.Run, page: AccountPage, at: datetime) -> tuple[Outcome, set[str]]:
    """What was written, and the keys of accounts that the database refuses.

    Counts rows alone: an account may stand on two pages.
    """
    letters = [_letter(item, "unusable_answer", "It has no uid.") for item in page.unusable]
    refused = set[str]()

    def store(accounts_of_part: Sequence[AuthorizedAccount]) -> Written:
        return accounts.store_listed(conn, run.account, [astuple(each) for each in accounts_of_part], run.run_id)

    def refuse(account: AuthorizedAccount, problem: str) -> Written:
        letters.append(_letter(account, "not_storable", problem))
        refused.add(_key(account))
        return Written()

    with landing(warehouse, run) as conn:
        written = write_in_halves(warehouse, conn, page.accounts, store, refuse)
        dead_letters.record(conn, run.account, letters, at)
    counts = [Outcome(inserted=each.inserted, updated=each.updated, unchanged=each.unchanged) for each in written]
    return sum(counts, Outcome()), refused


def _letter(item: object, reason: Reason, words: str) -> DeadLetter:
    return DeadLetter(KIND, _key(item), reason, message=words, raw=msgspec.json.encode(item))


def _conclude(warehouse: Warehouse, run: runs.Run, sweep: Sweep, outcome: Outcome, at: datetime) -> Listed:
    read, unusable, refused, vanished = len(sweep.uids), len(sweep.unusable), len(sweep.refused), 0
    amiss = _amiss(sweep)
    outcome.asked, outcome.answered, outcome.rejected = read + unusable, read - refused, unusable + refused
    with landing(warehouse, run) as conn:
        if not amiss:
            vanished = accounts.declare_vanished(conn, run.account, sweep.uids, at, run.run_id)
        if sweep.complete:
            gone = set(dead_letters.open_keys(conn, run.account, KIND)) - sweep.unusable - sweep.refused
            dead_letters.resolve(conn, run.account, KIND, gone, at)
        outcome.updated += vanished
        run_chunks.replace_chunk(conn, run.run_id, _CHUNK, outcome)
    return Listed(read, vanished, amiss)


def _amiss(sweep: Sweep) -> str:
    """Why an account that was not on the list may still exist; empty if it does not."""
    if not sweep.complete:
        met = len(sweep.uids) + len(sweep.unusable)
        return (
            f"The list of authorized accounts was not read completely: {met:,} were met, Tuya counts {sweep.total:,}. "
            "None is declared vanished. The next run reads it again."
        )
    if sweep.unusable:
        return (
            f"{len(sweep.unusable):,} authorized accounts came without a uid and are dead letters of {KIND}. "
            "None is declared vanished, as it could be one of them."
        )
    return ""
