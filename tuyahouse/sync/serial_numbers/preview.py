"""What tonight would ask, by the account's strategy, before a call is made.

What is due by time, the pass counts to ask and the work orders to audit are read as a run reads them. How many serial
numbers the counts will let be asked nobody knows before: that is expected to be what it was in the last nights.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tuyahouse.settings import Account, PlanPolicy
from tuyahouse.sync.serial_numbers import counting, stages, to_count
from tuyahouse.sync.serial_numbers.budget import for_counts
from tuyahouse.sync.serial_numbers.due import NIGHT, overdue_before, waited_since
from tuyahouse.sync.serial_numbers.experience import Experience, of_last_nights
from tuyahouse.sync.serial_numbers.outlook import Usual
from tuyahouse.sync.serial_numbers.progress import Progress
from tuyahouse.sync.serial_numbers.strategies import STRATEGIES
from tuyahouse.sync.serial_numbers.strategies.situation import REASONS, Situation
from tuyahouse.sync.serial_numbers.view import view_at
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.serial_numbers import order_units, registry
from tuyahouse.warehouse.serial_numbers.pass_counts import Trust

MOVED_SHARE = 0.1
"""The share of the open ones that is taken to move in a night, before any night has told."""
USUAL_NODES = 8
"""Nodes of a work order whose craft line is not known yet."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A night of serial numbers."""

    strategy: str
    chosen: Mapping[str, int]
    """Serial numbers by why they are asked (keys of REASONS), in the order in which a budget is spent."""
    counts: int = 0
    """Pass counts to ask."""
    trust: Trust | None = None
    """How far the counts are trusted; None where they do not matter."""
    audited: int = 0
    """Work orders that are asked in full to check their counts."""
    unpaid_counts: int = 0
    """Work orders whose counts tonight's share does not pay for."""
    guessed: bool = False
    """Whether what the counts let be asked is a guess, as no night has told yet."""


def of_tonight(
    conn: Connection, account: Account, policy: PlanPolicy, now: datetime, paid: int | None = None
) -> Preview:
    """By the account's strategy; ``paid`` is what is left of tonight's share of the month's calls."""
    if account.strategy == "pass_counts":
        return _by_counts(conn, account, policy, now, paid)
    candidates = lambda counted: registry.candidates(conn, account.name)  # noqa: E731 - no counts decide
    before = overdue_before(now, timedelta(days=account.max_staleness_days))
    situation = Situation(now=now, policy=policy, overdue_before=before, candidates=candidates, begun=now)
    return Preview(account.strategy, _counted(situation, account.strategy))


def _by_counts(conn: Connection, account: Account, policy: PlanPolicy, now: datetime, paid: int | None) -> Preview:
    seen = view_at(conn, account.name, now, now, Progress())
    asked = to_count.counts_to_ask(seen, for_counts(paid))
    audited = {code for code, _ in asked.pairs}
    if not seen.trusted:
        seen.told = {code: [] for code in audited}
        chosen = _counted(stages.situation(seen, account, policy), "pass_counts")
        return Preview("pass_counts", chosen, len(asked.pairs), seen.trust, len(audited))
    seen.progress.counted = [one.order_code for one in seen.orders if one.order_code not in asked.unpaid]
    by_time = _counted(replace(stages.situation(seen, account, policy), orders=()), "pass_counts")
    lately = of_last_nights(conn, account.name, now)
    waiting = sum(one.waiting for one in seen.orders if one.order_code in audited)
    moved = round(MOVED_SHARE * waiting if lately.asked is None else lately.asked) if asked.pairs else 0
    in_full = sum(one.waiting for one in seen.orders if one.order_code in asked.in_full)
    chosen = {**by_time, "moved": moved, "uncounted": in_full}
    return Preview(
        "pass_counts",
        {reason: chosen[reason] for reason in REASONS if chosen.get(reason)},
        len(asked.pairs) + USUAL_NODES * len(to_count.lines_to_ask(seen)),
        seen.trust,
        unpaid_counts=len(asked.unpaid),
        guessed=lately.asked is None,
    )


def _counted(situation: Situation, strategy: str) -> dict[str, int]:
    counts = Counter(one.reason for one in STRATEGIES[strategy](situation))
    return {reason: counts[reason] for reason in REASONS if counts[reason]}


def usual(conn: Connection, account: Account, policy: PlanPolicy, now: datetime, tonight: Preview) -> Usual:
    """What the nights to come will find, as far as it is known today."""
    states = registry.counts(conn, account.name)
    lately = of_last_nights(conn, account.name, now)
    orders = [one for one in order_units.orders(conn, account.name) if one.has_line and one.waiting]
    counts = sum(len(one.nodes) for one in counting.wanted_counts(conn, account.name, orders, now, now))
    open_ = sum(states.values()) - states.get("finished", 0) - states.get("unknown", 0)
    return Usual(
        open=open_,
        again=tonight.chosen.get("finished", 0) + tonight.chosen.get("unknown", 0),
        counts=counts,
        by_counts=_by_counts_a_night(lately, open_),
        open_nights=max(-(-(now - waited_since(now, policy.open_after)) // NIGHT), 1),
        most_nights=max(account.max_staleness_days - 1, 1),
    )


def _by_counts_a_night(lately: Experience, open_: int) -> int:
    """What counts would let be asked: as they did; else what moved; else a guess."""
    return round(next(value for value in (lately.asked, lately.moved, MOVED_SHARE * open_) if value is not None))
