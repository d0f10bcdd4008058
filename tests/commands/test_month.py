"""A month of commands in the sandbox: what became of each, by what is known to have happened to it."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from tests.commands.days import POLICY, add_from_file, begin_of, day, hear, told, when
from tests.support.sandbox import Sandbox
from tuyahouse.sync.commands_reconcile import reconcile, rules_of
from tuyahouse.warehouse.tables import command
from tuyahouse.warehouse.warehouse import Warehouse

DAYS = 30
ENDS = {
    "finish": "matched",
    "fail": "matched",
    "hang_sent": "stuck",
    "hang_sending": "stuck",
    "unknown": "stuck",
    "strange": "stuck",
    "conflict": "conflict",
    "lost_message": "api_ahead",
    "late_message": "matched",
    "api_lags": "matched",
    "regress": "message_ahead",
}


def verdicts(warehouse: Warehouse) -> dict[str, str]:
    with warehouse.read() as conn:
        return {row.command_sn: row.verdict for row in conn.execute(select(command.c.command_sn, command.c.verdict))}


async def test_after_a_month_every_command_has_the_verdict_of_its_fate_and_asking_again_changes_nothing(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "commands_per_day=20")
    account = sandbox.account.model_copy(update={"calls_per_second": 0})
    begin = begin_of(sandbox)
    for number in range(DAYS):
        sandbox.control("day", {"day": number})
        now = begin + timedelta(days=number + 1)
        hear(warehouse, sandbox, now)
        add_from_file(warehouse, sandbox, now)
        summary = await day(warehouse, account, f"day {number}", now)
        assert (summary.status, summary.outcome.failed, summary.outcome.empty) == ("balanced", 0, 0)
    expected = {
        each["command_sn"]: ENDS[each["fate"]]
        for each in told(sandbox)
        if when(each["issued_ms"]) < begin + timedelta(days=DAYS - 2)
    }
    found = verdicts(warehouse)
    assert {sn: found[sn] for sn in expected} == expected
    assert set(expected.values()) == set(ENDS.values())

    again = reconcile(warehouse, "demo", rules_of(POLICY), now=now, run_id="again")
    assert (again, verdicts(warehouse)) == (0, found)
