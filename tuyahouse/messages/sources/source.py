"""What every source of messages offers, whichever endpoint it reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec


class Received(msgspec.Struct, frozen=True, gc=False):
    """One message as it came. ``message_id`` names it for ever, and for its acknowledgement."""

    message_id: str
    topic: str
    payload: bytes
    properties: Mapping[str, str]
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Away:
    """A time without connection, in Unix seconds."""

    since: float
    until: float

    @property
    def seconds(self) -> float:
        return self.until - self.since


class MessageSource(Protocol):
    """A subscription that reconnects for ever. Used by one thread.

    ``problem`` says in words why it is not ``connected`` at the moment ("" when it is).
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
            SourceError: what it may mean that this failed and what to check. It may be called again.
        """

    def receive(self, at_most: int, timeout: float) -> list[Received]:
        """The next messages, [] when there are none within ``timeout`` seconds or the connection is being made again.

        Never raises for a lost connection.
        """

    def acknowledge(self, message_ids: Iterable[str]) -> None:
        """Acknowledge each message by itself; one that cannot be will be delivered again."""

    def take_aways(self) -> list[Away]:
        """Connections lost and made again since this was last asked."""

    def close(self) -> None:
        """End in order; acknowledgements on their way are sent."""
