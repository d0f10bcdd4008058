"""The plan of a run: its serial numbers and chunks, stored before the first call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from tuyahouse.settings import Account, PlanPolicy, Settings
from tuyahouse.sync.chunks import calls_left, chunked, unpaid
from tuyahouse.sync.given import unusable_in_words, usable, with_those_given_before
from tuyahouse.sync.intake.rows import Row, shown
from tuyahouse.sync.serial_numbers.chunk import KIND
from tuyahouse.sync.serial_numbers.due import select_due
from tuyahouse.sync.serial_numbers.register import register
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

REDRIVEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run was asked for: given serial numbers, those of work orders (or both), those with an open dead letter,
    or else the due ones."""

    sns: list[str] | None = None
    work_orders: list[str] | None = None
    limit: int | None = None
    dead_letters: bool = False


@dataclass(slots=True)
class Planned:
    """What was planned, and what the operator should know of it."""

    keys: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was named and cannot be asked: the run is red once it has asked the rest."""


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
    left = calls_left(warehouse, account, now)
    with warehouse.read() as source, landing(warehouse, run) as conn:
        going_on = run_chunks.continue_plan(conn, run_id)
        new = registry_keys(source, account, settings.plan, wanted, now, going_on)
        keys = islice(new, None if wanted.limit is None else max(0, wanted.limit - going_on.planned))
        planned = Planned(run_chunks.add_chunks(conn, run_id, chunked(keys, settings.chunk_size), going_on.first))
        strange = _without_units(source, account.name, map(clean_text, now_given.work_orders or ()))
        empty = not planned.keys and not going_on.planned and registry.is_empty(source, account.name)
        ahead = 0 if _names(wanted) else registry.asked_after(source, account.name, now + CLOCKS_DIFFER)
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
    planned.notes += unpaid(account, planned.keys, left)
    return planned


def registry_keys(
    conn: Connection,
    account: Account,
    policy: PlanPolicy,
    wanted: Wanted,
    now: datetime,
    going_on: run_chunks.Continued,
) -> Iterator[str]:
    """The serial numbers that a run has yet to plan and ask, in planner order, pulled one by one."""
    named = _names(wanted)
    candidates = _chosen(conn, account.name, wanted) if named else registry.candidates(conn, account.name)
    new = (one for one in candidates if going_on.is_new(one.sn, one.last_asked_at))
    return (one.sn for one in new) if named else select_due(new, now, policy, None)


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
