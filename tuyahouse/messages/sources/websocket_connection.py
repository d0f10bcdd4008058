"""A connection to one topic of Tuya's WebSocket endpoint."""

from contextlib import suppress
from urllib.parse import quote

import msgspec
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.sources.connection import ConnectionLog
from tuyahouse.messages.sources.credentials import message_password
from tuyahouse.messages.sources.diagnosis import (
    EXCLUSIVE,
    NO_TOPIC,
    REFUSED,
    SECURE,
    UnusableUrl,
    check_url,
    reachability,
    tls_context,
)
from tuyahouse.settings import Account

ACK_TIMEOUT_MS = 3000
FRAMES_AHEAD = 16
"""Frames that are held ready; the next ones wait in the connection."""

_CLOSE_SECONDS = 1.0  # unread frames may delay the other side's closing frame
LARGEST_FRAME = 16 << 20  # twice what Pulsar carries: a refused frame would be delivered again for ever


class TopicConnection:
    """A connection that is made again when it is lost; ``log`` holds its state."""

    def __init__(self, account: Account, topic: str, log: ConnectionLog, connect_seconds: float) -> None:
        self._account = account
        self._connect_seconds = connect_seconds
        self._connection: ClientConnection | None = None
        self.topic = topic
        self.log = log

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> None:
        """Connect.

        Raises:
            SourceError: it failed; the text says what that may mean and what to check.
        """
        try:
            self._connection = self._connect()
        except (OSError, TimeoutError, ValueError, WebSocketException) as error:
            problem = in_words(error, self._account)
            self.log.failed(problem)
            raise SourceError(problem) from error
        self.log.up()

    def reopened(self) -> bool:
        """Try to connect if the next attempt is due; says whether the connection is up."""
        if self.log.wait_seconds() > 0:
            return False
        try:
            self.open()
        except SourceError:
            return False
        return True

    def frame(self, timeout: float) -> bytes | None:
        """The next frame as bytes; None when none arrives in time or the connection is lost."""
        if self._connection is None:
            return None
        try:
            return self._connection.recv(timeout, decode=False)
        except TimeoutError:
            return None
        except (OSError, WebSocketException) as error:
            self._lost(error)
            return None

    def acknowledge(self, message_id: str) -> None:
        if self._connection is None:
            return  # delivered again on the next connection, and known by then
        try:
            self._connection.send(msgspec.json.encode({"messageId": message_id}).decode())
        except (OSError, WebSocketException) as error:
            self._lost(error)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, WebSocketException):
                connection.close()

    def _connect(self) -> ClientConnection:
        account = self._account
        check_url(account.message_url, "websocket")
        secure = account.message_url.startswith(SECURE)
        password = message_password(account.client_id, account.client_secret.get_secret_value())
        return connect(
            endpoint(account, self.topic),
            ssl=tls_context(account.messages_tls_ca) if secure else None,
            additional_headers={"username": account.client_id, "password": password},
            compression=None,
            proxy=None,
            open_timeout=self._connect_seconds,
            close_timeout=_CLOSE_SECONDS,
            max_size=LARGEST_FRAME,
            max_queue=FRAMES_AHEAD,
        )

    def _lost(self, error: Exception) -> None:
        self.close()
        self.log.down(f"The connection to the message endpoint is lost ({error}); reconnecting.")


def endpoint(account: Account, topic: str) -> str:
    """The URL of the subscription."""
    path = f"{topic.replace('://', '/')}/{quote(account.subscription, safe='')}"
    query = f"ackTimeoutMillis={ACK_TIMEOUT_MS}&subscriptionType={account.messages_subscription_type}"
    return f"{account.message_url}ws/v2/consumer/{path}?{query}"


def in_words(error: Exception, account: Account) -> str:
    """Why the endpoint cannot be used, and what to check."""
    said = f"Messages of account {account.name}, {account.message_url}: "
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    if isinstance(error, UnusableUrl):
        return said + str(error)
    if status in (401, 403):
        return f"{said}{REFUSED} (It answered {status}.)"
    if status in (400, 404):
        return f"{said}{NO_TOPIC} (It answered {status}.)"
    if status == 409:
        return said + EXCLUSIVE
    obstacle = reachability(account.message_url, account.messages_tls_ca)
    return said + (obstacle or f"It is not a message endpoint, or out of order: check MESSAGES_URL. ({error})")
