"""What chunks of every kind share: splitting keys, asking and landing a chunk, counting."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from tuyahouse.cloud.errors import prefix
from tuyahouse.outcome import Outcome
from tuyahouse.settings import Account
from tuyahouse.sync.asking import Asked
from tuyahouse.warehouse.bulk.halves import land_in_halves
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient  # a plan is counted without the libraries of a client

LONGEST_SAMPLE = 200

MOST_FIELDS = 500
"""Undocumented fields that are counted singly in a chunk; others are counted together."""
OTHER_FIELDS = "(other fields)"
Answer = tuple[str, Any]


def chunked(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of ``size`` keys, the last one shorter."""
    source = iter(keys)
    while chunk := list(islice(source, size)):
        yield chunk


async def in_parts(client: "TuyaClient", sync_part: Callable[[Asked[Any], int], Awaitable[Outcome]]) -> Outcome:
    """Ask and land a chunk whose answers may be too large to be held together (:data:`~.answer_memory.LARGEST_CHUNK`).

    ``sync_part`` asks what the chunk has left into the given results until they are full, and lands them; its second
    argument is how many calls of ``client`` have landed before. It is called until no key is left over.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    outcome, landed = Outcome(), 0
    while True:
        asked: Asked[Any] = Asked()
        outcome += await sync_part(asked, landed)
        if not (asked.full and asked.left):
            return outcome
        landed = client.calls


async def land_what_came(asked: Asked[Any], asking: Awaitable[object], land: Callable[[], Outcome]) -> Outcome:
    """Await ``asking``, which fills ``asked``; then call ``land``, however the asking ended.

    ``land`` stores what ``asked`` holds, in one transaction. See :func:`land_in_parts` for an answer that the database
    refuses.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    try:
        await asking
    except BaseException:
        # Ctrl-C, or an error of our own: what was answered is committed now, without waiting for anything.
        land_in_parts(asked, land)
        raise
    outcome = await asyncio.to_thread(land_in_parts, asked, land)
    if asked.stopped_by:
        raise asked.stopped_by
    return outcome


def land_in_parts(asked: Asked[Any], land: Callable[[], Outcome]) -> Outcome:
    """Call ``land`` once or, if the database refuses a value, once for each part of the answers.

    While a part lands, ``asked`` holds only its answers, and the keys of the later parts are left: a chunk that is
    killed in between asks those again. The one answer that is refused becomes a dead letter of reason ``not_storable``.
    """
    left = list(asked.left)

    def land_part(part: Sequence[Answer], later: Sequence[Answer]) -> Outcome:
        asked.answers, asked.left = list(part), [key for key, _ in later] + left
        outcome = land()
        asked.empty, asked.failed, asked.rejected, asked.calls_landed = [], [], [], True
        return outcome

    def refuse(answer: Answer, later: Sequence[Answer], problem: str) -> Outcome:
        key, value = answer
        asked.rejected = [*asked.rejected, DeadLetter(asked.kind, key, "not_storable", "", problem, _raw_of(value))]
        return land_part([], later)

    return sum(land_in_halves(asked.answers, land_part, refuse), Outcome())


def _raw_of(answer: Any) -> bytes:
    """The answer as sent if it is kept, else as it was understood."""
    body = getattr(answer, "body", None)
    return body if isinstance(body, bytes) else repr(answer).encode(errors="replace")


def sample_of(name: str, value: Any) -> str:
    """An example value of a field, shortened."""
    return msgspec.json.encode(value).decode()[:LONGEST_SAMPLE]


def count_fields(
    answers: Iterable[Mapping[str, Any]],
    documented: frozenset[str] = frozenset(),
    sample: Callable[[str, Any], str] = sample_of,
) -> dict[str, tuple[int, str]]:
    """Undocumented fields: in how many answers, and an example value."""
    counts: dict[str, tuple[int, str]] = {}
    for fields in answers:
        for name in fields.keys() - documented:
            shown = name if name in counts or len(counts) < MOST_FIELDS else OTHER_FIELDS
            count, example = counts.get(shown, (0, ""))
            counts[shown] = (count + 1, example or sample(name, fields[name]))
    return counts


def calls_left(warehouse: Warehouse, account: Account, now: datetime) -> int | None:
    """Calls that MONTHLY_CALLS still pays for in this calendar month (UTC); None without a limit."""
    if account.monthly_calls is None:
        return None
    return max(0, account.monthly_calls - warehouse.slots.calls_this_month(account.name, now))


def unpaid(account: Account, planned: int, left: int | None) -> list[str]:
    """A note if the month's calls do not pay for all planned keys; ``left`` is what :func:`calls_left` said."""
    if left is None or planned <= left:
        return []
    return [
        f"The month's calls pay for {left:,} of {planned:,}. "
        f"Raise {prefix(account.name)}MONTHLY_CALLS, or wait for the next month."
    ]
