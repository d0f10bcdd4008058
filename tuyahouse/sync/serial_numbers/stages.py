"""The stages of a run whose strategy is ``pass_counts``: count, plan, ask, and plan again with what has landed.

Each stage is planned from the warehouse alone and stored with its chunks in one transaction, so that a run that is
killed goes on with the stage it had. When nothing is left to ask, the counts are judged: those that agreed for some
nights in a row are used from then on; a single contradiction ends that at once, and this night asks all that is due.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from tuyahouse.settings import Account, PlanPolicy
from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import DEFINITIONS, NIGHTS, Definition
from tuyahouse.sync.serial_numbers.due import overdue_before
from tuyahouse.sync.serial_numbers.experience import BY_COUNTS, of_last_nights
from tuyahouse.sync.serial_numbers.progress import Progress, progress_of, store_progress
from tuyahouse.sync.serial_numbers.strategies.pass_counts import reach
from tuyahouse.sync.serial_numbers.strategies.situation import Order, Situation, Unit
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers import pass_counts, registry
from tuyahouse.warehouse.serial_numbers.pass_counts import Count, OrderUnits, Times, Trust

BOARDS = "pcba"
"""Type of the craft lines whose finished units may go on in another work order."""
SCOUTS = 2
"""Finished boards that are asked each night to learn into which order they go."""
SCOUTED_FOR = timedelta(days=14)
FEW = 3
"""Where no more units wait, they are asked themselves instead of the counts of their order."""
FIRST_ASKED = 3
"""Units that are asked of a work order of which nothing is known yet."""
MOST = 20
"""Stages of a run at most; what is then left waits for the next night."""


@dataclass(slots=True)
class View:
    """What one stage knows of the account's work orders."""

    conn: Connection
    account: str
    now: datetime
    begun: datetime
    progress: Progress
    trust: Trust
    orders: list[OrderUnits]
    told: dict[str, list[Count]]
    doubtful: set[str]
    """Orders whose counts were not explained when they were compared last."""

    @property
    def trusted(self) -> Definition | None:
        """What the counts mean, if they may be used."""
        proved = self.trust.agreed >= NIGHTS and not self.progress.fallen and not self.trust.refused_at
        return DEFINITIONS.get(self.trust.definition or "") if proved else None


def view(conn: Connection, account: str, run: runs.Run, now: datetime) -> View:
    """Read what a stage of the run knows from the warehouse."""
    return view_at(conn, account, now, runs.started_at(conn, run.run_id), progress_of(conn, run.run_id))


def view_at(conn: Connection, account: str, now: datetime, begun: datetime, progress: Progress) -> View:
    """The same of a run that began then and is that far."""
    told: dict[str, list[Count]] = {}
    for count in pass_counts.told_between(conn, account, begun, now + CLOCKS_DIFFER):
        told.setdefault(count.order_code, []).append(count)
    trust, orders = pass_counts.trust(conn, account), pass_counts.orders(conn, account)
    seen = View(conn, account, now, begun, progress, trust, orders, told, set())
    seen.doubtful = _doubtful(seen)
    return seen


def _doubtful(seen: View) -> set[str]:
    """Orders under way whose newest counts were not explained when they were judged, and are not by now."""
    if (meant := seen.trusted) is None:
        return set()
    unexplained: dict[str, list[Count]] = {}
    for one in pass_counts.newest_before(seen.conn, seen.account, seen.begun):
        if one.warehouse_count is not None and one.tuya_count > one.warehouse_count:
            unexplained.setdefault(one.order_code, []).append(one)
    codes = [one.order_code for one in seen.orders if one.waiting and one.order_code in unexplained]
    return {
        code
        for code in codes
        if any(
            one.tuya > one.high
            for one in counting.compared(seen.conn, seen.account, code, unexplained[code], meant).values()
        )
    }


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
    if seen.progress.fallen or (
        refused and timedelta(0) <= seen.now - refused < counting.REFUSED_FOR - counting.SAME_NIGHT
    ):
        return ToCount([], set(), set())
    settled = {*seen.progress.counted, *seen.progress.in_full, *seen.progress.unpaid_counts}
    orders = [one for one in seen.orders if one.order_code not in settled and one.has_line]
    orders = [one for one in orders if not (seen.trusted and _is_few(seen, one))]
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


