"""The plan of a run: its serial numbers and chunks, stored before the first call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from tuyahouse.settings import Account, PlanPolicy, Settings
from tuyahouse.sync.chunks import calls_left, chunked, unpaid
from tuyahouse.sync.given_keys import left_by_limit, names_keys, unusable_in_words, usable, with_those_given_before
from tuyahouse.sync.intake.rows import Row, shown
from tuyahouse.sync.serial_numbers import judging, stages
from tuyahouse.sync.serial_numbers.budget import not_tonight, tonights_calls
from tuyahouse.sync.serial_numbers.chunk import KIND
from tuyahouse.sync.serial_numbers.due import overdue_before
from tuyahouse.sync.serial_numbers.progress import Progress, progress_of, store_progress
from tuyahouse.sync.serial_numbers.register import register
from tuyahouse.sync.serial_numbers.strategies import STRATEGIES
from tuyahouse.sync.serial_numbers.strategies.situation import Choice, Situation
from tuyahouse.sync.serial_numbers.view import View, view
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

REDRIVEN_AT_ONCE = 1000
NAMED = "named"
"""Why a serial number is asked that was given."""


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
    """What was planned, and what the operator should know about it."""

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
    named = _names(wanted)
    paid = None if named else tonights_calls(warehouse, account, now)
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = view(source, account.name, run, now) if _is_staged(wanted, account) else None
        progress = seen.progress if seen else progress_of(source, run_id)
        kept = bool(seen and seen.trusted and progress.stage)
        going_on = run_chunks.continue_plan(conn, run_id, lambda keys: kept)
        progress.forget(going_on.dropped)
        planned, waiting = Planned(staged=seen is not None), 0
        if not (kept and going_on.kept):  # what is left of a stage is asked before the next one is planned
            choices = _choices(source, account, settings.plan, wanted, now, going_on, seen)
            planned.keys, waiting = _add(conn, run_id, settings, wanted, going_on, progress, choices, paid)
            progress.stage += 1
            if named:
                planned.notes += left_by_limit(wanted.limit, choices)
        if not named:
            progress.strategy = strategy_of(wanted, account)
            store_progress(conn, run_id, progress)
        strange = _without_units(source, account.name, map(clean_text, now_given.work_orders or ()))
        empty = not planned.keys and not going_on.planned and registry.is_empty(source, account.name)
        ahead = 0 if named else registry.asked_after(source, account.name, now + CLOCKS_DIFFER)
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
    if named:
        planned.notes += unpaid(account, planned.keys, calls_left(warehouse, account, now))
    elif waiting:
        planned.unpaid = not_tonight(account, planned.keys, waiting)
    return planned


def plan_further(
    warehouse: Warehouse, settings: Settings, account: Account, run: runs.Run, wanted: Wanted, now: datetime
) -> Planned:
    """Store the chunks of the next stage of a run that pass counts decide about; no keys: it has asked all it has to.

    Once nothing is left that is paid for, the counts are judged by what has landed. What that brings to ask is a stage
    too.
    """
    if not is_staged(warehouse, run, wanted, account):
        return Planned()
    paid = tonights_calls(warehouse, account, now)
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = view(source, account.name, run, now)
        going_on = run_chunks.continue_plan(conn, run.run_id, lambda keys: True)
        planned = _stage(source, conn, settings, account, wanted, seen, going_on, run.run_id, paid)
        if not planned.keys:
            verdict = judging.judge(seen, run.run_id, whole=not planned.unpaid)
            note = judging.conclude(conn, account.name, verdict, seen, now)
            if verdict.suspicious or verdict.contradiction:
                planned = _stage(source, conn, settings, account, wanted, seen, going_on, run.run_id, paid)
            planned.notes += [note] if note else []
        store_progress(conn, run.run_id, seen.progress)
    return planned


def _stage(
    source: Connection,
    conn: Connection,
    settings: Settings,
    account: Account,
    wanted: Wanted,
    seen: View,
    going_on: run_chunks.Continued,
    run_id: str,
    paid: int | None,
) -> Planned:
    if seen.progress.stage >= stages.MOST:
        return Planned()
    choices = _choices(source, account, settings.plan, wanted, seen.now, going_on, seen)
    keys, waiting = _add(conn, run_id, settings, wanted, going_on, seen.progress, choices, paid)
    seen.progress.stage += 1
    return Planned(keys, unpaid=not_tonight(account, keys, waiting) if waiting else "")


def _add(
    conn: Connection,
    run_id: str,
    settings: Settings,
    wanted: Wanted,
    going_on: run_chunks.Continued,
    progress: Progress,
    choices: Iterator[Choice],
    paid: int | None,
) -> tuple[int, int]:
    """Store what was chosen as chunks, up to the limit and to what is paid for.

    Returns how many serial numbers were planned, and how many are not paid for.
    """
    within = islice(choices, None if wanted.limit is None else max(0, wanted.limit - going_on.planned))
    keys = progress.noting(islice(within, paid), going_on.first, settings.chunk_size)
    planned = run_chunks.add_chunks(conn, run_id, chunked(keys, settings.chunk_size), going_on.first)
    return planned, progress.unpaid(within) if paid is not None else 0


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


def _choices(
    conn: Connection,
    account: Account,
    policy: PlanPolicy,
    wanted: Wanted,
    now: datetime,
    going_on: run_chunks.Continued,
    seen: View | None,
) -> Iterator[Choice]:
    """The serial numbers that a run has yet to plan and ask, in planner order, pulled one by one."""
    if _names(wanted):
        candidates = _chosen(conn, account.name, wanted)
        return (Choice(one.sn, NAMED) for one in candidates if going_on.is_new(one.sn, one.last_asked_at))
    if seen:
        situation = stages.situation(seen, account, policy)
        choose = STRATEGIES["pass_counts" if seen.trusted or not seen.progress.fallen else "stale"]
    else:
        situation = _situation(conn, account, policy, now, going_on)
        choose = STRATEGIES[strategy_of(wanted, account)]
    return (one for one in choose(situation) if one.sn not in going_on.kept)


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
    """Whether the keys are given, so that none is chosen because it is due."""
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
