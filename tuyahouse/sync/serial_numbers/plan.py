"""The plan of a run: which serial numbers, in which chunks, stored before the first call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from tuyahouse.settings import Account, PlanPolicy, Settings
from tuyahouse.sync.chunks import calls_left, chunked
from tuyahouse.sync.intake.rows import Row, entry, shown
from tuyahouse.sync.serial_numbers.chunk import KIND
from tuyahouse.sync.serial_numbers.due import select_due
from tuyahouse.sync.serial_numbers.register import register
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import dead_letters, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run was asked for: given serial numbers, those of work orders (or both), those with an open dead letter, or
    else the due ones."""

    sns: list[str] | None = None
    work_orders: list[str] | None = None
    limit: int | None = None
    dead_letters: bool = False


@dataclass(slots=True)
class Planned:
    """What was planned, and what the operator should know of it."""

    keys: int = 0
    notes: list[str] = field(default_factory=list)


def plan_run(
    warehouse: Warehouse, settings: Settings, account: Account, run_id: str, wanted: Wanted, now: datetime
) -> Planned:
    """Store the run's chunks, all or none, in the order in which they should be asked; memory stays flat.

    Given serial numbers that the registry does not hold are registered. What the month's calls do not pay for is
    planned too, and said in the notes: the run stops where they are used up, and its run key goes on once there are more.
    """
    refused = 0
    if wanted.sns is not None:
        given = [entry(f"item {number}", sn) for number, sn in enumerate(wanted.sns, 1)]
        refused = register(warehouse, account.name, iter(given), "asked for", now=lambda: now).refused_count
        wanted = replace(wanted, sns=[item.sn for item in given if isinstance(item, Row)])
    left = calls_left(warehouse, account, now)
    with warehouse.read() as source, warehouse.begin() as conn:
        keys = islice(registry_keys(source, account, settings.plan, wanted, now), wanted.limit)
        planned = Planned(runs.add_chunks(conn, run_id, chunked(keys, settings.chunk_size)))
        strange = _without_units(source, account.name, wanted.work_orders or ())
    if strange:
        planned.notes.append(
            f"The registry holds no serial number of these work orders: {shown(', '.join(strange), 200)}. "
            f"Tuya does not list them: `tuyahouse sn add -a {account.name} FILE --work-order …` registers them."
        )
    if refused:
        planned.notes.append(f"{refused:,} of the given serial numbers cannot be any: ops_dead_letter says why.")
    if left is not None and planned.keys > left:
        planned.notes.append(
            f"The month's calls pay for {left:,} of {planned.keys:,}. "
            f"Raise TUYAHOUSE_ACCOUNTS__{account.name.upper()}__MONTHLY_CALLS, or wait for the next month."
        )
    return planned


def registry_keys(
    conn: Connection, account: Account, policy: PlanPolicy, wanted: Wanted, now: datetime
) -> Iterator[str]:
    """The serial numbers a run wants, in planner order, pulled one by one."""
    if wanted.dead_letters:
        return dead_letters.open_keys(conn, account.name, KIND)
    if wanted.sns is not None or wanted.work_orders is not None:
        return _named(conn, account.name, wanted.sns or [], wanted.work_orders or [])
    return select_due(registry.candidates(conn, account.name), now, policy, None)


def _named(conn: Connection, account: str, sns: list[str], orders: list[str]) -> Iterator[str]:
    """Given serial numbers, then those of the work orders that were not among them."""
    given = frozenset(sns)
    if sns:
        yield from (found.sn for found in registry.candidates(conn, account, sns=sns))
    if orders:
        of_orders = registry.candidates(conn, account, orders=orders)
        yield from (found.sn for found in of_orders if found.sn not in given)


def _without_units(conn: Connection, account: str, orders: Iterable[str]) -> list[str]:
    """Work orders of which the registry holds no serial number."""
    return [order for order in orders if next(registry.listing(conn, account, work_order=order, limit=1), None) is None]
