"""``tuyahouse status``: how an account is doing, from the warehouse alone."""

from datetime import UTC, datetime

from tuyahouse.cli.context import OneAccount, chosen, open_warehouse, read_settings
from tuyahouse.cli.output import below, said, say, show
from tuyahouse.command_lines import flow_command, goes_on_anew
from tuyahouse.settings import Account
from tuyahouse.sync.messages.gaps import gap_in_words
from tuyahouse.sync.serial_numbers.progress import progress_in
from tuyahouse.terminal import duration
from tuyahouse.verdict import counts_in_words
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.messages import ledger
from tuyahouse.warehouse.messages.gaps import open_gaps
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared import locks, slots
from tuyahouse.warehouse.shared.tokens import token_states
from tuyahouse.warehouse.warehouse import Warehouse

RUNS_SHOWN = 10
DIED = "died"
"""Status of a run whose process was killed: it is stored as running, but its lock has ended."""
GOES_ON = {
    DIED: "What was committed stays. To continue:",
    "interrupted": "What was answered is committed. To continue:",
    "failed": "When that is fixed:",
    "unbalanced": "When that is fixed:",
}
"""The line above the command that continues a run, by its status."""


def status(account: OneAccount = None) -> None:
    """Show the newest runs, registry, commands, dead letters, calls, budget, tokens, messages and gaps. Makes no call.

    Example:

    \b
      tuyahouse status --account factory
    """
    settings = read_settings()
    with open_warehouse(settings) as warehouse:
        say(f"Warehouse {warehouse.address}")
        others = [name for name in runs.accounts(warehouse) if name not in settings.accounts]
        if account in others:
            say(f"Account {account} is not in the settings: its runs are all that is shown.")
            _runs(warehouse, account)
            return
        for one in chosen(settings, account):
            _status(warehouse, one, datetime.now(UTC))
        for name in others if account is None else ():
            say(f"Account {name} is not in the settings.")
            _runs(warehouse, name)


def _status(warehouse: Warehouse, account: Account, now: datetime) -> None:
    say(f"Account {account.name}")
    _runs(warehouse, account.name)
    with warehouse.read() as conn:
        _registry(conn, account)
        _commands(conn, account)
        _dead_letters(conn, account)
        _calls(conn, account, now)
        _tokens(conn, account, now)
        _messages(conn, account)


def _runs(warehouse: Warehouse, account: str) -> None:
    newest = runs.recent_runs(warehouse, account, RUNS_SHOWN)
    say("Newest runs (UTC)" if newest else "No run yet.")
    nights = {run.run_key for run in newest if run.flow == "nightly_sync" and _state(warehouse, run) in GOES_ON}
    for run in newest:
        _run(warehouse, run, run.flow != "nightly_sync" and run.run_key in nights)


def _run(warehouse: Warehouse, run: runs.Summary, in_a_night: bool) -> None:
    """A line that fits into 80 columns, a line of counts, the note, and the command that continues it.

    A run that continues as a part ``in_a_night`` needs no command.
    """
    status = _state(warehouse, run)
    say(f"  {run.started_at:%m-%d %H:%M}  {run.flow}: {status}")
    below(f"run key {run.run_key}")
    if counts := _progress(warehouse, run) if run.status == "running" else counts_in_words(run.outcome):
        below(counts)
    if came_to := progress_in(run.parameters).came_to:
        below(came_to)
    for line in run.note.splitlines():
        below(line)
    if status in GOES_ON and not in_a_night and not goes_on_anew(run.note):
        below(GOES_ON[status])
        below(flow_command(run.flow, run.account, {**run.parameters, "run_key": run.run_key}))


def _state(warehouse: Warehouse, run: runs.Summary) -> str:
    """The status of a run; one that was killed, and whose lock has ended, has died."""
    if run.status != "running":
        return run.status
    with warehouse.read() as conn:
        return run.status if locks.is_held(conn, locks.of_run(run.account, run.flow, run.run_key)) else DIED


def _progress(warehouse: Warehouse, run: runs.Summary) -> str:
    """How much of the plan of a run under way is committed; empty without a plan."""
    if not run.planned:
        return ""
    done = run.planned - run_chunks.keys_left(warehouse, run.run_id)
    return f"{done:,} of {run.planned:,} committed ({done / run.planned:.0%})"


def _registry(conn: Connection, account: Account) -> None:
    states = registry.counts(conn, account.name)
    if states:
        show("Serial numbers", ("state", "count"), sorted(states.items()))
    else:
        say("No serial number is registered.")


def _commands(conn: Connection, account: Account) -> None:
    verdicts = records.verdicts(conn, account.name)
    if verdicts:
        rows = ((verdict, still, count) for (verdict, still), count in sorted(verdicts.items()))
        show("Commands", ("verdict", "still followed", "count"), rows)


def _dead_letters(conn: Connection, account: Account) -> None:
    counts = [row[1:] for row in dead_letters.counts(conn, account.name)]
    dismissed = sum(count for *_, count in counts)
    if any(still for _, _, still, *_ in counts):
        show("Dead letters", ("kind", "reason", "open", "resolved", "dismissed"), counts)
    else:
        say(f"No dead letter is open{f' ({dismissed:,} dismissed)' if dismissed else ''}.")


def _calls(conn: Connection, account: Account, now: datetime) -> None:
    month = now.date().replace(day=1)
    used = slots.calls_since(conn, account.name, month)
    if account.monthly_calls is None:
        said_of_budget = "MONTHLY_CALLS is not set"
    else:
        left = max(account.monthly_calls - used, 0)
        said_of_budget = f"{used / max(account.monthly_calls, 1):.1%} of {account.monthly_calls:,}, {left:,} left"
    say(f"Calls since {month}: {used:,} ({said_of_budget}).")
    by_endpoint = slots.calls_by_endpoint(conn, account.name, month)
    if by_endpoint:
        show("Calls by endpoint", ("endpoint", "calls", "failures", "throttled"), by_endpoint)


def _tokens(conn: Connection, account: Account, now: datetime) -> None:
    for token in token_states(conn, account.name):
        parts = [f"number {token.generation:,}"]
        if token.changed_at:
            parts.append(f"{duration((now - token.changed_at).total_seconds())} old")
        if token.expires_at:
            left = (token.expires_at - now).total_seconds()
            parts.append(f"valid for {duration(left)}" if left > 0 else "expired: the next call renews it")
        if token.refreshed_at:
            parts.append(f"refreshed {said(token.refreshed_at)} UTC")
        say(f"Token {token.kind}: {', '.join(parts)}.")


def _messages(conn: Connection, account: Account) -> None:
    readers = ledger.consumers(conn, account.name)
    columns = ("source", "read_until", "last_message_at", "messages", "dead_letters", "reconnects")
    if readers:
        show("Messages (UTC)", columns, ([getattr(one, name) for name in columns] for one in readers))
    else:
        say("No message has been read yet.")
    gaps = open_gaps(conn, account.name)
    for gap in gaps:
        say(f"Open gap: {gap_in_words(gap)} Reading all devices and open commands closes it.")
    if readers and not gaps:
        say("No gap in the message stream is open.")
