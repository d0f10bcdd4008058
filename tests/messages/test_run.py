"""The flow drain_messages, its run and its notes."""

from datetime import UTC, datetime, timedelta

from tests.support.sandbox import Sandbox
from tuyahouse.outcome import Outcome
from tuyahouse.sync.message_landing import Landed
from tuyahouse.sync.message_run import drain_run, outcome_of
from tuyahouse.warehouse import message_ledger, runs
from tuyahouse.warehouse.message_ledger import Gap
from tuyahouse.warehouse.warehouse import Warehouse


def test_messages_as_a_run_counts_them_balance() -> None:
    outcome = outcome_of(Landed(received=10, stored=8, known=2, unknown=1, dead=3))
    assert outcome == Outcome(asked=10, answered=7, rejected=3, inserted=8, unchanged=2)
    assert outcome.balanced


def test_a_run_counts_its_messages_and_tells_open_gaps(sandbox: Sandbox, warehouse: Warehouse) -> None:
    account = sandbox.account.model_copy(update={"messages_subscription": f"run-{warehouse.dialect}"})
    three_hours_ago = datetime.now(UTC) - timedelta(hours=3)
    with warehouse.begin() as conn:
        message_ledger.record_gap(conn, account.name, Gap(three_hours_ago, datetime.now(UTC), "away_too_long"))
    run = runs.start_run(warehouse, account.name, "drain_messages", "key", {})
    drained = drain_run(account, warehouse, run.run_id, max_seconds=None, max_messages=None, stopping=lambda: False)
    summary = runs.finish_run(warehouse, run.run_id, "balanced")
    count = len(sandbox.lines("truth/messages"))
    assert (summary.status, summary.outcome.asked, summary.outcome.rejected > 0) == ("balanced", count, True)
    assert drained.notes[0].startswith(f"{count:,} messages read") and "may be lost" in drained.notes[1]


def test_a_stream_that_was_always_silent_says_what_to_check(sandbox: Sandbox, warehouse: Warehouse) -> None:
    account = sandbox.account.model_copy(update={"messages_subscription": f"idle-{warehouse.dialect}"})
    run = runs.start_run(warehouse, account.name, "drain_messages", "key", {})
    drained = drain_run(account, warehouse, run.run_id, max_seconds=0, max_messages=None, stopping=lambda: True)
    assert "no message has ever come" in drained.notes[1] and "MESSAGES_ENVIRONMENT" in drained.notes[1]
