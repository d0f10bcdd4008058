"""Ask the units that Tuya's pass counts say moved, the likeliest first, until the counts are explained.

A count tells how many units passed a node. Those that wait for that node are asked in the order of their arrival, as
many as the count is ahead of the warehouse. Answers land, and the next stage sees what is still missing: it asks
further down the queue, in growing steps, until nothing is missing or all were asked. So units that were overtaken,
after a failure say, are asked before those behind them.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from math import ceil

from tuyahouse.sync.serial_numbers.state import State
from tuyahouse.sync.serial_numbers.strategies.situation import Choice, Order, Situation, Unit
from tuyahouse.sync.serial_numbers.strategies.stale import reason_to_ask

AT_ONCE = ("overdue", "new")
"""Reasons that come before what counts tell."""
SAMPLED = 2
"""Units asked beyond what the counts explain, at each node where some wait, so that counts that lie are found out."""
GROWTH = 1.6
"""By how much further down a queue each stage looks for what is missing."""
ALL_LEFT = 4
"""The look at an order that asks all that wait where something is still missing: arrival does not tell there."""
MOST_OF_A_QUEUE = 0.5
"""Where a later stage would ask a larger share of what waits, it asks all: failures are not counted."""
QUIET = timedelta(hours=60)
"""A unit that has not moved for so long while others did may have been given up: it comes after the others."""
_NEVER = datetime.min.replace(tzinfo=UTC)


def choose(situation: Situation) -> Iterator[Choice]:
    """Overdue and never asked ones, then order by order, then those of orders without counts whose time has come.

    While counts decide about no order, those are first that are asked in full to check them.
    """
    chosen: set[str] = set()  # a finished board may be looked for in its own order and in the one it goes on in
    by_time = _by_time(situation, chosen)
    later: Iterator[Choice] = by_time
    if situation.counted:
        for one in by_time:
            if one.reason not in AT_ONCE:
                later = chain((one,), by_time)
                break
            yield one
    for order in situation.orders:
        for one in _of_order(order, situation):
            if one.sn not in chosen:
                chosen.add(one.sn)
                yield one
    yield from (one for one in later if one.sn not in chosen)


def _by_time(situation: Situation, chosen: Collection[str]) -> Iterator[Choice]:
    for one in situation.candidates(situation.counted):
        if one.sn not in chosen and (reason := reason_to_ask(one, situation)):
            yield Choice(one.sn, reason)


def _of_order(order: Order, situation: Situation) -> Iterator[Choice]:
    """Units that come by time are asked anyway: they take their turn in a queue, and are not chosen again."""
    open_ = [one for one in order.units if not _asked(one, situation)]
    if order.audited:
        why = "audited" if order.counted else "uncounted"
        yield from (Choice(one.sn, why) for one in open_ if not _comes_by_time(one, order, situation))
        yield from (Choice(one.sn, "gone_on") for one in order.fed)
        yield from (Choice(one.sn, "sampled") for one in order.scouts)
        return
    queues: dict[int | None, list[Unit]] = {}
    for one in open_:
        queues.setdefault(_waits_for(one, order.places), []).append(one)
    taken: set[str] = set()
    for position, place in enumerate(order.places):
        queue = _in_turn(queues.get(place, ()))
        if position == 0:
            queue += order.fed
        missing = max(order.missing.get(place, 0), 0)
        if missing and not queue and order.looks > 1:
            queue = [one for before in reversed(order.places[:position]) for one in queues.get(before, ())]
        queue = [one for one in queue if one.sn not in taken]
        size = reach(missing, len(queue), order.looks)
        extra = SAMPLED if order.looks == 1 and place in order.missing else 0
        for turn, one in enumerate(queue[: size + extra]):
            if one.state == State.FINISHED:
                yield Choice(one.sn, "gone_on" if turn < size else "sampled")
            elif not _comes_by_time(one, order, situation):
                yield Choice(one.sn, "moved" if turn < size else "sampled")
        taken.update(one.sn for one in queue[: size + extra])
    yield from (Choice(one.sn, "sampled") for one in order.scouts if one.sn not in taken)


def furthest(missing: int | None, looks: int) -> int | None:
    """How many units of a queue may be chosen, unless that is most of it; None: all. ``missing`` is None without a
    count."""
    if missing and missing > 0 and looks >= ALL_LEFT:
        return None
    return ceil(max(missing or 0, 0) * GROWTH ** (looks - 1)) + (SAMPLED if looks == 1 and missing is not None else 0)


def reach(missing: int, waiting: int, looks: int) -> int:
    """How many units of a queue to ask for what is missing."""
    size = ceil(missing * GROWTH ** (looks - 1))
    if missing and looks > 1 and (looks >= ALL_LEFT or size > MOST_OF_A_QUEUE * waiting):
        return waiting
    return min(size, waiting)


def _waits_for(one: Unit, places: Sequence[int]) -> int | None:
    """The place of the next node that would count the unit."""
    return next((place for place in places if one.place is None or place > one.place), None)


def _in_turn(units: Iterable[Unit]) -> list[Unit]:
    """By arrival; those that stand still while others pass come last. Units without a step: by serial number."""
    return sorted(units, key=lambda one: (_stood_still(one), _arrival(one)))


def _arrival(one: Unit) -> tuple[datetime, str]:
    return one.newest_at or _NEVER, one.sn


def _stood_still(one: Unit) -> bool:
    """Whether it was asked after it had stood still for long: it was found where it was."""
    asked, newest = one.last_asked_at, one.newest_at
    return asked is not None and newest is not None and asked - newest > QUIET


def _comes_by_time(one: Unit, order: Order, situation: Situation) -> bool:
    """Whether it is among the candidates that come first, although counts may decide about its order."""
    if not situation.counted:
        return False
    listed = order.code not in situation.counted or (one.last_asked_at or one.added_at) <= situation.overdue_before
    return listed and bool(reason_to_ask(one, situation))


def _asked(one: Unit, situation: Situation) -> bool:
    return one.last_asked_at is not None and one.last_asked_at >= situation.begun
