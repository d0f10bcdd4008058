"""Pass counts of a run: which are worth asking, and what the warehouse counts beside them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tuyahouse.sync.serial_numbers.definitions import Compared, Definition
from tuyahouse.sync.serial_numbers.due import SAME_NIGHT
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.serial_numbers import order_units, pass_counts
from tuyahouse.warehouse.serial_numbers.order_units import OrderUnits
from tuyahouse.warehouse.serial_numbers.pass_counts import Count

KIND = "pass_count"
AUDITED = 8
"""Work orders that are asked in full each night while counts have not proved true."""
REFUSED_FOR = timedelta(days=7)
"""How long counts are not asked once Tuya refused them for lack of rights."""
BUSY = timedelta(days=2)
"""An order of which something changed so lately is counted every night; a quiet one ever more rarely."""
CHEAP = 0.01
"""Counts of an order that cost no more than this share of what waits there are always asked."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class OrderCounts(NamedTuple):
    """Nodes of a work order to count."""

    order: OrderUnits
    nodes: list[str]
    looked: datetime | None
    """When it was counted last."""
    fed: bool
    """Whether boards of other orders come in: those that went on are found by its counts alone."""


def wanted_counts(
    conn: Connection, account: str, orders: Sequence[OrderUnits], now: datetime, since: datetime
) -> list[OrderCounts]:
    """What to count tonight, of orders with a craft line; those counted ``since`` are left out."""
    before = {(one.order_code, one.node): one for one in pass_counts.newest_before(conn, account, since)}
    told = {one.order_code for one in pass_counts.told_between(conn, account, since, now + CLOCKS_DIFFER)}
    lines = order_units.nodes(conn, account, [one.order_code for one in orders if one.has_line])
    wanted = []
    for order in orders:
        nodes = [node for _, node in lines.get(order.order_code, ())]
        earlier = [before.get((order.order_code, node)) for node in nodes]
        looked = max((count.checked_at for count in earlier if count), default=None)
        if order.order_code not in told and is_time(order, looked, now):
            fed = bool(order_units.feeders(conn, account, order.order_code))
            empty = [count.node for count in earlier if count and not count.tuya_count]
            known = order_units.nodes_passed(conn, account, order.order_code, empty)
            wanted.append(OrderCounts(order, _of_order(order, nodes, earlier, known, fed), looked, fed))
    return [one for one in wanted if one.nodes]


def worth_it(wanted: Sequence[OrderCounts], share: float | None) -> tuple[list[OrderCounts], set[str]]:
    """What to count where counts let that ``share`` of what waits be asked, and the orders where that does not pay.

    Those are asked in full. Where boards come in, their first node is counted all the same: nothing else finds boards
    that went on. Without experience a few are counted to gain it, those with the most units.
    """
    tried = (
        sorted(wanted, key=lambda one: (-one.order.waiting, one.order.order_code))[:AUDITED] if share is None else ()
    )
    saved = max(1 - (1 if share is None else share), CHEAP)
    codes = {one.order.order_code for one in tried}
    worth, in_full = [], set()
    for one in wanted:
        pays = not one.order.waiting or len(one.nodes) <= saved * one.order.waiting
        if pays or one.order.order_code in codes:
            worth.append(one)
            continue
        in_full.add(one.order.order_code)
        if one.fed:
            worth.append(one._replace(nodes=one.nodes[:1]))
    return worth, in_full


def affordable(wanted: Sequence[OrderCounts], most: int, *, in_full: bool) -> list[OrderCounts]:
    """Whole orders within ``most`` calls: those first that were not counted for the longest time.

    Orders that are asked ``in_full`` cost a call for each unit that waits, too; the cheapest come first.
    """
    chosen = []
    for one in sorted(wanted, key=lambda one: (*_turn(one, in_full), one.order.order_code)):
        if (calls := _calls(one, in_full)) <= most:
            most -= calls
            chosen.append(one)
    return chosen


def _turn(one: OrderCounts, in_full: bool) -> tuple[Any, ...]:
    return (_calls(one, True),) if in_full else (one.looked or _NEVER, -one.order.waiting)


def _calls(one: OrderCounts, in_full: bool) -> int:
    return len(one.nodes) + one.order.waiting * in_full


def _of_order(
    order: OrderUnits, nodes: Sequence[str], earlier: Sequence[Count | None], known: Collection[str], fed: bool
) -> list[str]:
    """The nodes to count.

    All of them at first. Later not those that all its units have passed, nor those to which no unit came that the
    count of the node before would not tell of: nothing was counted there, and the warehouse knows of no pass either.
    Of an order that is done its last node, and the first if boards come in.
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
        came = count is None or count.tuya_count > 0 or node in known or count.checked_at < looked - SAME_NIGHT
    return chosen


def is_time(order: OrderUnits, looked: datetime | None, now: datetime) -> bool:
    """Every night while something changed lately; else once half of the quiet time has passed since the last look."""
    if looked is None or looked > now:
        return True
    quiet = now - order.last_changed_at if order.last_changed_at else timedelta(0)
    return quiet < BUSY or now - looked >= quiet / 2 - SAME_NIGHT


def compared(
    conn: Connection, account: str, order: str, counts: Sequence[Count], definition: Definition
) -> dict[str, Compared]:
    """Node → its pass count beside what the warehouse counts by that definition."""
    until = {one.node: definition.window(one.checked_at) for one in counts}
    known = order_units.passed(conn, account, order, until, failures=definition.failures)
    return {one.node: Compared(one.tuya_count, *known[one.node]) for one in counts}


def asked_in_full(conn: Connection, account: str, order: str, counts: Sequence[Count]) -> bool:
    """Whether every unit of the order that is not finished was asked after its counts."""
    first = min(one.checked_at for one in counts)
    return order_units.unasked_since(conn, account, [order], first) == 0
