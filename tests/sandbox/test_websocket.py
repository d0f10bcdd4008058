"""Tuya's message service over WebSocket: at least once, in order, with redelivery."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tuya_connector import TuyaOpenPulsar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.sandbox.decrypting import opened
from tests.support.sandbox import Sandbox
from tuyahouse.sandbox.messages.sealing import stream_password
from tuyahouse.sandbox.messages.stream import messages_of_day
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

CLIENT = "sandboxclient0000001"
SECRET = "sandboxsecret00000000000000000001"


@asynccontextmanager
async def consumer(
    sandbox: Sandbox,
    *,
    topic: str = "event",
    sub: str = "a",
    ack_ms: int = 3000,
    password: str = "",
    kind: str = "Failover",
) -> AsyncIterator[ClientConnection]:
    url = sandbox.url.replace("http", "ws") + f"/ws/v2/consumer/persistent/{CLIENT}/out/{topic}/{sub}"
    url += f"?ackTimeoutMillis={ack_ms}&subscriptionType={kind}"
    headers = {"username": CLIENT, "password": password or stream_password(CLIENT, SECRET)}
    # A client that stops reading never sees the other side's goodbye: do not wait for it.
    async with connect(url, additional_headers=headers, close_timeout=0.1) as socket:
        yield socket


async def read(socket: ClientConnection, number: int, acknowledge: bool = True) -> list[dict[str, Any]]:
    frames = []
    for _ in range(number):
        frames.append(json.loads(await asyncio.wait_for(socket.recv(), 5)))
        if acknowledge:
            await socket.send(json.dumps({"messageId": frames[-1]["messageId"]}))
    return frames


async def acknowledged(sandbox: Sandbox, subscription: str, number: int) -> None:
    """Returns when the sandbox has so many acknowledgements: those under way to it get lost when a line breaks."""
    while (await asyncio.to_thread(sandbox.control, "messages"))["subscriptions"][subscription][
        "acknowledged"
    ] < number:
        await asyncio.sleep(0.02)


def published(day: int = 0) -> list[str]:
    return [m.message_id for m in messages_of_day(World(Options()), day)]


async def test_a_consumer_gets_all_messages_of_the_day_in_order(sandbox: Sandbox) -> None:
    ids = published()
    async with consumer(sandbox) as socket:
        frames = await read(socket, len(ids))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.2)
    assert [f["messageId"] for f in frames] == ids


async def test_a_frame_carries_a_message_that_can_be_opened(sandbox: Sandbox) -> None:
    async with consumer(sandbox, sub="b") as socket:
        frame = (await read(socket, 1))[0]
    assert "devId" in opened(frame["properties"], base64.b64decode(frame["payload"]).decode())


async def test_what_is_not_acknowledged_in_time_comes_again(sandbox: Sandbox) -> None:
    async with consumer(sandbox, sub="c", ack_ms=300) as socket:
        first = await read(socket, 1, acknowledge=False)
        again = [f for f in await read(socket, len(published())) if f["redeliveryCount"]]
    assert first[0]["messageId"] in {frame["messageId"] for frame in again}


async def test_what_a_lost_consumer_did_not_acknowledge_goes_to_the_next(sandbox: Sandbox) -> None:
    async with consumer(sandbox, sub="d") as socket:
        await read(socket, 5)
        unread = await read(socket, 5, acknowledge=False)
        await acknowledged(sandbox, "event/d", 5)
    async with consumer(sandbox, sub="d") as socket:
        again = await read(socket, 5)
    assert [f["messageId"] for f in again] == [f["messageId"] for f in unread]


async def test_a_second_consumer_waits_until_the_first_is_gone(sandbox: Sandbox) -> None:
    async with consumer(sandbox, sub="e") as first:
        await read(first, 1)
        async with consumer(sandbox, sub="e") as second:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(second.recv(), 0.3)
            await first.close()
            assert await read(second, 1)


async def test_a_wrong_password_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with consumer(sandbox, password="wrong"):
            pass
    assert refused.value.response.status_code == 401


async def test_a_topic_that_is_none_is_not_found(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with consumer(sandbox, topic="events"):
            pass
    assert refused.value.response.status_code == 404


async def test_an_exclusive_consumer_wants_to_be_alone(sandbox: Sandbox) -> None:
    async with consumer(sandbox, sub="f"):
        with pytest.raises(InvalidStatus) as refused:
            async with consumer(sandbox, sub="f", kind="Exclusive"):
                pass
    assert refused.value.response.status_code == 409


async def test_the_test_topic_carries_test_devices_alone(sandbox: Sandbox) -> None:
    some = {m.message_id for m in messages_of_day(World(Options()), 0) if m.device % 10 == 0}
    async with consumer(sandbox, topic="event-test") as socket:
        assert {f["messageId"] for f in await read(socket, len(some))} == some


async def test_messages_of_a_new_day_arrive_while_connected(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes()
    async with consumer(sandbox) as socket:
        await read(socket, len(published()))
        await asyncio.to_thread(sandbox.control, "day", {})
        frames = await read(socket, len(published(1)))
    assert [f["messageId"] for f in frames] == published(1)


async def test_a_connection_is_cut_without_goodbye_by_control_and_by_option(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--set", "websocket_cut=7")
    async with consumer(sandbox) as socket:
        await read(socket, 7, acknowledge=False)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is None
    await asyncio.to_thread(sandbox.control, "options", {"websocket_cut": 0})
    async with consumer(sandbox) as socket:
        await read(socket, 1)
        assert (await asyncio.to_thread(sandbox.control, "messages", {"cut": True}))["cut"] == 1
        with pytest.raises(ConnectionClosed):
            while True:
                await asyncio.wait_for(socket.recv(), 5)


async def test_a_backlog_notice_is_published_on_its_own_topic(sandbox: Sandbox) -> None:
    async with consumer(sandbox, topic="notice") as socket:
        await asyncio.to_thread(sandbox.control, "messages", {"notice": True})
        frame = (await read(socket, 1))[0]
    plain = opened(frame["properties"], base64.b64decode(frame["payload"]).decode())
    assert plain["bizData"] == {"eventType": "pulsar_backlog_notice"}


def test_the_official_client_receives_and_decrypts(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--set", "families=bizcode", "--set", "unreadable=0")
    published: list[str] = []
    client = TuyaOpenPulsar(CLIENT, SECRET, sandbox.url.replace("http", "ws") + "/", "event")
    client.daemon = True
    client.add_message_listener(published.append)
    client.start()
    true = [m.plain.decode() for m in messages_of_day(World(Options(families=("bizcode",), unreadable=0)), 0)]
    until = time.monotonic() + 20
    while len(published) < len(true) and time.monotonic() < until:
        time.sleep(0.05)
    client.stop()
    assert published == true
