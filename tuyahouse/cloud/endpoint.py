"""What can be called."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

TokenKind = Literal["platform", "pms"]


@dataclass(frozen=True)
class Endpoint:
    """One of Tuya's calls.

    Args:
        method: GET, POST, PUT or DELETE.
        path: template, with ``{name}`` where a value goes in.
        token: which token it is signed with; None: token calls.
        idempotent: asking twice is the same as asking once. If not, a call that may have reached Tuya is not repeated.
        bare: it is known to answer without the envelope.
        secret: its answer holds a token or a ticket: no part of it goes into an error.
        shape: what the result is decoded into together with its envelope, where it fits: for answers so large that looking
            for the end of the result, to decode it later, costs as much as decoding it.
    """

    method: str
    path: str
    token: TokenKind | None = "platform"
    idempotent: bool = True
    bare: bool = False
    secret: bool = False
    shape: type[msgspec.Struct] | None = None
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.method} {self.path}")
