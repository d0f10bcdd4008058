"""A call of Tuya's API as a value."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

TokenKind = Literal["platform", "pms"]
Server = Literal["tuya", "visual"]


@dataclass(frozen=True)
class Endpoint:
    """One of Tuya's calls.

    Args:
        method: GET, POST, PUT or DELETE.
        path: template, with ``{name}`` where a value goes in.
        token: the token it is signed with; None for token calls.
        idempotent: calling twice has the effect of calling once. If not, a call that may have arrived is not repeated.
        bare: its answer has no envelope.
        secret: its answer holds a token or ticket, so errors do not quote it.
        shape: type into which the result is decoded together with its envelope, if it fits. For large answers:
            finding the end of the result in order to decode it later would cost as much as decoding it.
        server: where it is sent: tuya is the account's data centre, visual its ``VISUAL_BASE_URL``.
    """

    method: str
    path: str
    token: TokenKind | None = "platform"
    idempotent: bool = True
    bare: bool = False
    secret: bool = False
    shape: type[msgspec.Struct] | None = None
    server: Server = "tuya"
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.method} {self.path}")
