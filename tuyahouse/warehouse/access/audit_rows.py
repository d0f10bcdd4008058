"""A write as the audit (``ops_write``) holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PENDING, DONE, REFUSED, UNKNOWN = "pending", "done", "refused", "unknown"
"""Outcomes."""


@dataclass(frozen=True, slots=True)
class Write:
    """A write on its way to ``ops_write``. Texts and ``request`` are stored without secrets."""

    account: str
    intent_key: str
    call: str
    target: str
    content: str
    what: str
    request: Mapping[str, Any]
    run_id: str


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """A row of ``ops_write``."""

    intent_key: str
    call: str
    content: str
    what: str
    request: dict[str, Any]
    outcome: str
    note: str
    result: dict[str, Any] | None
    run_id: str
    attempts: int
    asked_at: datetime
    ended_at: datetime | None
    settled_at: datetime | None
