"""The plan of a run: its serial numbers and chunks, stored before the first call."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from tuyahouse.settings import Account, PlanPolicy, Settings
from tuyahouse.sync.chunks import calls_left, chunked, unpaid
from tuyahouse.sync.given import left_by_limit, names_keys, unusable_in_words, usable, with_those_given_before
from tuyahouse.sync.intake.rows import Row, shown
from tuyahouse.sync.serial_numbers import judging, stages
from tuyahouse.sync.serial_numbers.chunk import KIND
from tuyahouse.sync.serial_numbers.counting import share_of_night
from tuyahouse.sync.serial_numbers.due import overdue_before
from tuyahouse.sync.serial_numbers.register import register
from tuyahouse.sync.serial_numbers.strategies import STRATEGIES
from tuyahouse.sync.serial_numbers.strategies.situation import Choice, Situation
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

log = logging.getLogger(__name__)

REDRIVEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run was asked for: given serial numbers, those of work orders (or both), those with an open dead letter,
    or else the due ones."""

    sns: list[str] | None = None
    work_orders: list[str] | None = None
    limit: int | None = None
    dead_letters: bool = False
    strategy: str | None = None
    """Instead of the account's STRATEGY, where nothing is named."""


@dataclass(slots=True)
class Planned:
    """What was planned, and what the operator should know of it."""

    keys: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was named and cannot be asked: the run is red once it has asked the rest."""
    unpaid: str = ""
    """What tonight's share of the month's calls does not pay for, in a sentence; empty: it pays for all."""
    staged: bool = False
    """Whether more stages follow (:func:`plan_further`), once these were asked."""


def plan_run(
    warehouse: Warehouse, settings: Settings, account: Account, run: runs.Run, wanted: Wanted, now: datetime
) -> Planned:
    """Store the run's chunks, all or none, in the order in which they should be asked; memory stays flat.

    A run that continues plans anew what it has not asked since its first start: what became due since is included, up
    to ``limit`` in all. It keeps to the serial numbers and work orders that it was given; more may be added. Given
    serial numbers that are not registered get registered, until Tuya says that it does not know them. What the month's
    calls do not pay for is planned too, and reported in the notes: the run stops when they are used up, and its run key
    continues once there are more.
    """
    run_id, now_given = run.run_id, wanted
    wanted = _with_those_given_before(warehouse, run, wanted)
    if not _names(now_given):
        now_given = wanted
    problems = unusable_in_words("serial numbers", now_given.sns or ())
    if wanted.sns is not None:
        wanted = replace(wanted, sns=usable(wanted.sns))
        given = (Row("", sn) for sn in wanted.sns or ())
        register(warehouse, account.name, given, registry.ASKED_FOR, now=lambda: now)
    paid = None if _names(wanted) else tonights_calls(warehouse, account, now)
    reasons: Counter[str] = Counter()
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = stages.view(source, account.name, run, now) if _is_staged(wanted, account) else None
        kept = (lambda keys: True) if seen and seen.trusted and seen.progress.stage else (lambda keys: False)
        going_on = run_chunks.continue_plan(conn, run_id, kept)
        new = registry_keys(source, account, settings.plan, wanted, now, going_on, seen, reasons)
        keys = islice(new, None if wanted.limit is None else max(0, wanted.limit - going_on.planned))
        affordable = islice(keys, paid)
        planned = Planned(run_chunks.add_chunks(conn, run_id, chunked(affordable, settings.chunk_size), going_on.first))
        waiting = sum(1 for _ in keys) if paid is not None else 0
        if _names(wanted):
            planned.notes += left_by_limit(wanted.limit, new)
        if seen:
            stages.planned(conn, run_id, seen.progress, reasons)
        strange = _without_units(source, account.name, map(clean_text, now_given.work_orders or ()))
        empty = not planned.keys and not going_on.planned and registry.is_empty(source, account.name)
        ahead = 0 if _names(wanted) else registry.asked_after(source, account.name, now + CLOCKS_DIFFER)
    planned.staged = seen is not None
    if ahead:
        planned.notes.append(
            f"{ahead:,} serial numbers are stored as asked after {now:%Y-%m-%d %H:%M} UTC, the present of this run: "
            "a run was given another present, or a clock was wrong. They are due now."
        )
    planned.problems += problems
    if strange:
        planned.problems.append(
            f"The registry holds no serial number of these work orders: {shown(', '.join(strange), 200)}. "
            f"Tuya does not list them: `tuyahouse sn add -a {account.name} FILE --work-order …` registers them."
        )
    elif empty:
        planned.notes.append(
            f"No serial number of {account.name} is registered in {warehouse.name}. Tuya does not list them: "
            f"`tuyahouse sn add -a {account.name} FILE` registers them."
        )
    if _names(wanted):
        planned.notes += unpaid(account, planned.keys, calls_left(warehouse, account, now))
    elif waiting:
        planned.unpaid = not_tonight(account, planned.keys, waiting)
    return planned


def plan_further(
    warehouse: Warehouse, settings: Settings, account: Account, run: runs.Run, wanted: Wanted, now: datetime
) -> Planned:
    """Store the chunks of the next stage of a run that pass counts decide about; no keys: it has asked all it has to.

    Once nothing is left, the counts are judged by what has landed. What that brings to ask is a stage too.
    """
    if not is_staged(warehouse, run, wanted, account):
        return Planned()
    paid = tonights_calls(warehouse, account, now)
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = stages.view(source, account.name, run, now)
        going_on = run_chunks.continue_plan(conn, run.run_id, lambda keys: True)
        planned = _stage(source, conn, settings, account, wanted, seen, going_on, run.run_id, paid)
        if not planned.keys and not planned.unpaid:
            verdict = judging.judge(seen, run.run_id)
            note = judging.conclude(conn, account.name, verdict, seen, now)
            if seen.progress.stage < stages.MOST and (verdict.suspicious or verdict.contradiction):
                planned = _stage(source, conn, settings, account, wanted, seen, going_on, run.run_id, paid)
            planned.notes += [note] if note else []
            stages.store_progress(conn, run.run_id, seen.progress)
    if not planned.keys and (came_to := stages.in_words(seen.progress)):
        log.info("%s", came_to)
    return planned


def _stage(
    source: Connection,
    conn: Connection,
    settings: Settings,
    account: Account,
    wanted: Wanted,
    seen: stages.View,
    going_on: run_chunks.Continued,
    run_id: str,
    paid: int | None,
) -> Planned:
    reasons: Counter[str] = Counter()
    if seen.progress.stage >= stages.MOST:
        return Planned()
    new = registry_keys(source, account, settings.plan, wanted, seen.now, going_on, seen, reasons)
    keys = islice(new, None if wanted.limit is None else max(0, wanted.limit - going_on.planned))
    affordable = islice(keys, paid)
    planned = Planned(run_chunks.add_chunks(conn, run_id, chunked(affordable, settings.chunk_size), going_on.first))
    if paid is not None and (waiting := sum(1 for _ in keys)):
        planned.unpaid = not_tonight(account, planned.keys, waiting)
    stages.planned(conn, run_id, seen.progress, reasons)
    return planned


def strategy_of(wanted: Wanted, account: Account) -> str:
    """The name of the strategy by which the run chooses."""
    return wanted.strategy or account.strategy


def _is_staged(wanted: Wanted, account: Account) -> bool:
    return not _names(wanted) and strategy_of(wanted, account) == "pass_counts"


def is_staged(warehouse: Warehouse, run: runs.Run, wanted: Wanted, account: Account) -> bool:
    """Whether the run is planned in stages: it chooses by pass counts, and was given nothing at an earlier start."""
    if not _is_staged(wanted, account):
        return False
    with warehouse.read() as conn:
        before = runs.parameters_of(conn, run.run_id)
    return not names_keys(before, ("sns", "work_orders"))


def tonights_calls(warehouse: Warehouse, account: Account, now: datetime) -> int | None:
    """What is left of tonight's share of the month's calls; None without a limit."""
    left = calls_left(warehouse, account, now)
    if left is None:
        return None
    today = warehouse.slots.calls_today(account.name, now)
    return max(0, share_of_night(left + today, now) - today)


def not_tonight(account: Account, planned: int, waiting: int) -> str:
    """What tonight's share of the month's calls does not pay for."""
    setting = f"TUYAHOUSE_ACCOUNTS__{account.name.upper()}__MONTHLY_CALLS"
    return (
        f"Tonight's share of the month's calls pays for {planned:,} of {planned + waiting:,} serial numbers: the "
        f"others wait for the nights to come. Raise {setting} to ask more."
    )


def registry_keys(
    conn: Connection,
    account: Account,
    policy: PlanPolicy,
    wanted: Wanted,
    now: datetime,
    going_on: run_chunks.Continued,
    seen: stages.View | None,
    reasons: Counter[str],
) -> Iterator[str]:
    """The serial numbers that a run has yet to plan and ask, in planner order, pulled one by one.

    ``reasons`` counts them by why they were chosen.
    """
    if _names(wanted):
        candidates = _chosen(conn, account.name, wanted)
        return (one.sn for one in candidates if going_on.is_new(one.sn, one.last_asked_at))
    if seen:
        situation = stages.situation(seen, account, policy)
        choose = STRATEGIES["pass_counts" if seen.trusted or not seen.progress.fallen else "stale"]
    else:
        situation = _situation(conn, account, policy, now, going_on)
        choose = STRATEGIES[strategy_of(wanted, account)]
    return _counted(choose(situation), going_on, reasons)


def _counted(choices: Iterator[Choice], going_on: run_chunks.Continued, reasons: Counter[str]) -> Iterator[str]:
    for one in choices:
        if one.sn not in going_on.kept:
            reasons[one.reason] += 1
            yield one.sn


def _situation(
    conn: Connection, account: Account, policy: PlanPolicy, now: datetime, going_on: run_chunks.Continued
) -> Situation:
    """What a strategy is given that needs no counts."""

    def candidates(counted: frozenset[str]) -> Iterator[registry.Candidate]:
        found = registry.candidates(conn, account.name)
        return (one for one in found if going_on.is_new(one.sn, one.last_asked_at))

    before = overdue_before(now, timedelta(days=account.max_staleness_days))
    return Situation(now=now, policy=policy, overdue_before=before, candidates=candidates, begun=now)


def _names(wanted: Wanted) -> bool:
    """Whether it names what is asked, so that nothing is chosen for being due."""
    return wanted.dead_letters or wanted.sns is not None or wanted.work_orders is not None


def _chosen(conn: Connection, account: str, wanted: Wanted) -> Iterator[registry.Candidate]:
    """Serial numbers that are asked whether due or not."""
    if wanted.dead_letters:
        return _refused(conn, account)
    return _named(conn, account, wanted.sns or [], wanted.work_orders or [])


def _with_those_given_before(warehouse: Warehouse, run: runs.Run, wanted: Wanted) -> Wanted:
    """What the run was given at its earlier starts as well, which it remembers."""
    if wanted.dead_letters:
        return wanted
    with landing(warehouse, run) as conn:
        given = with_those_given_before(conn, run.run_id, {"sns": wanted.sns, "work_orders": wanted.work_orders})
    return replace(wanted, sns=given["sns"], work_orders=given["work_orders"])


def _refused(conn: Connection, account: str) -> Iterator[registry.Candidate]:
    """Serial numbers with an open dead letter, in batches."""
    for some in chunked(dead_letters.open_keys(conn, account, KIND), REDRIVEN_AT_ONCE):
        yield from registry.candidates(conn, account, sns=some)


def _named(conn: Connection, account: str, sns: list[str], orders: list[str]) -> Iterator[registry.Candidate]:
    """Given serial numbers, then those of the work orders that were not among them."""
    given = frozenset(sns)
    if sns:
        yield from registry.candidates(conn, account, sns=sns)
    if orders:
        of_orders = registry.candidates(conn, account, orders=orders)
        yield from (found for found in of_orders if found.sn not in given)


def _without_units(conn: Connection, account: str, orders: Iterable[str]) -> list[str]:
    """Work orders of which the registry holds no serial number."""
    return [order for order in orders if next(registry.listing(conn, account, work_order=order, limit=1), None) is None]
