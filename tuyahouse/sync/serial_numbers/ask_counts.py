"""Asks pass counts and stores them batch by batch.

A count that a run has stored is not asked again by it: a run that is killed asks at most one batch anew.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tuyahouse.cloud.calls.pms import get_pass_amount
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import BudgetReached, ConfigurationWrong, QuotaExhausted, TuyaError, UnusableAnswer
from tuyahouse.sync.asking import Asked, ask_all
from tuyahouse.sync.chunks import chunked
from tuyahouse.sync.serial_numbers.counting import KIND
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers import pass_counts
from tuyahouse.warehouse.serial_numbers.pass_counts import Count
from tuyahouse.warehouse.shared.landing import landing, shared_clock
from tuyahouse.warehouse.warehouse import Warehouse

BATCH = 100
_NO_RIGHT = "no_data_permission"
_AS_KEY = "\t"


@dataclass(slots=True)
class CountsAsked:
    """What became of the counts that a stage wanted."""

    asked: int = 0
    stored: int = 0
    unusable: list[str] = field(default_factory=list)
    """Sentences on counts that could not be used; their orders are planned without."""
    refused: str = ""
    """Why Tuya gives no counts; empty: it does."""


async def ask_counts(
    client: TuyaClient, warehouse: Warehouse, run: runs.Run, wanted: Sequence[tuple[str, str]], *, workers: int
) -> CountsAsked:
    """Ask these counts and store them, batch by batch.

    Raises:
        BudgetReached, QuotaExhausted: after what was told until then was stored. Other errors end up in the result:
            without counts the serial numbers are planned as if there were none.
    """
    done = CountsAsked()
    clock = await asyncio.to_thread(shared_clock, warehouse, run.ahead)
    for batch in chunked(map(_AS_KEY.join, wanted), BATCH):
        asked: Asked[int] = Asked()
        await ask_all(batch, _asking(client, asked, clock), asked, kind=KIND, workers=workers)
        done.asked += asked.asked
        counts = [_count(key, amount, asked.asked_at[key]) for key, amount in asked.answers]
        usable = [one for one in counts if _is_count(one.tuya_count)]
        done.unusable += [
            f"{_said(key)}: {amount} is no count of units" for key, amount in asked.answers if not _is_count(amount)
        ]
        done.unusable += [f"{_said(one.key)}: {one.message}" for one in asked.dead_letters]
        done.unusable += [f"{_said(key)}: Tuya does not know it" for key in asked.empty]
        if asked.failed and not asked.answers and all(one.code.lower() == _NO_RIGHT for one in asked.failed):
            done.refused = asked.failed[0].message
            break
        done.stored += len(usable)
        await asyncio.to_thread(_store, warehouse, run, usable)
        if asked.stopped_by:
            _stop(asked.stopped_by, done)
            break
    return done


def _asking(
    client: TuyaClient, asked: Asked[int], clock: Callable[[], datetime]
) -> Callable[[str], Coroutine[Any, Any, int]]:
    async def ask(key: str) -> int:
        order, node = key.split(_AS_KEY)
        try:
            return await get_pass_amount(client, order, node, asked.starting(key, clock))
        except UnusableAnswer as error:
            error.raw = b""  # a count that cannot be used is a sentence in the run, without its answer
            raise

    return ask


def _count(key: str, amount: int, at: datetime) -> Count:
    order, node = key.split(_AS_KEY)
    return Count(order, node, at, amount)


def _is_count(amount: int) -> bool:
    return 0 <= amount < 1 << 31


def _said(key: str) -> str:
    return " at ".join(key.split(_AS_KEY))


def _stop(error: TuyaError, done: CountsAsked) -> None:
    """A budget ends the run. Anything else that the serial numbers meet too, they will say."""
    if isinstance(error, BudgetReached | QuotaExhausted):
        raise error
    if isinstance(error, ConfigurationWrong):
        done.refused = str(error)
    else:
        done.unusable.append(f"Pass counts could not be asked: {error}")


def _store(warehouse: Warehouse, run: runs.Run, counts: Sequence[Count]) -> None:
    with landing(warehouse, run) as conn:
        pass_counts.record(conn, run.account, counts)
