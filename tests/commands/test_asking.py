"""Asking command records: what becomes of each answer, and when it is asked again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.commands.days import POLICY, begin_of, day, told, when
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.calls.command_records import CommandRecord
from tuyahouse.outcome import Outcome
from tuyahouse.settings import Account
from tuyahouse.sync import answer_memory
from tuyahouse.sync.commands import ask
from tuyahouse.sync.commands.ask import Observed, asked_row, observe
from tuyahouse.sync.commands.plan import plan_asking
from tuyahouse.sync.commands.reconcile import learn_observed
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.commands.records import KnownCommand, Reported
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.tables import command, command_observation
from tuyahouse.warehouse.warehouse import Warehouse

T = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(status: int, happened_at: datetime | None) -> CommandRecord:
    return CommandRecord("1", "d1", status, "text", happened_at, None)


def test_a_record_happened_when_tuya_says() -> None:
    assert observe(record(2, T), [], T + HOUR) == Observed(record(2, T), T, again=False, is_news=True)


def test_a_record_without_a_time_happened_when_it_was_first_reported() -> None:
    assert observe(record(2, None), [], T).happened_at == T
    assert observe(record(2, None), [Reported(2, T)], T + HOUR).happened_at == T


def test_a_record_that_goes_back_to_an_earlier_status_is_observed_again() -> None:
    reported = [Reported(2, T), Reported(3, T + HOUR)]
    assert observe(record(2, T), reported, T + 2 * HOUR).again
    assert not observe(record(3, T + HOUR), reported, T + 2 * HOUR).again
    assert not observe(record(2, T), [Reported(2, T)], T + 2 * HOUR).again


def test_only_a_status_that_was_not_reported_at_that_time_is_news() -> None:
    reported = [Reported(2, T), Reported(3, T + HOUR)]
    assert observe(record(3, T + 2 * HOUR), reported, T).is_news and observe(record(4, T), reported, T).is_news
    assert observe(record(2, T), reported, T + 2 * HOUR).is_news, "it went back"
    assert not observe(record(3, T + HOUR), reported, T).is_news
    assert not observe(record(3, None), reported, T + 2 * HOUR).is_news


def test_a_command_that_tuya_does_not_know_keeps_since_when() -> None:
    known = KnownCommand(asked_times=2, first_asked_at=T, unknown_since=T + HOUR)
    assert asked_row("a", "1", known, T + 2 * HOUR, T + 2 * HOUR) == ("a", "1", T, T + 2 * HOUR, 3, T + HOUR)


def test_a_command_that_tuya_knows_again_is_unknown_no_more() -> None:
    known = KnownCommand(asked_times=2, first_asked_at=T, unknown_since=T + HOUR)
    assert asked_row("a", "1", known, None, T + 2 * HOUR) == ("a", "1", T, T + 2 * HOUR, 3, None)


def account_of(sandbox: Sandbox) -> Account:
    return sandbox.account.model_copy(update={"calls_per_second": 0, "attempts": 2})


def followed(warehouse: Warehouse, numbers: list[str], at: datetime) -> None:
    with warehouse.begin() as conn:
        records.add(conn, "demo", [(sn, None) for sn in numbers], "file", at, None)


def rows(warehouse: Warehouse) -> dict[str, Any]:
    with warehouse.read() as conn:
        return {row.command_sn: row for row in conn.execute(select(command))}


@pytest.mark.parametrize("answer", ["error", "empty"])
async def test_a_number_that_tuya_does_not_know_is_kept_backed_off_and_given_up_as_unknown(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse, answer: str
) -> None:
    account = account_of(sandboxes("--set", f"unknown_command={answer}"))
    followed(warehouse, ["1461000000000000001"], T)
    asked = []
    for number in range(70):
        summary = await day(warehouse, account, f"day {number}", T + timedelta(days=number))
        assert (summary.status, summary.outcome.failed) == ("balanced", 0)
        asked.append(summary.outcome.empty)
    (row,) = rows(warehouse).values()
    assert (row.verdict, row.unknown_since, row.done_at) == ("unknown", T, T + timedelta(days=61))
    assert sum(asked) == row.asked_times == 62


async def test_open_commands_are_asked_longest_waiting_first_and_ended_ones_never(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "commands_per_day=40")
    account, now = account_of(sandbox), begin_of(sandbox) + timedelta(days=1)
    followed(warehouse, [each["command_sn"] for each in told(sandbox)], now)
    await day(warehouse, account, "first", now)
    ended = {sn for sn, row in rows(warehouse).items() if row.done_at}
    assert ended == {e["command_sn"] for e in told(sandbox) if e["api"]["process_status"] in (3, 4)}
    second = await day(warehouse, account, "second", now + timedelta(minutes=1))
    third = await day(warehouse, account, "third", now + timedelta(minutes=6))
    assert (second.outcome.asked, third.outcome.asked) == (0, 40 - len(ended))


async def test_given_numbers_are_followed_and_they_alone_are_asked_due_or_not(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    account = account_of(sandboxes())
    followed(warehouse, ["5", "6"], T)
    run = runs.start_run(warehouse, "demo", "reconcile_commands", "given", {})
    planned = plan_asking(warehouse, account, run, POLICY, command_sns=["9", " 6", "9"], limit=3, chunk_size=10, now=T)
    assert (planned.keys, run_chunks.load_chunk(warehouse, run.run_id, 0)) == (2, ["9", "6"])
    assert rows(warehouse)["9"].source == "given"


async def test_what_the_api_reports_is_observed_once(sandboxes: Callable[..., Sandbox], warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "commands_per_day=10")
    account, now = account_of(sandbox), begin_of(sandbox) + timedelta(days=1)
    numbers = [each["command_sn"] for each in told(sandbox)]
    followed(warehouse, numbers, now)
    await day(warehouse, account, "first", now)
    with warehouse.begin() as conn:
        conn.execute(command.update().values(done_at=None))
    await day(warehouse, account, "second", now + timedelta(days=1))
    with warehouse.read() as conn:
        seen = list(conn.execute(select(command_observation)))
    assert {row.command_sn: row.happened_at for row in seen} == {
        each["command_sn"]: when(each["api"]["happen_time"]) for each in told(sandbox)
    }
    assert {row.observed_at for row in seen} == {now}


async def test_records_that_are_large_together_land_in_parts_and_count_each_call_once(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_memory, "LARGEST_CHUNK", 1_500)
    landings: list[Outcome] = []
    land = ask.land_chunk

    def counted(*args: Any, **options: Any) -> Outcome:
        landings.append(land(*args, **options))
        return landings[-1]

    monkeypatch.setattr(ask, "land_chunk", counted)
    sandbox = sandboxes("--set", "commands_per_day=60")
    now = begin_of(sandbox) + timedelta(days=1)
    followed(warehouse, [each["command_sn"] for each in told(sandbox)], now)
    summary = await day(warehouse, account_of(sandbox), "first", now)
    assert len(landings) > 3 and sum(each.answered for each in landings) == 60, landings
    assert (summary.status, summary.outcome.answered) == ("balanced", 60)
    assert sum(each.calls for each in landings) == sandbox.control("stats")["calls"]
    assert {row.asked_times for row in rows(warehouse).values()} == {1}


def test_every_command_that_was_observed_is_learnt_set_by_set_and_once(warehouse: Warehouse) -> None:
    columns = ("account", "command_sn", "source", "process_status", "happened_at", "device_id", "observed_at")
    numbers = [f"{number:03}" for number in range(40)]
    seen = [
        ("demo", sn, "message", status, T, f"d{sn}" if status == 2 else None, T + status * HOUR)
        for sn in numbers
        for status in (1, 2, 3)
    ]
    with warehouse.begin() as conn:
        insert_new(conn, command_observation, columns, [*seen, ("other", "1", "message", 1, T, None, T)])
    followed(warehouse, numbers[10:20], T)
    assert learn_observed(warehouse, runs.Run("demo", "reconcile_commands", "r1", "r1"), set_size=7) == 30
    assert learn_observed(warehouse, runs.Run("demo", "reconcile_commands", "r2", "r2"), set_size=7) == 0
    found = rows(warehouse)
    assert sorted(found) == numbers
    learnt = {(row.source, row.device_id[1:] == sn, row.added_at) for sn, row in found.items() if row.device_id}
    assert (learnt, found["015"].source) == ({("message", True, T + HOUR)}, "file")


def test_a_command_stored_as_asked_a_year_ahead_is_due(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        records.add(conn, "a", [("1", None), ("2", None)], "given", T, None)
        for sn, at in (("1", T + timedelta(days=365)), ("2", T + HOUR)):
            asked = {"last_asked_at": at, "asked_times": 1}
            conn.execute(command.update().where(command.c.command_sn == sn).values(asked))
        assert list(records.due(conn, "a", [HOUR, HOUR], T)) == ["1"]
