"""The stages of a run whose strategy is ``pass_counts``: count, plan, ask, and plan again with what has landed.

Each stage is planned from the warehouse alone and stored with its chunks in one transaction, so that a run that is
killed goes on with the stage it had. When nothing is left to ask, the counts are judged: those that agreed for some
nights in a row are used from then on; a single contradiction ends that at once, and this night asks all that is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from tuyahouse.settings import Account, PlanPolicy
from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import Definition
from tuyahouse.sync.serial_numbers.due import overdue_before, waited_since
from tuyahouse.sync.serial_numbers.experience import BY_COUNTS, of_last_nights
from tuyahouse.sync.serial_numbers.strategies.pass_counts import MOST_OF_A_QUEUE, QUIET, furthest, reach
from tuyahouse.sync.serial_numbers.strategies.situation import Order, Situation, Unit
from tuyahouse.sync.serial_numbers.to_count import is_few
from tuyahouse.sync.serial_numbers.view import View
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.serial_numbers import order_units, registry
from tuyahouse.warehouse.serial_numbers.order_units import OrderUnits, Times

BOARDS = "pcba"
"""Type of the craft lines whose finished units may go on in another work order."""
SCOUTS = 2
"""Finished boards that are asked each night to learn into which order they go."""
SCOUTED_FOR = timedelta(days=14)
FIRST_ASKED = 3
"""Units that are asked of a work order of which nothing is known yet."""
MOST = 20
"""Stages of a run at most; what is then left waits for the next night."""


def situation(seen: View, account: Account, policy: PlanPolicy) -> Situation:
    """What the strategy is given for the next stage."""
    before = overdue_before(seen.now, timedelta(days=account.max_staleness_days))
    times = _times(seen, before, waited_since(seen.now, policy.finished_at_most))
    counted = [one.order_code for one in seen.orders if _decide(seen, one)] if seen.trusted else []
    return Situation(
        now=seen.now,
        policy=policy,
        overdue_before=before,
        candidates=partial(_candidates, seen, times),
        begun=seen.begun,
        stage=seen.progress.stage + 1,
        counted=frozenset(counted),
        orders=_orders(seen, frozenset(counted), times),
    )


def _times(seen: View, overdue: datetime, finished: datetime) -> Times:
    """An asking that lies far ahead of the present is none of this run, whose first stage asks such a unit once."""
    ahead = seen.now + CLOCKS_DIFFER
    asked_until = datetime.max.replace(tzinfo=UTC) if seen.progress.stage else ahead
    return Times(overdue, finished, ahead, seen.begun, asked_until)


def _candidates(seen: View, times: Times, counted: frozenset[str]) -> Iterator[registry.Candidate]:
    return map(registry.Candidate._make, order_units.timed(seen.conn, seen.account, times, sorted(counted)))


def _decide(seen: View, order: OrderUnits) -> bool:
    """Whether counts decide about the order: it was counted, or is too quiet for it; or nothing of it is known yet."""
    if order.order_code in seen.doubtful or order.order_code in seen.progress.in_full:
        return False
    if not order.has_line:
        return not order.shown
    return order.order_code in seen.told or order.order_code in seen.progress.counted


def _orders(seen: View, counted: frozenset[str], times: Times) -> Iterator[Order]:
    """The orders of the stage, those with the most to find first, loaded one by one."""
    trusted = seen.trusted
    audited = set(seen.progress.audited) if trusted else set(seen.told) - _fallen(seen)
    if trusted and not seen.progress.stage:
        few = (one for one in seen.orders if is_few(seen, one) and counting.is_time(one, one.last_asked_at, seen.now))
        audited.update(one.order_code for one in few)
    spare = _spare(seen, counted) if trusted else 0
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
            order = _loaded(seen, known[code], missing[code], times, audited=code in audited, scouted=first)
            order, spare = _within(seen, order, spare)
            yield order
    in_full = {*seen.progress.in_full, *seen.doubtful} if trusted else audited
    for code in sorted(in_full & known.keys()):
        lacking = _missing(seen, code, trusted) if trusted else {}
        order = _loaded(seen, known[code], lacking, times, audited=True, scouted=False)
        order, spare = _within(seen, order, spare)
        yield replace(order, counted=not trusted)


def _fallen(seen: View) -> set[str]:
    """After a contradiction nothing is audited: all that is due is asked."""
    return set(seen.told) if seen.progress.fallen else set()


def _missing(seen: View, code: str, definition: Definition) -> dict[str, int]:
    """Node → how many passes Tuya counts that the warehouse does not know."""
    return {node: one.tuya - one.high for node, one in seen.compared(code, definition).items()}


def _loaded(
    seen: View, order: OrderUnits, missing: dict[str, int], times: Times, *, audited: bool, scouted: bool
) -> Order:
    conn, account, code = seen.conn, seen.account, order.order_code
    units: Sequence[Unit]
    if not order.has_line:
        units = order_units.waiting_units(conn, account, code)
        return Order(code, (), (), {}, scouts=[one for one in units if one.last_asked_at is None][:FIRST_ASKED])
    lines = order_units.nodes(conn, account, [code]).get(code, [])
    places, by_place = [sort for sort, _ in lines], {sort: missing[node] for sort, node in lines if node in missing}
    looks = seen.progress.stage + 1 - seen.progress.late.get(code, 0)
    fed: Sequence[Unit] = ()
    if places and by_place.get(places[0], 0) > 0:
        fed = [
            unit
            for feeder in order_units.feeders(conn, account, code)
            for unit in order_units.finished_units(conn, account, feeder)
            if not times.was_asked(unit.last_asked_at)
        ]
        fed.sort(key=lambda one: (one.newest_at or seen.begun, one.sn))
    if order.waiting and not audited and not fed:
        units = _queued(seen, code, places, by_place, looks)
    elif order.waiting:
        units = order_units.waiting_units(conn, account, code, failures=_failures_count(seen))
    else:
        units = order_units.finished_units(conn, account, code) if audited else []
    return Order(code, places, units, by_place, fed, _scouts(seen, order) if scouted else (), audited, looks=looks)


def _queued(
    seen: View, code: str, places: Sequence[int], missing: Mapping[int, int], looks: int
) -> Sequence[order_units.Unit]:
    """The units that the strategy may choose: of every queue those first in turn, and no others.

    Where a queue is empty at which something is missing, it looks at those before, so that all are needed.
    """
    queues = list(zip((None, *places), places, strict=False))  # the units of a place wait for the next one
    most = {place: furthest(missing.get(following), looks) for place, following in queues}
    share, failures = MOST_OF_A_QUEUE if looks > 1 else None, _failures_count(seen)
    units = order_units.first_in_turn(seen.conn, seen.account, code, most, seen.begun, QUIET, share, failures=failures)
    came = {one.place for one in units}
    if looks > 1 and any(missing.get(following, 0) > 0 and place not in came for place, following in queues):
        return order_units.waiting_units(seen.conn, seen.account, code, failures=failures)
    return units


def _failures_count(seen: View) -> bool:
    return bool(seen.trusted and seen.trusted.failures)


def _spare(seen: View, counted: frozenset[str]) -> int:
    """How many finished boards may be asked, so that counts and calls stay within all that are open, and a hundredth.

    What the counts of open ones will still need is expected to be as much as in the night that needed most. Finished
    ones whose time has come are left out: every strategy asks them.
    """
    most = of_last_nights(seen.conn, seen.account, seen.begun).most
    if most is None:
        return sum(one.units for one in seen.orders)
    reasons = seen.progress.reasons
    reasons.pop("finished", 0)
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
    finished = order_units.finished_units(seen.conn, seen.account, order.order_code)
    return sorted(finished, key=lambda one: (one.newest_at or seen.begun, one.sn))[:SCOUTS]
