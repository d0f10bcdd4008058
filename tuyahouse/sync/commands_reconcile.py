"""Reconciliation: learn which commands there are, hold the API's word against the stream's, set by set in SQL."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tuyahouse.settings import CommandPolicy
from tuyahouse.sync.commands_rules import BACK_AFTER, SETTLED, VERDICTS
from tuyahouse.warehouse import commands
from tuyahouse.warehouse.commands_verdicts import Rules, judge_set
from tuyahouse.warehouse.warehouse import Warehouse

SET_SIZE = 50_000
"""Commands decided in one statement and one transaction: memory and locks stay flat however many there are."""


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
    account: str,
    rules: Rules,
    *,
    now: datetime,
    run_id: str,
    set_size: int = SET_SIZE,
    on_set: Callable[[int], None] = lambda changed: None,
) -> int:
    """Decide every command of the account; returns how many verdicts or statuses changed.

    Commits after every set. Depends on nothing but the stored rows and ``now``: after a crash it may simply run again.
    """
    above, changed = "", 0
    while True:
        with warehouse.begin() as conn:
            up_to = commands.highest(conn, account, above, set_size)
            if up_to is None:
                return changed
            written = judge_set(conn, account, above, up_to, rules, now=now, run_id=run_id)
        on_set(written)
        above, changed = up_to, changed + written


def learn_observed(warehouse: Warehouse, account: str, run_id: str) -> int:
    """Follow every command that a message told of; returns how many are new."""
    with warehouse.begin() as conn:
        return commands.learn_observed(conn, account, run_id)
