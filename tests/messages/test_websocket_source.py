"""The WebSocket source against the sandbox's message service."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.sandbox import Sandbox
from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.reading import MessageReader
from tuyahouse.messages.source import Away, Received
from tuyahouse.messages.websocket import WebSocketSource, endpoint, read_frame
from tuyahouse.settings import Account

LATER = datetime(2030, 1, 1, tzinfo=UTC)
TOPIC = "persistent://x/out/event"


@contextmanager
def opened(sandbox: Sandbox, subscription: str, **settings: object) -> Iterator[WebSocketSource]:
    account = sandbox.account.model_copy(update={"messages_subscription": subscription, **settings})
    with closing(WebSocketSource(account)) as source:
        source.open()
        yield source


def received(source: WebSocketSource, count: int, seconds: float = 20) -> list[Received]:
    messages: list[Received] = []
    end = time.monotonic() + seconds
    while len(messages) < count and time.monotonic() < end:
        messages += source.receive(500, 0.3)
    return messages


def problem_of(account: Account) -> str:
    with closing(WebSocketSource(account, connect_seconds=2)) as source:
        with pytest.raises(SourceError) as error:
            source.open()
        return str(error.value)


def published(sandbox: Sandbox) -> list[dict[str, Any]]:
    return sandbox.lines("truth/messages")


def test_it_reads_every_message_with_its_properties_and_time(sandbox: Sandbox) -> None:
    truth = published(sandbox)
    with opened(sandbox, "all") as source:
        messages: list[Received] = []
        while len(messages) < len(truth):
            batch = received(source, 1)
            source.acknowledge([message.message_id for message in batch])
            messages += batch
    assert [message.message_id for message in messages] == [one["message_id"] for one in truth]
    assert [message.properties for message in messages] == [one["properties"] for one in truth]
    assert messages[0].published_at == datetime.fromtimestamp(int(truth[0]["published_ms"]) / 1000, UTC)


def test_every_message_that_is_no_poison_is_understood(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--set", "cipher=mixed", "--set", "poison=0.1")
    account = sandbox.account
    reader = MessageReader(account.client_secret.get_secret_value())
    for one in published(sandbox):
        reading = reader.read(one["payload"].encode(), one["properties"].get("em"), LATER)
        assert one["poison"] or reading.event.format == one["format"], one


def test_what_was_not_acknowledged_comes_again_on_the_next_connection(sandbox: Sandbox) -> None:
    with opened(sandbox, "again") as source:
        first = received(source, 10)[:10]
        source.acknowledge([message.message_id for message in first[:5]])
        while sandbox.control("messages")["subscriptions"]["event/again"]["acknowledged"] < 5:
            time.sleep(0.02)
    with opened(sandbox, "again") as source:
        again = [message.message_id for message in received(source, 10)[:10]]
    assert again[:5] == [message.message_id for message in first[5:]]


def test_a_line_that_is_cut_is_made_again_and_the_absence_told(sandbox: Sandbox) -> None:
    with opened(sandbox, "cut") as source:
        received(source, 1)
        assert sandbox.control("messages", {"cut": True})["cut"] >= 1
        end = time.monotonic() + 20
        aways: list[Away] = []
        while not aways and time.monotonic() < end:
            source.receive(500, 0.3)
            aways = source.take_aways()
        assert len(aways) == 1 and source.connected
        assert len(received(source, 1)) >= 1


def test_while_the_endpoint_is_away_nothing_raises_and_the_problem_is_told(
    sandboxes: Callable[..., Sandbox],
) -> None:
    sandbox = sandboxes()
    with opened(sandbox, "away") as source:
        sandbox.stop()
        end = time.monotonic() + 10
        while source.connected and time.monotonic() < end:
            source.receive(500, 0.2)
        source.acknowledge(["1:1:1"])
        assert source.receive(500, 0.2) == []
        assert not source.connected and source.problem


def test_a_wrong_secret_says_what_to_check(sandbox: Sandbox) -> None:
    wrong = sandbox.account.model_copy(update={"client_secret": SecretStr("wrong0000000000000000000000000000")})
    assert "Check CLIENT_ID and CLIENT_SECRET" in problem_of(wrong)


def test_an_exclusive_subscription_that_is_taken_is_told(sandbox: Sandbox) -> None:
    with opened(sandbox, "one", messages_subscription_type="Exclusive") as first:
        received(first, 1)
        taken = {"messages_subscription": "one", "messages_subscription_type": "Exclusive"}
        assert "MESSAGES_SUBSCRIPTION" in problem_of(sandbox.account.model_copy(update=taken))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ws://127.0.0.1:1/", "Nothing listens at 127.0.0.1:1"),
        ("ws://nowhere.invalid/", "nowhere.invalid is not known"),
    ],
)
def test_a_wrong_address_says_what_is_wrong_with_it(sandbox: Sandbox, url: str, words: str) -> None:
    assert words in problem_of(sandbox.account.model_copy(update={"messages_url": url}))


def test_the_address_of_a_subscription(sandbox: Sandbox) -> None:
    account = sandbox.account.model_copy(update={"messages_url": "wss://mqe.tuyaeu.com:8285/", "client_id": "id1"})
    assert endpoint(account, "persistent://id1/out/event-test") == (
        "wss://mqe.tuyaeu.com:8285/ws/v2/consumer/persistent/id1/out/event-test/id1-sub"
        "?ackTimeoutMillis=3000&subscriptionType=Failover"
    )


def test_a_frame_is_a_message() -> None:
    frame = {
        "messageId": "CAAQAw==",
        "payload": b64encode(b"body").decode(),
        "properties": {"em": "aes_gcm"},
        "publishTime": "2026-11-20T01:02:03.456+08:00",
    }
    published_at = datetime(2026, 11, 19, 17, 2, 3, 456000, tzinfo=UTC)
    assert read_frame(json.dumps(frame), TOPIC) == Received("CAAQAw==", TOPIC, b"body", {"em": "aes_gcm"}, published_at)


@pytest.mark.parametrize(
    "frame",
    ["no json", "[]", "{}", '{"messageId":7}', "", '{"payload":"eA=="}', '{"messageId":"a\\u0000","payload":"eA=="}'],
)
def test_a_frame_that_is_none_becomes_a_message_of_itself(frame: str) -> None:
    message = read_frame(frame, TOPIC)
    assert message.payload == frame.encode() and message.message_id.startswith("frame:")


def test_a_frame_with_a_broken_payload_keeps_its_id_so_that_it_can_be_acknowledged() -> None:
    frame = '{"messageId":"CAAQAw==","payload":"%%%"}'
    assert read_frame(frame, TOPIC) == Received("CAAQAw==", TOPIC, frame.encode(), {}, None)