def _is_few(seen: View, order: OrderUnits) -> bool:
    """So few units wait that asking them is cheaper than counting, and no boards come in."""
    if not 0 < order.waiting <= FEW or order.shown < order.units - FEW:
        return False
    return not pass_counts.feeders(seen.conn, seen.account, order.order_code)


def _to_audit(seen: View, orders: Sequence[OrderUnits], most: int) -> list[OrderUnits]:
    """The orders under way that changed last, and into which no boards come: those may be made elsewhere."""
    under_way = [one for one in orders if one.waiting and one.last_changed_at and one.shown]
    under_way.sort(key=lambda one: (one.last_changed_at, one.order_code), reverse=True)
    chosen = (one for one in under_way if not pass_counts.feeders(seen.conn, seen.account, one.order_code))
    return [one for one, _ in zip(chosen, range(most), strict=False)]


def situation(seen: View, account: Account, policy: PlanPolicy) -> Situation:
    """What the strategy is given for the next stage."""
    before = overdue_before(seen.now, timedelta(days=account.max_staleness_days))
    ahead = seen.now + CLOCKS_DIFFER
    times = Times(before, seen.now - policy.finished_at_most, ahead, seen.begun, is_first=seen.progress.stage == 0)
    counted = [one.order_code for one in seen.orders if _decide(seen, one)] if seen.trusted else []
    return Situation(
        now=seen.now,
        policy=policy,
        overdue_before=before,
        candidates=partial(_candidates, seen, times),
        begun=seen.begun,
        stage=seen.progress.stage + 1,
        counted=frozenset(counted),
        orders=_orders(seen, frozenset(counted)),
    )


def _candidates(seen: View, times: Times, counted: frozenset[str]) -> Iterator[registry.Candidate]:
    return map(registry.Candidate._make, pass_counts.timed(seen.conn, seen.account, times, sorted(counted)))


def _asked_by_this_run(seen: View, at: datetime | None, ahead: datetime) -> bool:
    """An asking that lies far ahead of the present is none of this run, whose first stage asks such a unit once."""
    return at is not None and seen.begun <= at and (at <= ahead or seen.progress.stage > 0)


def _decide(seen: View, order: OrderUnits) -> bool:
    """Whether counts decide about the order: it was counted, or is too quiet for it; or nothing of it is known yet."""
    if order.order_code in seen.doubtful or order.order_code in seen.progress.in_full:
        return False
    if not order.has_line:
        return not order.shown
    return order.order_code in seen.told or order.order_code in seen.progress.counted


def _orders(seen: View, counted: frozenset[str]) -> Iterator[Order]:
    """The orders of the stage, those with the most to find first, loaded one by one."""
    trusted = seen.trusted
    audited = set(seen.progress.audited) if trusted else set(seen.told) - _fallen(seen)
    if trusted and not seen.progress.stage:
        few = (one for one in seen.orders if _is_few(seen, one) and counting.is_time(one, one.last_asked_at, seen.now))
        audited.update(one.order_code for one in few)
    spare = _spare(seen, counted)
    missing: dict[str, dict[str, int]] = {}
    for one in seen.orders:
        code = one.order_code
        looked_at = seen.progress.open is None or code in seen.progress.open or code in audited
        if trusted and code in counted and looked_at:
            missing[code] = _missing(seen, code, trusted)
    known = {one.order_code: one for one in seen.orders}
    seen.progress.open = [code for code, nodes in missing.items() if any(one > 0 for one in nodes.values())]
    first = seen.progress.stage == 0
    for code in sorted(missing, key=lambda each: (-sum(max(one, 0) for one in missing[each].values()), each)):
        if first or code in audited or code in seen.progress.open:
            order = _loaded(seen, known[code], missing[code], code in audited, trusted, first)
            order, spare = _within(seen, order, spare)
            yield order
    in_full = {*seen.progress.in_full, *seen.doubtful} if trusted else audited
    for code in sorted(in_full & known.keys()):
        order = _loaded(seen, known[code], _missing(seen, code, trusted) if trusted else {}, True, trusted, False)
        order, spare = _within(seen, order, spare)
        yield replace(order, counted=not trusted)


