"""Shared by the readers of both format families: times with their fallbacks, and undocumented fields."""

from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from tuyahouse.messages.errors import UnreadableMessage
from tuyahouse.messages.formats.notation import LONGEST_KEY, moment

Json = dict[str, Any]
Drift = tuple[tuple[str, str], ...]

SAMPLE = 200
"""Characters kept of the sample of an undocumented field."""

MOST_DRIFT = 100
"""Most undocumented fields of one message that are reported; all are kept. More of them are data used as names."""


def first_time(field: str, pushed_at: datetime | None, *sent: Any) -> datetime:
    """The first time that was sent, else the push time of the envelope.

    Raises:
        UnreadableMessage: ``bad_time`` if what was sent is not a time, or if there is none at all.
    """
    for value in sent:
        if value:
            return moment(value, field)
    if pushed_at is None:
        raise UnreadableMessage("bad_time", f"{field} is missing and the envelope's t is not a time")
    return pushed_at


def unexpected(
    data: Json, documented: frozenset[str], top: Json | None = None, top_documented: frozenset[str] = frozenset()
) -> tuple[Json | None, Drift]:
    """The undocumented fields (None if there are none), and name and shortened sample of the first of them."""
    if data.keys() <= documented and (top is None or top.keys() <= top_documented):
        return None, ()
    extra = {name: value for name, value in data.items() if name not in documented}
    for name, value in (top or {}).items():
        if name not in top_documented:
            extra.setdefault(name, value)
    reported = islice(extra.items(), MOST_DRIFT)
    return extra, tuple([(name[: LONGEST_KEY // 4], _sample(value)) for name, value in reported])


def _sample(value: Any) -> str:
    return (value if isinstance(value, str) else msgspec.json.encode(value).decode())[:SAMPLE]
