"""The stages of a run whose strategy is ``pass_counts``: count, plan, ask, and plan again with what has landed.

Each stage is planned from the warehouse alone and stored with its chunks in one transaction, so that a run that is
killed goes on with the stage it had. When nothing is left to ask, the counts are judged: those that agreed for some
nights in a row are used from then on; a single contradiction ends that at once, and this night asks all that is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial

from tuyahouse.settings import Account, PlanPolicy
from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import DEFINITIONS, NIGHTS, Definition
from tuyahouse.sync.serial_numbers.due import overdue_before
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
_STAGES = "stages"


@dataclass(slots=True)
class Progress:
    """How far the stages of a run are; stored with its parameters."""

    stage: int = 0
    counted: list[str] = field(default_factory=list)
    """Work orders whose counts were asked, or that need none."""
    open: list[str] | None = None
    """Work orders that the next stage looks at; None: all."""
    audited: list[str] = field(default_factory=list)
    fallen: bool = False
    late: dict[str, int] = field(default_factory=dict)
    """Work orders that were counted after some stages, and after how many."""
    reasons: dict[str, int] = field(default_factory=dict)
    """How many serial numbers were planned, by why."""
    counts: int = 0
    """Pass counts that were told."""


def progress_of(conn: Connection, run_id: str) -> Progress:
    """Where the stages of the run are."""
    stored = runs.parameters_of(conn, run_id).get(_STAGES) or {}
    return Progress(**stored)


def store_progress(conn: Connection, run_id: str, progress: Progress) -> None:
    """Store it, in the transaction that adds the chunks of the stage."""
    runs.set_parameters(conn, run_id, {**runs.parameters_of(conn, run_id), _STAGES: asdict(progress)})


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
    """Read it from the warehouse."""
    begun = runs.started_at(conn, run.run_id)
    told: dict[str, list[Count]] = {}
    for count in pass_counts.told_since(conn, account, begun):
        told.setdefault(count.order_code, []).append(count)
    before = pass_counts.newest_before(conn, account, begun)
    doubtful = {
        one.order_code for one in before if one.warehouse_count is not None and one.tuya_count > one.warehouse_count
    }
    trust, orders = pass_counts.trust(conn, account), pass_counts.orders(conn, account)
    return View(conn, account, now, begun, progress_of(conn, run.run_id), trust, orders, told, doubtful)


def lines_to_ask(seen: View) -> list[str]:
    """Work orders of which nothing is known yet: their craft lines say what to count."""
    if seen.trusted is None or seen.progress.stage:
        return []
    return [one.order_code for one in seen.orders if not one.has_line and not one.shown]


def counts_to_ask(seen: View) -> list[tuple[str, str]]:
    """(Work order, node) whose count the next stage needs: of all orders while counts are trusted, else of a few."""
    refused = seen.trust.refused_at
    if seen.progress.fallen or (
        refused and timedelta(0) <= seen.now - refused < counting.REFUSED_FOR - counting.SAME_NIGHT
    ):
        return []
    orders = [one for one in seen.orders if one.order_code not in seen.progress.counted and one.has_line]
    orders = [one for one in orders if not (seen.trusted and _is_few(seen, one))]
    if seen.trusted is None:
        if seen.progress.stage:
            return []
        orders = _to_audit(seen, orders)
    return counting.wanted_counts(seen.conn, seen.account, orders, seen.now, seen.begun)


def _is_few(seen: View, order: OrderUnits) -> bool:
    """So few units wait that asking them is cheaper than counting, and no boards come in."""
    if not 0 < order.waiting <= FEW or order.shown < order.units - FEW:
        return False
    return not pass_counts.feeders(seen.conn, seen.account, order.order_code)


def _to_audit(seen: View, orders: Sequence[OrderUnits]) -> list[OrderUnits]:
    """The orders under way that changed last, and into which no boards come: those may be made elsewhere."""
    under_way = [one for one in orders if one.waiting and one.last_changed_at and one.shown]
    under_way.sort(key=lambda one: (one.last_changed_at, one.order_code), reverse=True)
    chosen = (one for one in under_way if not pass_counts.feeders(seen.conn, seen.account, one.order_code))
    return [one for one, _ in zip(chosen, range(counting.AUDITED), strict=False)]


def situation(seen: View, account: Account, policy: PlanPolicy) -> Situation:
    """What the strategy is given for the next stage."""
    before = overdue_before(seen.now, timedelta(days=account.max_staleness_days))
    times = Times(before, seen.now - policy.finished_at_most, seen.now + CLOCKS_DIFFER)
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
    found = (
        registry.Candidate._make(row) for row in pass_counts.timed(seen.conn, seen.account, times, sorted(counted))
    )
    return (one for one in found if not _asked_by_this_run(seen, one.last_asked_at, times.ahead))


def _asked_by_this_run(seen: View, at: datetime | None, ahead: datetime) -> bool:
    """An asking that lies far ahead of the present is none of this run."""
    return at is not None and seen.begun <= at <= ahead


def _decide(seen: View, order: OrderUnits) -> bool:
    """Whether counts decide about the order: it was counted, or is too quiet for it; or nothing of it is known yet."""
    if order.order_code in seen.doubtful:
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
            yield _loaded(seen, known[code], missing[code], code in audited, trusted, first)
    if not trusted:
        for code in sorted(audited & known.keys()):
            yield _loaded(seen, known[code], {}, True, None, False)


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
        ]
    return Order(code, places, units, by_place, fed, _scouts(seen, order) if first else (), audited, looks)


def _scouts(seen: View, order: OrderUnits) -> Sequence[Unit]:
    """The boards that were finished first, of an order that was busy lately."""
    if order.line_type != BOARDS or not order.last_changed_at or seen.now - order.last_changed_at > SCOUTED_FOR:
        return ()
    finished = pass_counts.finished_units(seen.conn, seen.account, order.order_code)
    return sorted(finished, key=lambda one: (one.newest_at or seen.begun, one.sn))[:SCOUTS]


def planned(conn: Connection, run_id: str, progress: Progress, reasons: Mapping[str, int]) -> None:
    """Note that a stage was planned, in the transaction that adds its chunks."""
    progress.stage += 1
    for reason, count in reasons.items():
        progress.reasons[reason] = progress.reasons.get(reason, 0) + count
    store_progress(conn, run_id, progress)


def counted(conn: Connection, run_id: str, seen: View, wanted: Sequence[tuple[str, str]], stored: int) -> None:
    """Note which orders counts may decide about from now on: all that were looked at, but those not told in full."""
    told = {(one.order_code, one.node) for counts in seen.told.values() for one in counts}
    lacking = {order for order, node in wanted if (order, node) not in told}
    seen.progress.counts += stored
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


def in_words(progress: Progress) -> str:
    """What the strategy came to, in a sentence; empty where it had nothing to say."""
    if not progress.counts:
        return ""
    by_reason = ", ".join(f"{count:,} {reason}" for reason, count in sorted(progress.reasons.items()) if count)
    return f"{progress.counts:,} pass counts were asked. Serial numbers by why they were asked: {by_reason or 'none'}."
