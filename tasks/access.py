"""The steps of the access flows: read the authorized accounts, write through the one door, report each result."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prefect.runtime import task_run

from tasks.run.artifacts import publish_table, shown
from tasks.run.flow import RunRed
from tasks.run.meter import Meter
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task, retry_delays
from tasks.run.run import Running
from tuyahouse.cloud.errors import BudgetReached, PassingFault
from tuyahouse.command_lines import ANEW
from tuyahouse.sync.access.accounts import Listed, sync_list
from tuyahouse.sync.access.grant import Grant, grant
from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.token_files import TokenFiles
from tuyahouse.sync.access.users import User, read_users, write_users
from tuyahouse.sync.access.write import Door, require_permission
from tuyahouse.warehouse.access import accounts
from tuyahouse.warehouse.access.rows_of_run import rows_of_run
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.shared.landing import landing

ROWS_IN_TABLE = 1000
ROWS_IN_NOTE = 50
DRY = "Dry run: nothing was written to Tuya. Start it with dry_run=false to write."

_WORDS = {
    End.PLANNED: "would be done",
    End.SKIPPED: "skipped",
    End.DONE: "done",
    End.REFUSED: "refused",
    End.UNKNOWN: "unknown",
    End.INVALID: "not valid",
}


@asynccontextmanager
async def open_door(run: runs.Run, dry_run: bool) -> AsyncIterator[Door]:
    """The door for the writes of a run, with a client of its own.

    Raises:
        SettingsError: the account does not allow writes, and the run is not dry.
    """
    resources = open_resources(run.account)
    if not dry_run:
        require_permission(resources.account)
    async with resources.tuya(run.run_id) as client:
        meter = Meter(client)
        try:
            yield Door(client, resources.warehouse, run, dry_run=dry_run, lease=resources.settings.lock_lease)
        finally:
            meter.tell()


def unless_away(results: IntentResults) -> IntentResults:
    """What was carried out, for the end of a task.

    Raises:
        PassingFault: Tuya is away, and the task is worth retrying. What was done by then is skipped the next time.
    """
    if isinstance(results.stopped_by, PassingFault) and task_run.run_count <= len(retry_delays):
        raise results.stopped_by
    return results


@retried_task("grant")
async def grant_to_account(run: runs.Run, wanted: Grant, dry_run: bool) -> IntentResults:
    """Authorize an account, let it into rooms and get it a ticket, as far as wanted and not yet done."""
    settings = open_resources(run.account).settings
    files = TokenFiles.open(settings) if wanted.ticket and not dry_run else None
    async with open_door(run, dry_run) as door:
        return unless_away(await grant(door, wanted, files))


@retried_task("users")
async def write_app_users(run: runs.Run, user: User | Written | None, path: str | None, dry_run: bool) -> IntentResults:
    """Create or update users of the app: the one that is given, or all of a file.

    Raises:
        SourceError: the file cannot be used, or breaks off; nothing was written.
    """
    users = [user] if user else await asyncio.to_thread(list, read_users(path or ""))
    async with open_door(run, dry_run) as door:
        return unless_away(await write_users(door, users))


@retried_task("list of accounts")
async def read_account_list(run: runs.Run) -> Listed:
    """Read the list of authorized accounts to its end, and mark those that are no longer in it."""
    resources = open_resources(run.account)
    async with resources.tuya(run.run_id) as client:
        meter = Meter(client)
        try:
            return await sync_list(client, resources.warehouse, run)
        finally:
            meter.tell()


async def publish_account_changes(run: Running, listed: Listed) -> None:
    """Leave a table of the accounts that this run found new or changed, or declared vanished."""
    changed = await asyncio.to_thread(_account_changes, run)
    run.notes.append(f"{listed.accounts:,} authorized accounts, {listed.vanished:,} vanished.")
    await publish_table(
        ("accounts", run.account),
        changed,
        f"**Authorized accounts of {shown(run.account)}**: {listed.accounts:,}, {listed.vanished:,} vanished. "
        f"Up to {ROWS_IN_TABLE:,} changes; all are in `authorized_account`.",
    )


def _account_changes(run: Running) -> list[dict[str, str]]:
    with run.resources.warehouse.read() as conn:
        return accounts.changes_of_run(conn, run.account, run.id, ROWS_IN_TABLE)


async def conclude_writes(run: Running, results: IntentResults, dry_run: bool) -> None:
    """Count what became of the intents, leave it as a table, and end the run red if any is not done.

    Raises:
        RunRed: an intent was refused, is unknown or not valid; says which and why.
        TuyaError: what ended the run before its last intent.
    """
    await asyncio.to_thread(_land, run, results)
    run.notes += results.notes
    if dry_run:
        run.notes.append(DRY)
    await publish_writes(run, results)
    if isinstance(results.stopped_by, BudgetReached):
        run.stopped = str(results.stopped_by)
    elif results.stopped_by:
        raise results.stopped_by
    if amiss := results.amiss:
        advice = [ANEW] if all(row.only_anew for row in amiss) else []
        so = "would not be" if dry_run else "are not"
        raise RunRed("\n".join([f"{len(amiss):,} of {len(results.rows):,} {so} done:", _lines(amiss), *advice]))


def _land(run: Running, results: IntentResults) -> None:
    with landing(run.resources.warehouse, run.run) as conn:
        outcome = results.outcome()
        outcome.inserted, outcome.updated = rows_of_run(conn, run.account, run.id)
        run_chunks.replace_chunk(conn, run.id, 0, outcome)


async def publish_writes(run: Running, results: IntentResults) -> None:
    """Leave a table of what was done, skipped and refused, and the same in the note of the run."""
    run.notes += filter(None, [_lines([row for row in results.rows if row not in results.amiss])])
    rows = [{"what": row.what, "outcome": _WORDS[row.end], "note": row.words} for row in results.rows]
    described = f"**Writes of {run.run.flow} of {shown(run.account)}**: {len(rows):,}"
    more = f"; the first {ROWS_IN_TABLE:,} of them" if len(rows) > ROWS_IN_TABLE else ""
    audit = "All that was written is in `ops_write`."
    await publish_table((run.run.flow, run.account, "writes"), rows[:ROWS_IN_TABLE], f"{described}{more}. {audit}")


def _lines(rows: Sequence[Written]) -> str:
    """A line for each row, as far as a note holds them."""
    lines = [f"- {_WORDS[row.end]}: {row.what}{f' ({row.words})' if row.words else ''}" for row in rows]
    more = [f"- and {len(lines) - ROWS_IN_NOTE:,} more"] if len(lines) > ROWS_IN_NOTE else []
    return "\n".join([*lines[:ROWS_IN_NOTE], *more])
