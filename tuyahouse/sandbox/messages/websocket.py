"""Tuya's message service over WebSocket (docs/tuya.md, Messages: connection)."""

import asyncio
import base64
import contextlib
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from tuyahouse.sandbox.messages.sealing import stream_password
from tuyahouse.sandbox.messages.sockets import CUT
from tuyahouse.sandbox.messages.stream import Message, backlog_notice
from tuyahouse.sandbox.messages.subscription import Subscription, Topic
from tuyahouse.sandbox.world.world import World

PATH = "/ws/v2/consumer/persistent/{access_id}/out/{topic}/{name}"
TOPICS = ("event", "event-test", "notice")
IDLE_SECONDS = 0.02
_encode = msgspec.json.Encoder().encode


class MessageService:
    """All subscriptions of a world and the connections to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.subscriptions: dict[tuple[str, str], Subscription] = {}
        self._notices: list[Message] = []
        self._connections: set[asyncio.Task[None]] = set()

    def subscription(self, topic: str, name: str) -> Subscription:
        key = topic, name
        if key not in self.subscriptions:
            self.subscriptions[key] = Subscription(self._world, cast("Topic", topic), self._notices, self._world.clock)
        return self.subscriptions[key]

    def cut(self) -> int:
        """Cut all connections now; returns how many there were."""
        number = len(self._connections)
        for task in list(self._connections):
            task.cancel()
        return number

    def warn(self) -> None:
        """Publish a notice that messages pile up."""
        self._notices.append(backlog_notice(self._world, len(self._notices), self._world.now_ms()))

    def statistics(self) -> dict[str, dict[str, int]]:
        """By ``topic/subscription``."""
        names = ("delivered", "acknowledged", "unacknowledged", "redelivered", "consumers")
        return {"/".join(key): {name: getattr(one, name) for name in names} for key, one in self.subscriptions.items()}

    async def connect(self, socket: WebSocket) -> None:
        """Serve one connection until it ends. 401: wrong credentials, 404: no such topic, 409: another holds it."""
        if refusal := self._refusal(socket):
            await socket.send_denial_response(Response(status_code=refusal))
            return
        await socket.accept()
        subscription = self.subscription(socket.path_params["topic"], socket.path_params["name"])
        connection = asyncio.create_task(self._serve(socket, subscription))
        self._connections.add(connection)
        try:
            await connection
        except asyncio.CancelledError:
            await _abort(socket)
        finally:
            self._connections.discard(connection)

    def _refusal(self, socket: WebSocket) -> int | None:
        options, head = self._world.options, socket.headers
        password = stream_password(options.client_id, options.client_secret)
        if head.get("username") != options.client_id or head.get("password") != password:
            return 401
        topic, name = socket.path_params["topic"], socket.path_params["name"]
        if socket.path_params["access_id"] != options.client_id or topic not in TOPICS:
            return 404
        exclusive = socket.query_params.get("subscriptionType") == "Exclusive"
        return 409 if exclusive and self.subscription(topic, name).consumers else None

    async def _serve(self, socket: WebSocket, subscription: Subscription) -> None:
        me = object()
        subscription.consumers += 1
        shared = socket.query_params.get("subscriptionType", "Failover") in ("Shared", "Key_Shared")
        listening = asyncio.create_task(_listen(socket, subscription))
        try:
            await self._deliver(socket, subscription, me, shared, listening)
        except (WebSocketDisconnect, RuntimeError):  # starlette raises RuntimeError for a send after the end
            pass
        finally:
            listening.cancel()
            subscription.consumers -= 1
            if subscription.active is me or not subscription.consumers:
                subscription.active = None
                subscription.take_back_all()

    async def _deliver(
        self, socket: WebSocket, subscription: Subscription, me: object, shared: bool, listening: "asyncio.Task[None]"
    ) -> None:
        ack_seconds = _ack_seconds(socket, self._world.options.ack_seconds)
        sent = 0
        while not listening.done():
            if subscription.active is None:
                subscription.active = me
            found = subscription.next(ack_seconds) if shared or subscription.active is me else None
            if found is None:
                await asyncio.wait([listening], timeout=IDLE_SECONDS)
                continue
            await socket.send_text(_frame(*found))
            sent += 1
            if sent == self._world.options.websocket_cut:
                await _abort(socket)
                return
            if sent % 50 == 0:
                await asyncio.sleep(0)  # let acknowledgements be read, too


async def _listen(socket: WebSocket, subscription: Subscription) -> None:
    """Acknowledgements until the other side ends."""
    while True:
        try:
            text = await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError, KeyError):
            return
        try:
            frame: Any = msgspec.json.decode(text)
        except msgspec.DecodeError:
            continue
        if isinstance(frame, dict) and isinstance(frame.get("messageId"), str):
            subscription.acknowledge(frame["messageId"])


def _ack_seconds(socket: WebSocket, default: float) -> float:
    text = socket.query_params.get("ackTimeoutMillis", "")
    return int(text) / 1000 if text.isdigit() and int(text) else default


def _frame(message: Message, again: bool) -> str:
    return _encode({
        "messageId": message.message_id,
        "payload": base64.b64encode(message.payload).decode(),
        "properties": message.properties,
        "publishTime": _iso(message.published_ms),
        "redeliveryCount": int(again),
    }).decode()  # fmt: skip


def _iso(ms: int) -> str:
    """A time as Pulsar writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


async def _abort(socket: WebSocket) -> None:
    """Cut the connection without a closing handshake."""
    with contextlib.suppress(RuntimeError):
        await socket.close(CUT)
