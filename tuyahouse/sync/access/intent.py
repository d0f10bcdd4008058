"""A wanted change in Tuya, and what became of it."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.warehouse.access.audit_rows import StoredWrite
from tuyahouse.warehouse.database import Connection

Facts = dict[str, Any]
"""The result of a write, e.g. a user id: stored in ``ops_write.result``, so it holds no secret."""

Request = Mapping[str, Any]
"""What a call is asked to write, as ``ops_write.request`` holds it."""

canonical = msgspec.json.Encoder(order="sorted").encode
"""JSON that is the same for the same value."""


class End(StrEnum):
    """What became of an intent in this run."""

    PLANNED = "planned"
    """A dry run: it would be written."""
    SKIPPED = "skipped"
    """It is already so, or another run did the same just now."""
    DONE = "done"
    REFUSED = "refused"
    """Certainly not carried out."""
    UNKNOWN = "unknown"
    """It may have been carried out, and is not repeated."""
    INVALID = "invalid"
    """It cannot be asked for, e.g. a row of a file without a user name."""


class NothingGained(Exception):
    """The write had no effect: Tuya said so, or the call could not be sent. The text says why.

    Attributes:
        facts: what is known all the same, without secrets.
    """

    def __init__(self, words: str, facts: Facts | None = None) -> None:
        super().__init__(words)
        self.facts = facts or {}


@dataclass(frozen=True, slots=True)
class Intent:
    """One wanted change. Two intents with the same call, target and request are the same one.

    Attributes:
        call: the call that carries it out.
        target: what is written to, e.g. ``user 86 alice``; one write to a target at a time, in all processes.
        what: the change in words, e.g. ``add the person p1 to the device d1``.
        request: what is requested. It is stored, so secrets are given by their source, never by their value.
        check: what to check if Tuya refuses what the request names, as a sentence.
        make: makes the call, at most once; returns facts without secrets. It raises TuyaError or NothingGained.
        read_back: asks Tuya whether it is so; returns the facts, None if it is not so. None: no such call exists.
        find_out: how a person finds out whether it was carried out, as a sentence.
        still: whether what a ``done`` of the same run key brought is still there, by its facts; if not, that ``done``
            does not count. It may block. None: what is done stays so.
        repeatable: carrying it out twice does no harm, so a run repeats it after an unknown outcome.
        touches: whether an earlier request of this call to the target asked for part of the same, e.g. for one of its
            rooms. None: only the very same request does.
        replaces: whether an earlier request to the target matters no more once this is so. None: it does matter.
        land: writes rows in the transaction that records the outcome ``done``.
    """

    call: Endpoint
    target: str
    what: str
    request: Request
    check: str
    make: Callable[[TuyaClient], Awaitable[Facts]]
    read_back: Callable[[TuyaClient], Awaitable[Facts | None]] | None = None
    find_out: str = ""
    still: Callable[[Facts], bool] | None = None
    repeatable: bool = False
    touches: Callable[[Request], bool] | None = None
    replaces: Callable[[Request], bool] | None = None
    land: Callable[[Connection, Facts, datetime], object] | None = None

    @property
    def content(self) -> str:
        """Fingerprint of call, target and request: 16 hex digits."""
        return hashlib.sha256(canonical([self.call.name, self.target, dict(self.request)])).hexdigest()[:16]

    def repeats(self, earlier: StoredWrite) -> bool:
        """Whether it would write again, at least in part, what the earlier call to this target was to write."""
        if self.touches is None or earlier.call != self.call.name:
            return earlier.content == self.content
        return self.touches(earlier.request)

    def settles(self, earlier: StoredWrite) -> bool:
        """Whether the outcome of the earlier call to this target no longer matters once this write is done."""
        return self.replaces is not None and self.replaces(earlier.request)

    def key(self, run_key: str) -> str:
        """Names the intent of one run: the same run key never writes it twice."""
        return f"{run_key} {self.content}"


def whatever(earlier: Request) -> bool:
    """For an intent that replaces all that was written to its target before."""
    return True


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one intent, in words for the operator."""

    what: str
    end: End
    words: str = ""
    facts: Facts = field(default_factory=dict)
    only_anew: bool = False
    """It is unknown for good: the same run key never writes it again, only a later one does."""

    @property
    def is_so(self) -> bool:
        """Tuya now holds what was wanted."""
        return self.end in (End.DONE, End.SKIPPED)
