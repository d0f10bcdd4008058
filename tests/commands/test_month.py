"""A month of commands in the sandbox: each verdict is compared with what really happened."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from tests.commands.days import POLICY, add_from_file, begin_of, day, hear, told, when
from tests.support.sandbox import Sandbox
from tuyahouse.sync.commands.reconcile import reconcile, rules_of
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import command, command_observation
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


def everything(warehouse: Warehouse) -> list[list[Any]]:
    """Every row, with its times and runs."""
    with warehouse.read() as conn:
        return [sorted(conn.execute(select(each)).all(), key=repr) for each in (command, command_observation)]


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

    before = everything(warehouse)
    assert (
        reconcile(warehouse, runs.Run("demo", "reconcile_commands", "again", "again"), rules_of(POLICY), now=now) == 0
    )
    for run_key in (f"day {DAYS - 1}", "again"):
        hear(warehouse, sandbox, now)
        add_from_file(warehouse, sandbox, now)
        await day(warehouse, account, run_key, now)
    assert everything(warehouse) == before


async def test_a_record_that_the_api_takes_back_is_a_conflict_and_its_status_stays(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "commands_per_day=400")
    account = sandbox.account.model_copy(update={"calls_per_second": 0})
    begin = begin_of(sandbox)
    one = next(each for each in told(sandbox) if each["fate"] == "regress")
    back_at = when(one["api"]["happen_time"])
    with warehouse.begin() as conn:
        records.add(conn, "demo", [(one["command_sn"], None)], "file", begin, None)

    async def asked_at(now: datetime) -> Any:
        sandbox.control("day", {"day": (now - begin) / timedelta(days=1) - 1})
        await day(warehouse, account, now.isoformat(), now, given=[one["command_sn"]])
        with warehouse.read() as conn:
            row = conn.execute(select(command)).one()
        return row.process_status, row.api_status, row.verdict, row.done_at is not None

    assert await asked_at(back_at - timedelta(seconds=30)) == (3, 3, "api_ahead", True)
    assert await asked_at(back_at + timedelta(seconds=30)) == (3, 3, "conflict", True)
    assert await asked_at(back_at + timedelta(days=1)) == (3, 3, "conflict", True)