def _fallen(seen: View) -> set[str]:
    """After a contradiction nothing is audited: all that is due is asked."""
    return set(seen.told) if seen.progress.fallen else set()


def _missing(seen: View, code: str, definition: Definition) -> dict[str, int]:
    """Node → how many passes Tuya counts that the warehouse does not know."""
    counts = seen.told.get(code, [])
    against = counting.compared(seen.conn, seen.account, code, counts, definition)
    return {node: one.tuya - one.high for node, one in against.items()}


def _loaded(
    seen: View, order: OrderUnits, missing: dict[str, int], audited: bool, trusted: Definition | None, first: bool
) -> Order:
    conn, account, code = seen.conn, seen.account, order.order_code
    lines = pass_counts.nodes(conn, account, [code]).get(code, [])
    units: Sequence[Unit] = []
    if not order.has_line:
        units = pass_counts.waiting_units(conn, account, code)
        return Order(code, (), (), {}, scouts=[one for one in units if one.last_asked_at is None][:FIRST_ASKED])
    if order.waiting:
        units = pass_counts.waiting_units(conn, account, code, failures=bool(trusted and trusted.failures))
    elif audited:
        units = pass_counts.finished_units(conn, account, code)
    looks = seen.progress.stage + 1 - seen.progress.late.get(code, 0)
    by_place = {sort: missing[node] for sort, node in lines if node in missing}
    places = [sort for sort, _ in lines]
    fed: Sequence[Unit] = ()
    if places and by_place.get(places[0], 0) > 0:
        fed = [
            unit
            for feeder in pass_counts.feeders(conn, account, code)
            for unit in pass_counts.finished_units(conn, account, feeder)
            if not _asked_by_this_run(seen, unit.last_asked_at, seen.now + CLOCKS_DIFFER)
        ]
        fed.sort(key=lambda one: (one.newest_at or seen.begun, one.sn))
    scouts = _scouts(seen, order) if first else ()
    return Order(code, places, units, by_place, fed, scouts, audited, looks=looks)


def _spare(seen: View, counted: frozenset[str]) -> int:
    """How many finished boards may be asked, so that counts and calls stay within all that are open, and a hundredth.

    What the counts of open ones will still need is expected to be as much as in the night that needed most.
    """
    most = of_last_nights(seen.conn, seen.account, seen.begun).most
    if most is None:
        return sum(one.units for one in seen.orders)
    reasons = seen.progress.reasons
    gone_on, by_counts = reasons.pop("gone_on", 0), sum(reasons.pop(reason, 0) for reason in BY_COUNTS)
    uncounted = sum(one.waiting for one in seen.orders if one.order_code not in counted)
    expected = max(by_counts, most * seen.progress.waited)
    all_open = seen.progress.all_open * (1 + counting.CHEAP)
    counts = sum(map(len, seen.told.values()))
    return int(all_open - counts - expected - max(sum(reasons.values()), uncounted) - gone_on)


def _within(seen: View, order: Order, spare: int) -> tuple[Order, int]:
    """The order with no more finished boards to ask than there is room for, and the room that is left."""
    if not order.fed:
        return order, spare
    wanted = reach(order.missing[order.places[0]], len(order.fed), order.looks)
    taken = max(min(wanted, spare), 0)
    if taken < wanted and order.code not in seen.progress.cut:
        seen.progress.cut.append(order.code)
    return replace(order, fed=order.fed[:taken]), spare - taken


def _scouts(seen: View, order: OrderUnits) -> Sequence[Unit]:
    """The boards that were finished first, of an order that was busy lately."""
    if order.line_type != BOARDS or not order.last_changed_at or seen.now - order.last_changed_at > SCOUTED_FOR:
        return ()
    finished = pass_counts.finished_units(seen.conn, seen.account, order.order_code)
    return sorted(finished, key=lambda one: (one.newest_at or seen.begun, one.sn))[:SCOUTS]


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
