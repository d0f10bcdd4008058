"""Messages in flows: drained until nothing waits, and gaps reported by the nightly job."""

from datetime import datetime, timedelta

from sqlalchemy import select

from tests.flows.nights import environment_of
from tests.flows.operator import Operator
from tests.messages.scripted_source import AT, ScriptedSource
from tests.messages.sealing import ACCESS_KEY
from tests.support.sandbox import Sandbox
from tuyahouse.messages.reading import MessageReader
from tuyahouse.sync.messages.consumer import Limits, MessageConsumer
from tuyahouse.sync.messages.land import Landing
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.messages import gaps
from tuyahouse.warehouse.warehouse import Warehouse


class Clock:
    """A clock that is set by hand, and moves by a second each time it is read."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def consume_at(warehouse: Warehouse, now: datetime) -> None:
    """A consumer that is there for a moment."""
    clock = Clock(now)
    landing = Landing(warehouse, "demo", "websocket", MessageReader(ACCESS_KEY), now=clock)
    source = ScriptedSource([])
    consumer = MessageConsumer(warehouse, "demo", source, landing, retention=timedelta(hours=2), now=clock)
    consumer.run(Limits(seconds=10))


def test_drain_messages_stores_all_that_waits_and_a_second_run_finds_nothing_new(
    tuya: Sandbox, operator: Operator, sqlite_url: str, secret_key: str
) -> None:
    env = environment_of(tuya, sqlite_url, secret_key)
    code, printed = operator.run("drain_messages", env, run_key="first")
    assert code == 0, printed
    code, printed = operator.run("drain_messages", env, run_key="second")
    assert code == 0 and "0 messages read" in printed, printed
    warehouse = Warehouse.open(sqlite_url, secret_key)
    with warehouse.read() as conn:
        stored = len(conn.execute(select(tables.raw_message.c.message_id)).all())
    warehouse.close()
    had = tuya.control("messages")["subscriptions"][f"event/{tuya.account.subscription}"]
    assert stored == had["acknowledged"] > 0 and had["unacknowledged"] == 0


def test_three_hours_without_a_consumer_are_reported_by_the_nightly_job(
    tuya: Sandbox, operator: Operator, sqlite_url: str, secret_key: str
) -> None:
    warehouse = Warehouse.open(sqlite_url, secret_key)
    consume_at(warehouse, AT)
    consume_at(warehouse, AT + timedelta(hours=3))
    with warehouse.read() as conn:
        assert len(gaps.open_gaps(conn, "demo")) == 1
    warehouse.close()
    code, printed = operator.run("nightly_sync", environment_of(tuya, sqlite_url, secret_key), run_key="n")
    assert code == 0 and "Messages between 2026-09-21 14:00 and 2026-09-21 15:00 UTC may be lost" in printed, printed


def test_a_message_endpoint_that_is_away_makes_the_run_red_in_words(
    tuya: Sandbox, operator: Operator, sqlite_url: str, secret_key: str
) -> None:
    away = {"TUYAHOUSE_ACCOUNTS__DEMO__MESSAGES_URL": "ws://127.0.0.1:9/"}
    env = environment_of(tuya, sqlite_url, secret_key, **away)
    code, printed = operator.run("drain_messages", env, run_key="away", max_seconds=20)
    assert code == 1 and "127.0.0.1:9" in printed and "-p run_key=away" in printed, printed
    assert "Traceback" not in printed and "mistake in tuyahouse" not in printed, printed
