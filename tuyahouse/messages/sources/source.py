"""What every source of messages offers, whichever endpoint it reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec


class Received(msgspec.Struct, frozen=True, gc=False):
    """One message as received. ``message_id`` is its permanent key, also for its acknowledgement."""

    message_id: str
    topic: str
    payload: bytes
    properties: Mapping[str, str]
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without connection, in Unix seconds."""

    since: float
    until: float

    @property
    def seconds(self) -> float:
        return self.until - self.since


class MessageSource(Protocol):
    """A subscription that reconnects for ever. Used by one thread.

    ``problem`` says in words why it is not ``connected`` at the moment; empty if it is.
    """

    @property
    def name(self) -> str: ...

    @property
    def connected(self) -> bool: ...

    @property
    def problem(self) -> str: ...

    def open(self) -> None:
        """Connect for the first time.

        Raises:
            SourceError: it failed; the text says what that may mean and what to check. It may be called again.
        """

    def receive(self, at_most: int, timeout: float) -> list[Received]:
        """The next messages; empty if none arrive within ``timeout`` seconds, or while it reconnects.

        Never raises for a lost connection.
        """

    def acknowledge(self, message_ids: Iterable[str]) -> None:
        """Acknowledge each message individually. One whose acknowledgement fails is delivered again."""

    def take_outages(self) -> list[Outage]:
        """Outages that ended since the last call."""

    def close(self) -> None:
        """Close the connection; acknowledgements under way are still sent."""
