"""Reconciliation: learn which commands exist, and compare what API and messages report, set by set in SQL."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tuyahouse.settings import CommandPolicy
from tuyahouse.sync.commands.rules import BACK_AFTER, SETTLED, VERDICTS
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.commands.verdicts import Rules, judge_set
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

SET_SIZE = 50_000
"""Commands decided in one statement and one transaction, so that memory, locks and SQLite's log stay flat."""

OBSERVATIONS_A_SET = 3 * SET_SIZE


def rules_of(policy: CommandPolicy, back_after: timedelta = BACK_AFTER) -> Rules:
    """The table of verdicts and the account's times, as the warehouse takes them."""
    return Rules(
        verdicts={str(kind): cells for kind, cells in VERDICTS.items()},
        settled=SETTLED,
        deadline=policy.deadline,
        deadline_by_product_type=policy.deadline_by_product_type,
        give_up_after=policy.give_up_after,
        back_after=back_after,
    )


def reconcile(
    warehouse: Warehouse,
    run: runs.Run,
    rules: Rules,
    *,
    now: datetime,
    set_size: int = SET_SIZE,
) -> int:
    """Decide every command of the run's account; returns how many verdicts or statuses changed.

    Commits after every set. Depends only on the stored rows and ``now``: after a crash it can simply run again.
    """

    def decide(conn: Connection, above: str, up_to: str) -> int:
        return judge_set(conn, run.account, above, up_to, rules, now=now, run_id=run.run_id)

    return _each_set(warehouse, run, records.highest, set_size, decide)


def learn_observed(warehouse: Warehouse, run: runs.Run, *, set_size: int = OBSERVATIONS_A_SET) -> int:
    """Follow every command that a message reports; returns how many are new. Commits after every set."""

    def learn(conn: Connection, above: str, up_to: str) -> int:
        return records.learn_observed(conn, run.account, above, up_to, run.run_id)

    return _each_set(warehouse, run, records.highest_observed, set_size, learn)


def _each_set(
    warehouse: Warehouse,
    run: runs.Run,
    highest: Callable[[Any, str, str, int], str | None],
    size: int,
    work: Callable[[Any, str, str], int],
) -> int:
    """Call ``work`` for one range of record numbers after the other, each in a transaction; returns the sum."""
    above, done = "", 0
    while True:
        with landing(warehouse, run) as conn:
            up_to = highest(conn, run.account, above, size)
            if up_to is None:
                return done
            done += work(conn, above, up_to)
        above = up_to
