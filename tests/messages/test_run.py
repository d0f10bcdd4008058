"""The flow drain_messages, its run and its notes."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.messages import samples
from tests.messages.conftest import account_at
from tests.messages.sealing import sealed
from tests.support.sandbox import Sandbox
from tuyahouse.messages.sources.build import build_source
from tuyahouse.messages.sources.publish import Publisher
from tuyahouse.outcome import Outcome
from tuyahouse.settings import Account
from tuyahouse.sync.messages.consumer import Progress
from tuyahouse.sync.messages.land import Landed
from tuyahouse.sync.messages.run import drain_run, ending, outcome_of
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.messages import gaps
from tuyahouse.warehouse.messages.gaps import Gap
from tuyahouse.warehouse.warehouse import Warehouse


def test_messages_as_a_run_counts_them_balance() -> None:
    outcome = outcome_of(Landed(received=10, stored=8, known=2, unknown=1, dead=3))
    assert outcome == Outcome(asked=10, answered=7, rejected=3, inserted=8, unchanged=2)
    assert outcome.balanced


def test_a_run_counts_its_messages_and_tells_open_gaps(sandbox: Sandbox, warehouse: Warehouse) -> None:
    account = sandbox.account.model_copy(update={"messages_subscription": f"run-{warehouse.dialect}"})
    three_hours_ago = datetime.now(UTC) - timedelta(hours=3)
    with warehouse.begin() as conn:
        gaps.record_gap(conn, account.name, Gap(three_hours_ago, datetime.now(UTC), "away_too_long"))
    run = runs.start_run(warehouse, account.name, "drain_messages", "key", {})
    drained = drain_run(account, warehouse, run, max_seconds=None, max_messages=None, stopping=lambda: False)
    summary = runs.finish_run(warehouse, run.run_id, "balanced")
    count = len(sandbox.lines("truth/messages"))
    assert (summary.status, summary.outcome.asked, summary.outcome.rejected > 0) == ("balanced", count, True)
    assert drained.notes[0].startswith(f"{count:,} messages read") and "may be lost" in drained.notes[1]


def test_a_stream_that_was_always_silent_says_what_to_check(sandbox: Sandbox, warehouse: Warehouse) -> None:
    account = sandbox.account.model_copy(update={"messages_subscription": f"idle-{warehouse.dialect}"})
    run = runs.start_run(warehouse, account.name, "drain_messages", "key", {})
    drained = drain_run(account, warehouse, run, max_seconds=0, max_messages=None, stopping=lambda: True)
    assert "no message has ever arrived" in drained.notes[1] and "MESSAGES_ENVIRONMENT" in drained.notes[1]


@pytest.mark.parametrize(
    ("progress", "kind", "words"),
    [
        ({"caught_up": True, "landed": Landed(received=1)}, "Failover", "Caught up."),
        ({"caught_up": True}, "Exclusive", "Caught up."),
        (
            {"caught_up": True},
            "Failover",
            "No message arrived: either none waits, or another consumer of the subscription",
        ),
        ({"caught_up": False}, "Failover", "There is more to read: the limit was reached first."),
        ({"problem": "The connection is lost."}, "Failover", "The run has not caught up: The connection is lost."),
    ],
)
def test_a_run_claims_no_more_than_it_knows(progress: dict[str, Any], kind: str, words: str) -> None:
    account = account_at("pulsar://127.0.0.1:1/", "demo", messages_subscription_type=kind)
    assert ending(Progress(connected=True, **progress), account).startswith(words)


def test_a_run_that_is_kept_waiting_behind_another_consumer_does_not_say_that_it_has_caught_up(
    message_account: Account, publisher: Callable[..., Publisher], warehouse: Warehouse
) -> None:
    account = message_account.model_copy(update={"messages_environment": "test"})  # one partition: one is served
    with closing(build_source(account)) as other:
        other.open()
        with publisher("event-test") as out:
            out.publish(sealed(samples.ONLINE), {})
        assert len(other.receive(10, 10)) == 1
        run = runs.start_run(warehouse, account.name, "drain_messages", "key", {})
        drained = drain_run(account, warehouse, run, max_seconds=60, max_messages=None, stopping=lambda: False)
    waited = (
        drained.notes[0].startswith("0 messages read") and "another consumer of the subscription" in drained.notes[0]
    )
    assert waited or drained.notes[0].startswith("1 messages read")  # the broker chooses whom it serves
