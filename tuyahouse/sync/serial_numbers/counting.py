"""Pass counts of a run: which are asked, asked and stored batch by batch; what the warehouse counts beside them.

A count that a run has stored is not asked again by it: a run that is killed asks at most one batch anew.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tuyahouse.cloud.calls.pms import get_pass_amount
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import BudgetReached, ConfigurationWrong, QuotaExhausted, TuyaError, UnusableAnswer
from tuyahouse.sync.asking import Asked, ask_all
from tuyahouse.sync.chunks import chunked
from tuyahouse.sync.serial_numbers.definitions import Compared, Definition
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers import pass_counts
from tuyahouse.warehouse.serial_numbers.pass_counts import Count, OrderUnits
from tuyahouse.warehouse.shared.landing import landing, shared_clock
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "pass_count"
BATCH = 100
AUDITED = 8
"""Work orders that are asked in full each night while counts have not proved true."""
REFUSED_FOR = timedelta(days=7)
"""How long counts are not asked once Tuya refused them for lack of rights."""
BUSY = timedelta(days=2)
"""An order of which something changed so lately is counted every night; a quiet one ever more rarely."""
_NO_RIGHT = "no_data_permission"
SAME_NIGHT = timedelta(hours=6)
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


def wanted_counts(
    conn: Connection, account: str, orders: Sequence[OrderUnits], now: datetime, since: datetime
) -> list[tuple[str, str]]:
    """(Work order, node) to count tonight, of orders with a craft line; those counted ``since`` are left out."""
    before = {(one.order_code, one.node): one for one in pass_counts.newest_before(conn, account, since)}
    told = {one.order_code for one in pass_counts.told_since(conn, account, since)}
    lines = pass_counts.nodes(conn, account, [one.order_code for one in orders if one.has_line])
    wanted = []
    for order in orders:
        nodes = [node for _, node in lines.get(order.order_code, ())]
        earlier = [before.get((order.order_code, node)) for node in nodes]
        looked = max((count.checked_at for count in earlier if count), default=None)
        if order.order_code not in told and is_time(order, looked, now):
            fed = bool(pass_counts.feeders(conn, account, order.order_code))
            wanted += [(order.order_code, node) for node in _of_order(order, nodes, earlier, fed)]
    return wanted


def _of_order(order: OrderUnits, nodes: Sequence[str], earlier: Sequence[Count | None], fed: bool) -> list[str]:
    """The nodes to count.

    All of them at first. Later not those that all its units have passed, nor those that none can have come to, as
    nothing was counted at the node before; of an order that is done its last node, and the first if boards come in.
    """
    if not any(earlier):
        return list(nodes)
    if not order.waiting:
        return [*(nodes[:1] if fed else ()), *nodes[-1:]]
    chosen, came, looked = [], True, max(count.checked_at for count in earlier if count)
    all_units = max(order.units, (earlier[0].tuya_count if earlier and earlier[0] else 0))
    for place, (node, count) in enumerate(zip(nodes, earlier, strict=True)):
        done = count is not None and count.tuya_count >= all_units > 0 and not (fed and place == 0)
        if came and not done:
            chosen.append(node)
        came = count is None or count.tuya_count > 0 or count.checked_at < looked - SAME_NIGHT
    return chosen


def is_time(order: OrderUnits, looked: datetime | None, now: datetime) -> bool:
    """Every night while something changed lately; else once half of the quiet time has passed since the last look."""
    if looked is None or looked > now:
        return True
    quiet = now - order.last_changed_at if order.last_changed_at else timedelta(0)
    return quiet < BUSY or now - looked >= quiet / 2 - SAME_NIGHT


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


def compared(
    conn: Connection, account: str, order: str, counts: Sequence[Count], definition: Definition
) -> dict[str, Compared]:
    """Node → its pass count beside what the warehouse counts by that definition."""
    until = {one.node: definition.window(one.checked_at) for one in counts}
    known = pass_counts.passed(conn, account, order, until, failures=definition.failures)
    return {one.node: Compared(one.tuya_count, *known[one.node]) for one in counts}


def asked_in_full(conn: Connection, account: str, order: str, counts: Sequence[Count]) -> bool:
    """Whether every unit of the order that is not finished was asked after its counts."""
    first = min(one.checked_at for one in counts)
    return pass_counts.unasked_since(conn, account, order, first) == 0


def share_of_night(left: int, now: datetime) -> int:
    """What one night may spend of the calls left in the month (UTC), so that the nights after it have as much."""
    following = (now.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    nights = max(math.ceil((following - now) / timedelta(days=1)), 1)
    return -(-left // nights)
