"""Messages over Tuya's Pulsar endpoint (docs/tuya.md, "Messages": connection).

Pulsar's client reconnects by itself; this source watches it and replaces a client that does not come back.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pulsar

from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.formats.notation import moment
from tuyahouse.messages.sources.connection import ConnectionLog, NoticesLog
from tuyahouse.messages.sources.pulsar_subscription import (
    LARGE_QUEUE,
    NOTICES,
    POLL_MS,
    SMALL_MESSAGE,
    SMALL_QUEUE,
    connect,
    in_words,
    subscribe,
    subscribe_to_notices,
)
from tuyahouse.messages.sources.source import Outage, Received
from tuyahouse.settings import Account

_RENEW_SECONDS = 90.0
_NOTICES_SECONDS = 10.0
"""Interval at which notices are read while messages arrive without a pause."""

_CALM_BATCHES = 50
"""Full batches without a large message after which the client may hold many messages ready again."""


class PulsarSource:
    """A subscription to the topics of one account; see :class:`~tuyahouse.messages.sources.source.MessageSource`."""

    name = "pulsar"

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        connect_seconds: int = 10,
    ) -> None:
        self._account = account
        self._sleep = sleep
        self._connect_seconds = connect_seconds
        self._log = ConnectionLog(clock)
        self._client: Any = None
        self._consumer: Any = None
        self._notices: Any = None
        self._notices_log = NoticesLog(clock)
        self._notices_due = 0.0
        self._ready: list[Any] = []
        self._unacknowledged: dict[str, Any] = {}
        self._noticed: dict[str, Any] = {}
        self._idle = True
        self._queue = SMALL_QUEUE
        self._batches_until_large = 1

    @property
    def connected(self) -> bool:
        return self._log.connected

    @property
    def problem(self) -> str:
        return self._log.problem

    def open(self) -> None:
        try:
            self._client = connect(self._account, self._connect_seconds)
            self._consumer = subscribe(self._client, self._account, self._queue)
        except (pulsar.PulsarException, ValueError) as error:
            self._drop()
            problem = in_words(error, self._account)
            self._log.failed(problem)
            raise SourceError(problem) from error
        self._log.up()

    def receive(self, at_most: int, timeout: float) -> list[Received]:
        """See the interface. Under load several batches of the client make up one."""
        if self._consumer is None and not self._reopened(timeout):
            return []
        if not self._batches_until_large and not self._ready and not self._resized(LARGE_QUEUE):
            return []
        notices = [self._taken(message, self._noticed) for message in self._waiting_notices(at_most)]
        at_most -= len(notices)
        if not self._ready:
            self._ready = self._batch(0 if notices else timeout)
        while len(self._ready) % self._queue == 0 and 0 < len(self._ready) < at_most:
            if not (more := self._batch(0)):
                break
            self._ready += more
        if not self._ready or not self._log.connected:
            self._watch()
        self._idle = not self._ready
        messages, self._ready = self._ready[:at_most], self._ready[at_most:]
        received = [self._taken(message, self._unacknowledged) for message in messages]
        self._fit_queue(received)
        return notices + received

    def _fit_queue(self, received: list[Received]) -> None:
        """Hold few messages ready as soon as one is large, and many only while all are small.

        The client counts messages, not bytes. The queue of a consumer cannot be resized, so a new consumer replaces it;
        what was not acknowledged is delivered again and known by its id.
        """
        if any(len(message.payload) > SMALL_MESSAGE for message in received):
            self._batches_until_large = _CALM_BATCHES
            if self._queue != SMALL_QUEUE:
                self._ready = []
                self._resized(SMALL_QUEUE)
        elif self._queue == SMALL_QUEUE and len(received) >= SMALL_QUEUE:
            self._batches_until_large = max(0, self._batches_until_large - 1)

    def _resized(self, queue: int) -> bool:
        """Replace the consumer; False when the connection is lost over it."""
        self._queue, self._batches_until_large = queue, _CALM_BATCHES
        try:
            self._consumer.close()
            self._consumer = subscribe(self._client, self._account, queue)
        except pulsar.PulsarException as error:
            self._drop()
            self._log.down(in_words(error, self._account))
            return False
        return True

    def acknowledge(self, message_ids: Iterable[str]) -> None:
        if self._consumer is None:
            return  # the next connection delivers them again, and they are known by then
        acknowledge, waiting = self._consumer.acknowledge, self._unacknowledged
        for message_id in message_ids:
            message = waiting.pop(message_id, None)
            if message is None:
                self._acknowledge_notice(message_id)
                continue
            try:  # a context manager would cost as much as the acknowledgement
                acknowledge(message)
            except pulsar.PulsarException:
                pass  # it will be delivered again and found to be known

    def _acknowledge_notice(self, message_id: str) -> None:
        if (notice := self._noticed.pop(message_id, None)) is not None and self._notices is not None:
            with suppress(pulsar.PulsarException):
                self._notices.acknowledge(notice)

    def take_outages(self) -> list[Outage]:
        return self._log.take_outages()

    def close(self) -> None:
        self._drop()

    def _batch(self, timeout: float) -> list[Any]:
        for _ in range(max(1, int(timeout * 1000 / POLL_MS))):
            try:
                messages = self._consumer.batch_receive()
            except pulsar.Timeout:
                continue
            except pulsar.PulsarException as error:
                self._drop()
                self._log.down(in_words(error, self._account))
                return []
            if messages:
                return list(messages)
        return []

    def _waiting_notices(self, at_most: int) -> list[Any]:
        """Notices are read when no message is waiting, and every few seconds under load."""
        now = time.monotonic()
        if not self._account.messages_notices or at_most < NOTICES or not (self._idle or now >= self._notices_due):
            return []
        self._notices_due = now + _NOTICES_SECONDS
        if self._notices is None and not self._subscribed_to_notices():
            return []
        try:
            return list(self._notices.batch_receive())
        except pulsar.Timeout:
            return []
        except pulsar.PulsarException as error:
            self._notices = None
            self._notices_log.failed(in_words(error, self._account))
            return []

    def _subscribed_to_notices(self) -> bool:
        if self._notices_log.wait_seconds() > 0:
            return False
        try:
            self._notices = subscribe_to_notices(self._client, self._account)
        except pulsar.PulsarException as error:
            self._notices_log.failed(in_words(error, self._account))
            return False
        self._notices_log.up()
        return True

    def _taken(self, message: Any, unacknowledged: dict[str, Any]) -> Received:
        place = message.message_id()
        message_id = str(place)[1:-1].replace(",", ":")
        unacknowledged[message_id] = message
        published_at = moment(message.publish_timestamp(), "publish time")
        return Received(message_id, message.topic_name(), message.data(), _properties(message), published_at)

    def _watch(self) -> None:
        """No message arrived: check whether the connection is lost."""
        if self._consumer is None:
            return
        if self._consumer.is_connected():
            self._log.up()
            return
        self._log.down("The connection to the message endpoint is lost; reconnecting.")
        if self._log.outage_seconds > _RENEW_SECONDS:
            self._drop()

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

    def _drop(self) -> None:
        self._ready = []
        self._unacknowledged.clear()
        self._noticed.clear()
        client, self._client, self._consumer, self._notices = self._client, None, None, None
        if client is not None:
            with suppress(pulsar.PulsarException):
                client.close()


def _properties(message: Any) -> dict[str, str]:
    try:
        properties: dict[str, str] = message.properties()
        return properties
    except UnicodeDecodeError:  # not Tuya's; the payload is still worth reading
        return {}
