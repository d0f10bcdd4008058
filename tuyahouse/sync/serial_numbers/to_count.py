"""Which pass counts a stage asks, and what is noted once they were told."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.due import SAME_NIGHT
from tuyahouse.sync.serial_numbers.experience import of_last_nights
from tuyahouse.sync.serial_numbers.progress import store_progress
from tuyahouse.sync.serial_numbers.view import View
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.serial_numbers import order_units, pass_counts
from tuyahouse.warehouse.serial_numbers.order_units import OrderUnits

FEW = 3
"""Where no more units wait, they are asked themselves instead of the counts of their order."""


def lines_to_ask(seen: View) -> list[str]:
    """Work orders of which nothing is known yet: their craft lines say what to count."""
    if seen.trusted is None or seen.progress.stage:
        return []
    return [one.order_code for one in seen.orders if not one.has_line and not one.shown]


class ToCount(NamedTuple):
    """What a stage counts."""

    pairs: list[tuple[str, str]]
    """(Work order, node)."""
    in_full: set[str]
    """Work orders whose counts cost more than they save: they are asked in full instead."""
    unpaid: set[str]
    """Work orders whose counts tonight's share does not pay for: they go by age."""


def counts_to_ask(seen: View, most: int | None = None) -> ToCount:
    """The counts that the next stage needs, ``most`` of them: of all orders while counts are trusted, else of a few."""
    refused = seen.trust.refused_at
    if seen.progress.fallen or (refused and timedelta(0) <= seen.now - refused < counting.REFUSED_FOR - SAME_NIGHT):
        return ToCount([], set(), set())
    settled = {*seen.progress.counted, *seen.progress.in_full, *seen.progress.unpaid_counts}
    orders = [one for one in seen.orders if one.order_code not in settled and one.has_line]
    orders = [one for one in orders if not (seen.trusted and is_few(seen, one))]
    if seen.trusted is None:
        if seen.progress.stage:
            return ToCount([], set(), set())
        orders = _to_audit(seen, orders, counting.AUDITED if most is None else len(orders))
    wanted = counting.wanted_counts(seen.conn, seen.account, orders, seen.now, seen.begun)
    worth, in_full = wanted, set[str]()
    if seen.trusted:
        worth, in_full = counting.worth_it(wanted, of_last_nights(seen.conn, seen.account, seen.begun).share)
    paid = worth if most is None else counting.affordable(worth, most, in_full=seen.trusted is None)
    pairs = [(one.order.order_code, node) for one in paid for node in one.nodes]
    unpaid = {one.order.order_code for one in worth} - {one.order.order_code for one in paid}
    return ToCount(pairs, in_full, unpaid - in_full)


def is_few(seen: View, order: OrderUnits) -> bool:
    """So few units wait that asking them is cheaper than counting, and no boards come in."""
    if not 0 < order.waiting <= FEW or order.shown < order.units - FEW:
        return False
    return not order_units.feeders(seen.conn, seen.account, order.order_code)


def _to_audit(seen: View, orders: Sequence[OrderUnits], most: int) -> list[OrderUnits]:
    """The orders under way that changed last, and into which no boards come: those may be made elsewhere."""
    under_way = [one for one in orders if one.waiting and one.last_changed_at and one.shown]
    under_way.sort(key=lambda one: (one.last_changed_at, one.order_code), reverse=True)
    chosen = (one for one in under_way if not order_units.feeders(seen.conn, seen.account, one.order_code))
    return [one for one, _ in zip(chosen, range(most), strict=False)]


def counted(conn: Connection, run_id: str, seen: View, asked: ToCount) -> None:
    """Note which orders counts may decide about from now on: all that were looked at, but those not told in full."""
    told = {(one.order_code, one.node) for counts in seen.told.values() for one in counts}
    wanted = asked.pairs
    seen.progress.in_full = sorted({*seen.progress.in_full, *asked.in_full})
    seen.progress.unpaid_counts = sorted({*seen.progress.unpaid_counts, *asked.unpaid})
    lacking = {order for order, node in wanted if (order, node) not in told}
    lacking.update(seen.progress.in_full, seen.progress.unpaid_counts)
    if seen.trusted and not seen.progress.stage:
        seen.progress.all_open = sum(one.waiting for one in seen.orders)
        seen.progress.waited = sum(one.waiting for one in seen.orders if one.order_code in seen.told.keys() - lacking)
    if seen.trusted:
        seen.progress.counted = [
            one.order_code for one in seen.orders if one.has_line and one.order_code not in lacking
        ]
    if seen.progress.stage and wanted:
        seen.progress.late.update({order: seen.progress.stage for order, _ in wanted})
        seen.progress.open = sorted({*(seen.progress.open or ()), *(order for order, _ in wanted)} - lacking)
    store_progress(conn, run_id, seen.progress)


def refuse(conn: Connection, account: str, seen: View, why: str) -> None:
    """Remember that Tuya gives no counts, so that they are not asked every night."""
    pass_counts.set_trust(conn, account, seen.trust._replace(agreed=0, refused_at=seen.now, reason=why))
