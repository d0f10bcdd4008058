"""What all processes of one account share: its live tokens, its start slots and its count of calls.

The cloud client uses these interfaces and the warehouse implements them; neither imports the other.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tuyahouse.redaction import SECRETS


@dataclass(frozen=True)
class Token:
    """A token of Tuya's; times are Unix seconds by Tuya's clock. ``generation`` numbers the tokens of an account."""

    access: str
    refresh: str
    expires_at: float
    refreshed_at: float | None = None
    generation: int = 0

    def __post_init__(self) -> None:
        """Register the token as a secret: it is redacted from everything that this process stores or shows."""
        SECRETS.keep_passing(self.access)
        SECRETS.keep_passing(self.refresh)

    def __repr__(self) -> str:
        return f"Token(generation={self.generation}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class Slots:
    """``count`` starts, ``interval`` seconds apart; ``first`` is Unix seconds by :func:`tuyahouse.pace.steady_time`."""

    first: float
    interval: float
    count: int


class TokenSlot(Protocol):
    """The place of one token while it is held exclusively."""

    @property
    def current(self) -> Token | None: ...

    def replace(self, token: Token) -> None:
        """Store this token; it takes effect when the exclusive section ends without an error."""


class TokenStore(Protocol):
    """Where tokens are kept. The methods block: call them from a thread."""

    def read(self, account: str, kind: str) -> Token | None: ...

    def exclusive(self, account: str, kind: str) -> AbstractContextManager[TokenSlot]: ...


class SlotStore(Protocol):
    """Where start slots are handed out and calls are counted. The methods block: call them from a thread."""

    def reserve(
        self, account: str, endpoint: str, *, per_second: float, want: int, monthly_calls: int | None
    ) -> Slots: ...

    def release(self, account: str, endpoint: str, unused: int) -> None: ...

    def put_off(self, account: str, endpoint: str, seconds: float) -> None:
        """Postpone all slots not handed out yet by ``seconds``: a start was late, and the second after it is full."""

    def throttled(self, account: str, endpoint: str) -> None: ...

    def record(self, account: str, endpoint: str, *, failures: int, throttled: int) -> None: ...
