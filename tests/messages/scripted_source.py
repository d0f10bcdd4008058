"""A source that delivers what a test wrote down, and delivers again what was not acknowledged."""

from collections.abc import Iterable
from datetime import UTC, datetime

from tests.messages.stream import Sent
from tuyahouse.messages.sources.source import Outage, Received

AT = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)


def received(payload: bytes, number: int = 1, published_at: datetime | None = AT, **properties: str) -> Received:
    return Received(f"7:{number}:0:-1", "persistent://x/out/event", payload, properties, published_at)


def all_received(messages: Iterable[Sent]) -> list[Received]:
    return [received(sent.payload, n, AT, **sent.properties) for n, sent in enumerate(messages)]


class ScriptedSource:
    """A source that stays connected and delivers nothing once every message is acknowledged."""

    name = "pulsar"
    connected = True
    problem = ""

    def __init__(self, messages: Iterable[Received]) -> None:
        self.waiting = {message.message_id: message for message in messages}
        self.delivered = 0
        self.outages: list[Outage] = []
        self.acknowledged: list[str] = []

    def open(self) -> None:
        """Nothing to do."""

    def receive(self, at_most: int, timeout: float) -> list[Received]:
        batch = list(self.waiting.values())[: min(at_most, 1000)]
        self.delivered += len(batch)
        return batch

    def acknowledge(self, message_ids: Iterable[str]) -> None:
        for message_id in message_ids:
            self.acknowledged.append(message_id)
            self.waiting.pop(message_id, None)

    def take_outages(self) -> list[Outage]:
        taken, self.outages = self.outages, []
        return taken

    def close(self) -> None:
        """Nothing to do."""
