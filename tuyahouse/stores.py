"""What all processes of one account share: its live tokens and its start slots.

The cloud client uses these, the warehouse keeps them; neither knows the other.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tuyahouse.redaction import SECRETS


@dataclass(frozen=True)
class Token:
    """One token of Tuya's; times are Unix seconds by Tuya's clock. ``generation`` counts the tokens there have been."""

    access: str
    refresh: str
    expires_at: float
    refreshed_at: float | None = None
    generation: int = 0

    def __post_init__(self) -> None:
        """No token that this process ever held may appear in what it stores or shows."""
        SECRETS.keep_passing(self.access)
        SECRETS.keep_passing(self.refresh)

    def __repr__(self) -> str:
        return f"Token(generation={self.generation}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class Slots:
    """``count`` starts, the first at ``first`` (Unix seconds by :func:`tuyahouse.pace.steady_time`), the others ``interval`` seconds apart."""

    first: float
    interval: float
    count: int


class TokenSlot(Protocol):
    """The place of one token, while nobody else may replace it."""

    @property
    def current(self) -> Token | None: ...

    def replace(self, token: Token) -> None:
        """Store this token; it counts once the exclusive section has ended without an error."""


class TokenStore(Protocol):
    """Where tokens are kept. The methods block: call them from a thread."""

    def read(self, account: str, kind: str) -> Token | None: ...

    def exclusive(self, account: str, kind: str) -> AbstractContextManager[TokenSlot]: ...


class SlotStore(Protocol):
    """Where starts are handed out and calls are counted. The methods block: call them from a thread."""

    def reserve(
        self, account: str, endpoint: str, *, per_second: float, want: int, monthly_calls: int | None
    ) -> Slots: ...

    def release(self, account: str, endpoint: str, unused: int) -> None: ...

    def put_off(self, account: str, endpoint: str, seconds: float) -> None:
        """Move all slots that are not handed out yet by so much: a start was late, and the second after it is full."""

    def throttled(self, account: str, endpoint: str) -> None: ...

    def record(self, account: str, endpoint: str, *, failures: int, throttled: int) -> None: ...
