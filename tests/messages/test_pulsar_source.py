"""The Pulsar source against a real broker."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psutil
import pytest
from pydantic import SecretStr

from tests.messages.conftest import account_at
from tests.support.pulsar.broker import PulsarBroker
from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.sources.publish import Publisher
from tuyahouse.messages.sources.pulsar import PulsarSource
from tuyahouse.messages.sources.source import Received
from tuyahouse.settings import Account


@contextmanager
def opened(account: Account) -> Iterator[PulsarSource]:
    with closing(PulsarSource(account, connect_seconds=5)) as source:
        source.open()
        yield source


def received(source: PulsarSource, count: int, seconds: float = 20) -> list[Received]:
    messages: list[Received] = []
    end = time.monotonic() + seconds
    while len(messages) < count and time.monotonic() < end:
        messages += source.receive(2000, 0.3)
    return messages


def problem_of(account: Account) -> str:
    with closing(PulsarSource(account, connect_seconds=2)) as source:
        with pytest.raises(SourceError) as error:
            source.open()
        assert not source.connected
        assert account.client_secret.get_secret_value() not in str(error.value)
        return str(error.value)


def test_the_first_start_reads_what_was_already_waiting(
    message_account: Account, publisher: Callable[..., Publisher]
) -> None:
    with publisher() as out:
        out.publish(b"one", {"em": "aes_gcm", "tid": "t1"}, key="device")
    with opened(message_account) as source:
        (message,) = received(source, 1)
    assert (message.payload, message.properties) == (b"one", {"em": "aes_gcm", "tid": "t1"})
    assert re.fullmatch(r"\d+:\d+:\d:-?\d+", message.message_id)
    assert message.topic.startswith(f"persistent://{message_account.client_id}/out/event")
    assert message.published_at is not None and abs(message.published_at.timestamp() - time.time()) < 60


def test_what_was_not_acknowledged_comes_again_under_the_same_id(
    message_account: Account, publisher: Callable[..., Publisher]
) -> None:
    with publisher() as out:
        for n in range(100):
            out.publish(b"%d" % n, {}, key=str(n))
    with opened(message_account) as source:
        first = {message.message_id: message.payload for message in received(source, 100)}
    with opened(message_account) as source:
        again = {message.message_id: message.payload for message in received(source, 100)}
        source.acknowledge(again)
    with opened(message_account) as source:
        assert received(source, 1, seconds=1) == []
    assert len(first) == 100 and first == again


def test_a_restart_of_the_broker_is_survived_and_reported(
    pulsar_broker: PulsarBroker, message_account: Account, publisher: Callable[..., Publisher]
) -> None:
    with opened(message_account) as source:
        assert source.receive(10, 0.2) == []
        pulsar_broker.stop()
        source.receive(10, 0.5)
        assert not source.connected and "lost" in source.problem
        pulsar_broker.start()
        with publisher() as out:
            out.publish(b"after", {})
        messages = received(source, 1, seconds=60)
        outages = source.take_outages()
        assert [message.payload for message in messages] == [b"after"]
        assert source.connected and len(outages) == 1 and outages[0].seconds > 0


def test_with_failover_a_second_consumer_waits_and_then_takes_over(
    message_account: Account, publisher: Callable[..., Publisher]
) -> None:
    with opened(message_account) as second_choice:
        with opened(message_account) as rival, publisher() as out:
            for n in range(30):
                out.publish(b"x", {}, key=str(n))
            out.flush()
            messages = received(second_choice, 30, seconds=2) + received(rival, 30, seconds=2)
        # A source that makes room for more messages subscribes anew: what it had not acknowledged comes again.
        assert len({message.message_id for message in messages}) == 30


def test_notices_are_read_too_where_that_is_set(message_account: Account, publisher: Callable[..., Publisher]) -> None:
    with publisher("notice") as out, publisher() as events:
        out.publish(b"notice", {})
        events.publish(b"event", {})
    with opened(message_account.model_copy(update={"messages_notices": True})) as source:
        messages = received(source, 2)
        source.acknowledge([message.message_id for message in messages])
    assert {message.payload for message in messages} == {b"notice", b"event"}
    with opened(message_account.model_copy(update={"messages_notices": True})) as source:
        assert received(source, 1, seconds=1) == []


def test_an_account_without_the_topic_of_notices_reads_its_messages_all_the_same(
    pulsar_broker: PulsarBroker,
    message_account: Account,
    publisher: Callable[..., Publisher],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pulsar_broker.admin("DELETE", f"persistent/{message_account.client_id}/out/notice")
    with publisher() as out:
        out.publish(b"event", {})
    with opened(message_account.model_copy(update={"messages_notices": True})) as source:
        assert [message.payload for message in received(source, 1)] == [b"event"]
        assert source.connected and source.problem == ""
        source.receive(2000, 0.3)
    (record,) = caplog.records
    assert record.getMessage().startswith("Messages are read, backlog notices are not. Messages of account main")


def test_the_test_environment_is_another_topic(message_account: Account, publisher: Callable[..., Publisher]) -> None:
    with publisher("event-test") as out:
        out.publish(b"test device", {})
    with opened(message_account.model_copy(update={"messages_environment": "test"})) as source:
        assert [message.payload for message in received(source, 1)] == [b"test device"]


@pytest.mark.parametrize("kind", ["Shared", "Key_Shared", "Exclusive"])
def test_every_subscription_type_receives(
    message_account: Account, publisher: Callable[..., Publisher], kind: str
) -> None:
    with publisher() as out:
        out.publish(b"x", {}, key="k")
    with opened(message_account.model_copy(update={"messages_subscription_type": kind})) as source:
        assert len(received(source, 1)) == 1


def test_a_wrong_key_says_what_to_check(message_account: Account) -> None:
    wrong = message_account.model_copy(update={"client_secret": SecretStr("wrong0000000000000000000000000000")})
    assert "Check CLIENT_ID and CLIENT_SECRET" in problem_of(wrong)


def test_an_account_without_the_message_service_gets_an_error_that_says_so(pulsar_broker: PulsarBroker) -> None:
    assert "message service is enabled" in problem_of(account_at(pulsar_broker.url, "nobody00000000000001"))


def test_an_environment_without_its_topic_is_named(pulsar_broker: PulsarBroker, message_account: Account) -> None:
    pulsar_broker.admin("DELETE", f"persistent/{message_account.client_id}/out/event-test")
    assert "MESSAGES_ENVIRONMENT" in problem_of(message_account.model_copy(update={"messages_environment": "test"}))


def test_an_exclusive_subscription_that_is_taken_is_named(message_account: Account) -> None:
    exclusive = message_account.model_copy(update={"messages_subscription_type": "Exclusive"})
    with opened(exclusive):
        assert "MESSAGES_SUBSCRIPTION" in problem_of(exclusive)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("pulsar://127.0.0.1:1/", "Nothing listens at 127.0.0.1:1"),
        ("pulsar://nowhere.invalid:6650/", "The name nowhere.invalid is not known"),
        ("http:/nonsense", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=pulsar: write pulsar+ssl://host:port/"),
        ("wss://mqe.tuyaeu.com:8285/", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=pulsar"),
        ("pulsar://127.0.0.1:99999/", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=pulsar"),
        ("pulsar://127.0.0.1/", "127.0.0.1:6650"),
    ],
)
def test_a_wrong_address_says_what_is_wrong_with_it(url: str, words: str) -> None:
    assert words in problem_of(account_at(url, "demo"))


def test_tls_to_a_port_without_it_is_named(pulsar_broker: PulsarBroker) -> None:
    url = pulsar_broker.url.replace("pulsar://", "pulsar+ssl://")
    assert "does not speak TLS" in problem_of(account_at(url, "demo"))


def test_waiting_messages_are_bounded_by_bytes(message_account: Account, publisher: Callable[..., Publisher]) -> None:
    with publisher() as out:
        for number in range(LARGE_COUNT):
            out.publish(number.to_bytes(2, "big") * (LARGE // 2), {})
            if number % 20 == 19:
                out.flush()
    before = psutil.Process().memory_info().rss
    with opened(message_account) as source:
        time.sleep(3)
        assert psutil.Process().memory_info().rss - before < LARGE_COUNT * LARGE // 2
        assert len(read_all(source, LARGE_COUNT)) == LARGE_COUNT


def test_a_large_message_among_small_ones_empties_the_queue_and_loses_nothing(
    message_account: Account, publisher: Callable[..., Publisher]
) -> None:
    with opened(message_account) as source:
        with publisher() as out:
            for number in range(3_000):
                out.publish(b"%d" % number, {})
            out.flush()
            assert len(read_all(source, 3_000)) == 3_000
            for number in range(3_000):
                out.publish(b"%d" % number * (100_000 if number == 50 else 1), {})
        assert len(read_all(source, 3_000)) == 3_000


LARGE, LARGE_COUNT = 3_600_000, 100


def read_all(source: PulsarSource, count: int, seconds: float = 60) -> set[str]:
    """The ids of messages that were read and acknowledged."""
    ids: set[str] = set()
    end = time.monotonic() + seconds
    while len(ids) < count and time.monotonic() < end:
        batch = [message.message_id for message in source.receive(4000, 0.3)]
        source.acknowledge(batch)
        ids.update(batch)
    return ids
