"""One subscription to the sandbox's messages: what is delivered, acknowledged, and to be delivered again."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

from tuyahouse.sandbox.messages.stream import TEST_DEVICE_EVERY, Message, messages_of_day
from tuyahouse.sandbox.world.world import World

Topic = Literal["event", "event-test", "notice"]
LONGEST_QUEUE = 1000
"""Messages under way to one subscription without an acknowledgement, as in Pulsar's WebSocket service."""


class Subscription:
    """At-least-once delivery from the first published day on. ``notices`` holds the messages of the notice topic."""

    def __init__(self, world: World, topic: Topic, notices: list[Message], clock: Callable[[], float]) -> None:
        self._world = world
        self._topic = topic
        self._clock = clock
        self._source = self._warnings(notices) if topic == "notice" else self._published()
        self._again: deque[Message] = deque()
        self._under_way: dict[str, tuple[Message, float]] = {}
        self.delivered = 0
        self.acknowledged = 0
        self.redelivered = 0
        self.consumers = 0
        self.active: object | None = None

    @property
    def unacknowledged(self) -> int:
        return len(self._under_way) + len(self._again)

    def _published(self) -> Iterator[Message | None]:
        """Every message up to the world's current day; None while there is none."""
        day = int(self._world.published_from)
        while True:
            if day > int(self._world.options.day):
                yield None
                continue
            for message in messages_of_day(self._world, day):
                if self._topic == "event" or message.device % TEST_DEVICE_EVERY == 0:
                    yield message
            day += 1

    @staticmethod
    def _warnings(notices: list[Message]) -> Iterator[Message | None]:
        sent = 0
        while True:
            if sent < len(notices):
                sent += 1
                yield notices[sent - 1]
            else:
                yield None

    def next(self, ack_seconds: float) -> tuple[Message, bool] | None:
        """The next message and whether it was delivered before; None if all are delivered or the queue is full."""
        now = self._clock()
        self._expire(now)
        if self._again:
            self.redelivered += 1
            return self._send(self._again.popleft(), now + ack_seconds), True
        if len(self._under_way) >= LONGEST_QUEUE:
            return None
        message = next(self._source)
        return None if message is None else (self._send(message, now + ack_seconds), False)

    def _send(self, message: Message, until: float) -> Message:
        self._under_way[message.message_id] = message, until
        self.delivered += 1
        return message

    def _expire(self, now: float) -> None:
        """Take back what was not acknowledged in time. The oldest come first, as all have equally long."""
        while self._under_way:
            name, (message, until) = next(iter(self._under_way.items()))
            if until > now:
                return
            del self._under_way[name]
            self._again.append(message)

    def acknowledge(self, message_id: str) -> None:
        """Acknowledge a message, even if it was taken back and waits to go out again. An unknown one is ignored."""
        if self._under_way.pop(message_id, None):
            self.acknowledged += 1
            return
        for message in self._again:
            if message.message_id == message_id:
                self._again.remove(message)
                self.acknowledged += 1
                return

    def take_back_all(self) -> None:
        """The consumer is gone: all that it did not acknowledge is delivered again, in the old order."""
        self._again.extendleft(message for message, _ in reversed(self._under_way.values()))
        self._under_way.clear()
