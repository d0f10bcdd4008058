"""The WebSocket source against the sandbox's message service."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from tests.messages.conftest import account_at
from tests.support.sandbox import Sandbox
from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.reading import MessageReader
from tuyahouse.messages.sources import websocket
from tuyahouse.messages.sources.source import Outage, Received
from tuyahouse.messages.sources.websocket import WebSocketSource, read_frame
from tuyahouse.messages.sources.websocket_connection import endpoint
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


def test_every_readable_message_is_understood(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--set", "cipher=mixed", "--set", "unreadable=0.1")
    account = sandbox.account
    reader = MessageReader(account.client_secret.get_secret_value())
    for one in published(sandbox):
        reading = reader.read(one["payload"].encode(), one["properties"].get("em"), LATER)
        assert one["unreadable"] or reading.event.format == one["format"], one


def test_what_was_not_acknowledged_comes_again_on_the_next_connection(sandbox: Sandbox) -> None:
    with opened(sandbox, "again") as source:
        first = received(source, 10)[:10]
        source.acknowledge([message.message_id for message in first[:5]])
        while sandbox.control("messages")["subscriptions"]["event/again"]["acknowledged"] < 5:
            time.sleep(0.02)
    with opened(sandbox, "again") as source:
        again = [message.message_id for message in received(source, 10)[:10]]
    assert again[:5] == [message.message_id for message in first[5:]]


def test_a_connection_that_is_cut_is_restored_and_the_outage_reported(sandbox: Sandbox) -> None:
    with opened(sandbox, "cut") as source:
        received(source, 1)
        assert sandbox.control("messages", {"cut": True})["cut"] >= 1
        end = time.monotonic() + 20
        outages: list[Outage] = []
        while not outages and time.monotonic() < end:
            source.receive(500, 0.3)
            outages = source.take_outages()
        assert len(outages) == 1 and source.connected
        assert len(received(source, 1)) >= 1


def test_while_the_endpoint_is_away_nothing_raises_and_the_problem_is_named(
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


def test_an_exclusive_subscription_that_is_taken_is_named(sandbox: Sandbox) -> None:
    with opened(sandbox, "one", messages_subscription_type="Exclusive") as first:
        received(first, 1)
        taken = {"messages_subscription": "one", "messages_subscription_type": "Exclusive"}
        assert "MESSAGES_SUBSCRIPTION" in problem_of(sandbox.account.model_copy(update=taken))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ws://127.0.0.1:1/", "Nothing listens at 127.0.0.1:1"),
        ("ws://nowhere.invalid/", "nowhere.invalid is not known"),
        ("ws://127.0.0.1:99999/", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=websocket: write wss://host:port/"),
        ("pulsar+ssl://mqe.tuyaeu.com:7285/", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=websocket"),
        ("https://mqe.tuyaeu.com:8285/", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=websocket"),
        ("nonsense", "MESSAGES_URL cannot be used with MESSAGES_SOURCE=websocket"),
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


def test_notices_come_over_a_connection_of_their_own_and_are_acknowledged_there(sandbox: Sandbox) -> None:
    sandbox.control("messages", {"notice": True})
    with opened(sandbox, "notices", messages_notices=True) as source:
        topics = set()
        end = time.monotonic() + 20
        while len(topics) < 2 and time.monotonic() < end:
            batch = source.receive(50, 0.3)
            source.acknowledge([message.message_id for message in batch])
            topics |= {message.topic.rpartition("/")[2] for message in batch}
        assert topics == {"event", "notice"}
        wait_until(lambda: acknowledged(sandbox, "notice/notices") == 1)
        assert sandbox.control("messages")["subscriptions"]["notice/notices"]["unacknowledged"] == 0


def test_notices_close_a_batch_by_bytes_too(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(sandbox, "many notices", messages_notices=True) as source:
        source.receive(1, 0.3)
        for _ in range(3):
            sandbox.control("messages", {"notice": True})
        time.sleep(0.5)
        monkeypatch.setattr(websocket, "BATCH_BYTES", 1)
        assert [len(source.receive(50, 0.3)) for _ in range(3)] == [1, 1, 1]


def test_a_connection_for_notices_that_is_cut_is_made_again(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--set", "devices=1")
    with opened(sandbox, "notices", messages_notices=True) as source:
        source.receive(500, 0.3)
        assert sandbox.control("messages", {"cut": True})["cut"] == 2
        sandbox.control("messages", {"notice": True})
        noticed: list[Received] = []
        end = time.monotonic() + 20
        while not noticed and time.monotonic() < end:
            noticed += [message for message in source.receive(500, 0.3) if message.topic.endswith("/notice")]
        assert len(noticed) == 1 and source.connected


def acknowledged(sandbox: Sandbox, subscription: str) -> int:
    return int(sandbox.control("messages")["subscriptions"][subscription]["acknowledged"])


def wait_until(done: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_a_frame_that_is_no_text_does_not_end_the_connection() -> None:
    frames = [b"\xff\xfe", json.dumps({"messageId": "a", "payload": "eA=="}).encode(), b""]

    def serve(connection: ServerConnection) -> None:
        for frame in frames:
            connection.send(frame, text=True)
        connection.recv()

    with serving(serve) as url:
        account = account_at(url, "demo", messages_source="websocket")
        with closing(WebSocketSource(account)) as source:
            source.open()
            assert [message.payload for message in received(source, 3)] == [b"\xff\xfe", b"x", b""]
            assert source.connected


@contextmanager
def serving(handler: Callable[[ServerConnection], None]) -> Iterator[str]:
    """The URL of a WebSocket server of our own."""
    with serve_websocket(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("published", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "soon", 7, None])
def test_a_time_of_publication_that_is_none_is_left_out(published: object) -> None:
    frame = {"messageId": "CAAQAw==", "payload": "eA==", "publishTime": published}
    assert read_frame(json.dumps(frame), TOPIC) == Received("CAAQAw==", TOPIC, b"x", {}, None)


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


def test_frames_that_wait_are_bounded_by_bytes_and_so_are_batches() -> None:
    sent: list[int] = []

    def serve(connection: ServerConnection) -> None:
        for number in range(100):
            frame = {"messageId": f"m{number}", "payload": b64encode(bytes(2_000_000)).decode()}
            connection.send(json.dumps(frame))
            sent.append(number)

    with serving(serve) as url:
        account = account_at(url, "demo", messages_source="websocket")
        with closing(WebSocketSource(account)) as source:
            source.open()
            wait_until(lambda: len(sent) >= 16)
            time.sleep(1)
            assert len(sent) < 50
            sizes = [len(source.receive(500, 5)) for _ in range(2)]
            assert all(0 < size <= 9 for size in sizes)


def test_a_frame_as_large_as_pulsar_carries_is_read() -> None:
    payload = bytes(5 << 20)

    def serve(connection: ServerConnection) -> None:
        connection.send(json.dumps({"messageId": "large", "payload": b64encode(payload).decode()}))
        connection.recv()

    with (
        serving(serve) as url,
        closing(WebSocketSource(account_at(url, "demo", messages_source="websocket"))) as source,
    ):
        source.open()
        assert [message.payload for message in received(source, 1)] == [payload]
