"""Messages over Tuya's WebSocket endpoint (docs/tuya.md, "Messages": connection).

The endpoint delivers a message again that was not acknowledged within three seconds: batches are small here, and what
comes twice is met by its id.
"""

import binascii
import hashlib
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from tuyahouse.messages.connection import ConnectionLog
from tuyahouse.messages.credentials import message_password
from tuyahouse.messages.diagnosis import EXCLUSIVE, NO_TOPIC, REFUSED, SECURE, reachability, tls_context
from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.source import Away, Received
from tuyahouse.settings import Account

ACK_TIMEOUT_MS = 3000
BATCH = 500
"""Frames at most in one batch: landed well within the time for their acknowledgement."""

_CLOSE_SECONDS = 1.0  # frames that are not read any more may keep the other side's goodbye back
_GATHER_SECONDS = 0.2
_LARGEST_FRAME = 16 << 20


class WebSocketSource:
    """A subscription to one topic of one account; see :class:`~tuyahouse.messages.source.MessageSource`."""

    name = "websocket"

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        connect_seconds: float = 10.0,
    ) -> None:
        self._account = account
        self._sleep = sleep
        self._connect_seconds = connect_seconds
        self._log = ConnectionLog(clock)
        self._connection: ClientConnection | None = None

    @property
    def connected(self) -> bool:
        return self._log.connected

    @property
    def problem(self) -> str:
        return self._log.problem

    def open(self) -> None:
        try:
            self._connection = self._connect()
        except (OSError, TimeoutError, WebSocketException) as error:
            problem = _in_words(error, self._account)
            self._log.failed(problem)
            raise SourceError(problem) from error
        self._log.up()

    def receive(self, at_most: int, timeout: float) -> list[Received]:
        """See the interface. A batch never exceeds :data:`BATCH`, whatever ``at_most``."""
        if self._connection is None and not self._reopened(timeout):
            return []
        received: list[Received] = []
        end = time.monotonic() + timeout
        while len(received) < min(at_most, BATCH):
            frame = self._frame(max(0.0, end - time.monotonic()))
            if frame is None:
                break
            if not received:
                end = time.monotonic() + min(timeout, _GATHER_SECONDS)
            received.append(read_frame(frame, self._topic))
        return received

    def acknowledge(self, message_ids: Iterable[str]) -> None:
        for message_id in message_ids:
            if self._connection is None:
                return  # delivered again on the next connection, and known by then
            try:
                self._connection.send(msgspec.json.encode({"messageId": message_id}).decode())
            except (OSError, WebSocketException) as error:
                self._lost(error)

    def take_aways(self) -> list[Away]:
        return self._log.take_aways()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, WebSocketException):
                connection.close()

    @property
    def _topic(self) -> str:
        name = "event-test" if self._account.messages_environment == "test" else "event"
        return f"persistent://{self._account.client_id}/out/{name}"

    def _connect(self) -> ClientConnection:
        account = self._account
        secure = account.message_url.startswith(SECURE)
        password = message_password(account.client_id, account.client_secret.get_secret_value())
        return connect(
            endpoint(account, self._topic),
            ssl=tls_context(account.messages_tls_ca) if secure else None,
            additional_headers={"username": account.client_id, "password": password},
            compression=None,
            proxy=None,
            open_timeout=self._connect_seconds,
            close_timeout=_CLOSE_SECONDS,
            max_size=_LARGEST_FRAME,
            max_queue=BATCH,
        )

    def _frame(self, timeout: float) -> str | bytes | None:
        if self._connection is None:
            return None
        try:
            return self._connection.recv(timeout)
        except TimeoutError:
            return None
        except (OSError, WebSocketException) as error:
            self._lost(error)
            return None

    def _lost(self, error: Exception) -> None:
        self.close()
        self._log.down(f"The connection to the message endpoint is lost ({error}) and is being made again.")

    def _reopened(self, timeout: float) -> bool:
        wait = self._log.wait_seconds()
        if wait > 0:
            self._sleep(min(wait, timeout))
            return False
        try:
            self.open()
        except SourceError:
            return False
        return True


def endpoint(account: Account, topic: str) -> str:
    """The URL of the subscription."""
    path = f"{topic.replace('://', '/')}/{quote(account.subscription, safe='')}"
    query = f"ackTimeoutMillis={ACK_TIMEOUT_MS}&subscriptionType={account.messages_subscription_type}"
    return f"{account.message_url}ws/v2/consumer/{path}?{query}"


def read_frame(frame: str | bytes, topic: str) -> Received:
    """A frame as a message. One that cannot be read becomes a message with the frame itself as its payload."""
    whole = frame.encode() if isinstance(frame, str) else frame
    try:
        fields: Any = msgspec.json.decode(whole)
        message_id, payload = fields["messageId"], fields["payload"]
        body = binascii.a2b_base64(payload, strict_mode=True)
    except (ValueError, TypeError, KeyError, RecursionError):
        fields, message_id, body = {}, _id_in(whole), whole
    if not isinstance(message_id, str) or not 0 < len(message_id) <= 255 or not message_id.isprintable():
        fields, message_id, body = {}, _fingerprint(whole), whole
    return Received(message_id, topic, body, _properties(fields), _published_at(fields))


def _id_in(whole: bytes) -> Any:
    """The id of a frame whose payload is broken: it can still be acknowledged."""
    try:
        return msgspec.json.decode(whole)["messageId"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _fingerprint(whole: bytes) -> str:
    return "frame:" + hashlib.blake2b(whole, digest_size=16).hexdigest()


def _properties(fields: dict[str, Any]) -> dict[str, str]:
    sent = fields.get("properties")
    return {str(name): str(value) for name, value in sent.items()} if isinstance(sent, dict) else {}


def _published_at(fields: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(fields["publishTime"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_words(error: Exception, account: Account) -> str:
    said = f"Messages of account {account.name}, {account.message_url}: "
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    if status in (401, 403):
        return f"{said}{REFUSED} (It answered {status}.)"
    if status in (400, 404):
        return f"{said}{NO_TOPIC} (It answered {status}.)"
    if status == 409:
        return said + EXCLUSIVE
    obstacle = reachability(account.message_url, account.messages_tls_ca)
    return said + (obstacle or f"It is not a message endpoint, or out of order: check MESSAGES_URL. ({error})")
