"""A run that drains the messages of an account: its outcome and its notes."""

from collections.abc import Callable
from dataclasses import dataclass

from tuyahouse.outcome import Outcome
from tuyahouse.settings import Account
from tuyahouse.sync.messages.consumer import Progress
from tuyahouse.sync.messages.gaps import gap_in_words
from tuyahouse.sync.messages.land import Landed
from tuyahouse.sync.messages.service import drain, summary
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.messages import ledger
from tuyahouse.warehouse.messages.gaps import open_gaps
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Drained:
    """The outcome of a run, and its notes for the operator."""

    outcome: Outcome
    caught_up: bool
    notes: list[str]


def drain_run(
    account: Account,
    warehouse: Warehouse,
    run: runs.Run,
    *,
    max_seconds: float | None,
    max_messages: int | None,
    stopping: Callable[[], bool],
) -> Drained:
    """Drain the messages and record the outcome with the run.

    Raises:
        SourceError: the endpoint cannot be used; says what that may mean and what to check.
        MessageKeyError: the access secret cannot be a message key.
    """
    progress = drain(account, warehouse, max_seconds=max_seconds, max_messages=max_messages, stopping=stopping)
    outcome = outcome_of(progress.landed)
    # Batches need no fence: a message is stored once under its id, whoever receives it, and then acknowledged.
    with landing(warehouse, run) as conn:
        run_chunks.replace_chunk(conn, run.run_id, 0, outcome)  # a run that is started again drains again
        gaps = open_gaps(conn, account.name)
        ever = sum(consumer.messages for consumer in ledger.consumers(conn, account.name))
    silence = [] if ever or progress.problem else [_silence(account)]
    said = f"{summary(progress)} {ending(progress, account)}"
    trouble = [progress.trouble] if progress.trouble and not progress.problem else []
    return Drained(outcome, progress.caught_up, [said, *trouble, *silence, *map(gap_in_words, gaps)])


def outcome_of(landed: Landed) -> Outcome:
    """Messages in the counts of a run: dead letters are rejected, all others answered."""
    return Outcome(
        asked=landed.received,
        answered=landed.received - landed.dead,
        rejected=landed.dead,
        inserted=landed.stored,
        unchanged=landed.known,
    )


def ending(progress: Progress, account: Account) -> str:
    """How a run ended, in words. No endpoint reports that another consumer is served first, so that is named as a
    possible cause."""
    if progress.problem:
        return f"The run has not caught up: {progress.problem}"
    if not progress.caught_up:
        return "There is more to read: the limit was reached first."
    if progress.landed.received or account.messages_subscription_type == "Exclusive":
        return "Caught up."
    return (
        f"No message arrived: either none waits, or another consumer of the subscription {account.subscription} "
        "(a service, another run, a laptop) receives them."
    )


def _silence(account: Account) -> str:
    return (
        f"The connection is up, but no message has ever arrived over {account.subscription}. If you expect some, "
        "check in Tuya's console that the message service is on for MESSAGES_ENVIRONMENT and that message types are "
        "chosen (test serves only test devices), and that no other consumer uses this subscription."
    )
