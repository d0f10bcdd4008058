"""What a run of what is due came to: asked by reason, left alone by pass counts, and how far these are trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tuyahouse.settings import Account
from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import NIGHTS
from tuyahouse.sync.serial_numbers.progress import Progress, store_progress
from tuyahouse.sync.serial_numbers.strategies.situation import REASONS
from tuyahouse.sync.serial_numbers.view import View, proved, view
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers import order_units
from tuyahouse.warehouse.serial_numbers.pass_counts import Trust
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class CameTo:
    """One run in numbers."""

    strategy: str
    reasons: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    """Serial numbers that tonight's share does not pay for, by why they are to be asked."""
    counts: int = 0
    left_alone: int = 0
    """Serial numbers that are not finished and that the counts did not let be asked."""
    explained: int = 0
    """Counts, one for each work order and node, that the warehouse explains by now."""
    unexplained: int = 0
    audited: int = 0
    """Work orders that were asked in full to check their counts."""
    in_full: int = 0
    """Work orders whose counts cost more than they save: they were asked in full."""
    unpaid_counts: int = 0
    """Work orders whose counts tonight's share does not pay for."""
    trust: Trust = field(default_factory=Trust)


def sum_up(warehouse: Warehouse, account: Account, run: runs.Run, now: datetime) -> CameTo | None:
    """What the run came to; None for one that was given what to ask. It is stored with the run, in words."""
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = view(source, account.name, run, now)
        progress = seen.progress
        if not progress.strategy:
            return None
        came_to = _counted(seen) if progress.strategy == "pass_counts" else _by_age(progress)
        progress.came_to = in_words(came_to)
        store_progress(conn, run.run_id, progress)
    return came_to


def _by_age(progress: Progress) -> CameTo:
    return CameTo(progress.strategy, progress.reasons, progress.waiting)


def _counted(seen: View) -> CameTo:
    progress, told = seen.progress, [one for counts in seen.told.values() for one in counts]
    judged = [one for one in told if one.warehouse_count is not None]
    explained = sum(one.tuya_count == one.warehouse_count for one in judged)
    decided = sorted(seen.told.keys() | set(progress.counted)) if seen.trusted else []
    return CameTo(
        progress.strategy,
        progress.reasons,
        progress.waiting,
        counts=len(told),
        left_alone=order_units.unasked_since(seen.conn, seen.account, decided, seen.begun),
        explained=explained,
        unexplained=len(judged) - explained,
        audited=len(progress.audited) if seen.trusted else len(seen.told),
        in_full=len(progress.in_full),
        unpaid_counts=len(progress.unpaid_counts),
        trust=seen.trust,
    )


def in_words(came_to: CameTo) -> str:
    """In a few sentences; the first names the strategy."""
    lines = [f"By {came_to.strategy}: {_asked(came_to.reasons)}."]
    if came_to.strategy == "pass_counts":
        lines += _by_counts(came_to)
    if waiting := sum(came_to.waiting.values()):
        lines.append(f"{waiting:,} wait for the nights to come, as tonight's share of the month's calls ends here.")
    return " ".join(lines)


def _asked(reasons: Mapping[str, int]) -> str:
    named = [f"{reasons[name]:,} {name.replace('_', ' ')}" for name in REASONS if reasons.get(name)]
    return f"{sum(reasons.values()):,} serial numbers chosen ({', '.join(named)})" if named else "nothing was due"


def _by_counts(came_to: CameTo) -> list[str]:
    lines = []
    if came_to.counts:
        lines.append(
            f"{came_to.counts:,} pass counts asked, {came_to.explained:,} of them explained and "
            f"{came_to.unexplained:,} not."
        )
    if proved(came_to.trust):
        lines.append(f"They left {came_to.left_alone:,} open serial numbers alone.")
    if came_to.in_full:
        lines.append(f"{came_to.in_full:,} work orders were asked in full, as counting them costs more than it saves.")
    if came_to.unpaid_counts:
        lines.append(
            f"{came_to.unpaid_counts:,} work orders went by age: tonight's share did not pay for their counts."
        )
    return [*lines, trust_in_words(came_to.trust, came_to.audited)]


def trust_in_words(trust: Trust, audited: int = 0) -> str:
    """How far the counts of an account are trusted."""
    if trust.refused_at:
        return (
            f"Tuya refused pass counts on {trust.refused_at:%Y-%m-%d}; they are tried again after "
            f"{counting.REFUSED_FOR.days} days."
        )
    if proved(trust):
        return f"The counts are trusted ({trust.definition})" + (
            f"; {audited:,} work orders were asked in full to check them." if audited else "."
        )
    fell = f", since they were contradicted on {trust.fell_at:%Y-%m-%d} ({trust.reason})" if trust.fell_at else ""
    full = f"; {audited:,} work orders were asked in full to check them" if audited else ""
    return f"The counts are not trusted yet: they agreed on {trust.agreed} of {NIGHTS} nights{fell}{full}."


def as_rows(came_to: CameTo) -> list[dict[str, str | int]]:
    """The same as rows of a table."""
    rows: list[tuple[str, int]] = [
        (f"chosen, {name.replace('_', ' ')}: {REASONS[name]}", count)
        for name in REASONS
        if (count := came_to.reasons.get(name, 0))
    ]
    if came_to.strategy == "pass_counts":
        rows += [
            ("pass counts asked", came_to.counts),
            ("pass counts explained by the warehouse", came_to.explained),
            ("pass counts not explained", came_to.unexplained),
            ("open serial numbers left alone by the counts", came_to.left_alone),
            ("work orders asked in full to check their counts", came_to.audited),
            ("work orders asked in full, as counting them costs more than it saves", came_to.in_full),
            ("work orders whose counts tonight's share did not pay for", came_to.unpaid_counts),
            (f"nights in a row in which the counts agreed (trusted from {NIGHTS} on)", came_to.trust.agreed),
        ]
    rows += [
        (f"waiting for the nights to come, {name.replace('_', ' ')}", count)
        for name, count in came_to.waiting.items()
        if count
    ]
    return [{"what": what, "count": count} for what, count in rows]
