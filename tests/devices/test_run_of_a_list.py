"""A run draws conclusions only from lists that it read itself, by its id, not by any process's clock."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.devices.nights import account_of, inventory, night, truth
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import QuotaExhausted
from tuyahouse.settings import Account
from tuyahouse.sync.devices.chunks import list_chunk
from tuyahouse.sync.devices.plan import Concluded, conclude, plan_lists, sentence
from tuyahouse.warehouse.devices import lists
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.warehouse import Warehouse

Start = Callable[..., Sandbox]
LATE = timedelta(hours=2)


def behind() -> datetime:
    """The clock of a worker that is two hours late."""
    return datetime.now(UTC) - LATE


async def read(
    warehouse: Warehouse, account: Account, run_key: str, now: Callable[[], datetime], projects: Sequence[str]
) -> runs.Run:
    """Plan (unless that was done) and read the lists, and go no further."""
    run = runs.start_run(warehouse, account.name, "sync_devices", run_key, {})
    if run.planned is None:
        plan_lists(warehouse, account, run, projects, datetime.now(UTC))
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        for chunk in run_chunks.open_chunks(warehouse, run.run_id):
            await list_chunk(client, warehouse, account, run, chunk, now=now)
    return run


def concluded(warehouse: Warehouse, run: runs.Run, projects: Sequence[str]) -> Concluded:
    return conclude(warehouse, run, projects, full=False, chunk_size=100, at=datetime.now(UTC))


async def test_a_worker_whose_clock_is_late_still_reads_its_lists_in_this_run(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=240")
    account = account_of(sandbox)
    for day in (0, 9):
        sandbox.control("day", {"day": day})
        run = await read(warehouse, account, f"day {day}", behind, account.project_ids)
        done = concluded(warehouse, run, account.project_ids)
    assert done.complete == 2
    assert done.vanished == len(inventory(warehouse, gone=True)) > 0
    assert inventory(warehouse).keys() == {each["device_id"] for each in truth(sandbox, "devices")}


async def test_a_list_that_could_not_be_read_in_this_run_is_known_whatever_the_clocks_say(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=60")
    account = account_of(sandbox)
    await night(warehouse, account, "first")
    sandbox.control("options", {"total_error": 3})
    run = await read(warehouse, account, "second", behind, account.project_ids)
    with warehouse.read() as conn:
        assert lists.unread_lists(conn, "demo", run.run_id) == {"north-hall", "south-hall"}
        assert lists.complete_lists(conn, "demo", run.run_id, account.project_ids) == []


async def test_a_run_that_continues_after_another_one_came_between_declares_no_device_vanished(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    """The other run has forgotten the marks that say who was on the list."""
    sandbox = sandboxes("--set", "devices=120")
    account = account_of(sandbox)
    await night(warehouse, account, "first")
    cut = await read(warehouse, account, "second", lambda: datetime.now(UTC), account.project_ids)
    other = await read(warehouse, account, "between", lambda: datetime.now(UTC), ["south-hall"])
    concluded(warehouse, other, ["south-hall"])
    assert concluded(warehouse, cut, account.project_ids).vanished == 0
    assert len(inventory(warehouse)) == len(truth(sandbox, "devices"))


async def test_only_the_run_that_met_an_oddity_of_a_list_reports_it(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=60", "--set", "total_error=-3")
    account = account_of(sandbox)
    met = await night(warehouse, account, "first")
    other = await night(warehouse, account.model_copy(update={"project_ids": ("north-hall",)}), "second")
    assert met.concluded and met.concluded.odd.keys() == {"north-hall", "south-hall"}
    assert other.concluded and other.concluded.odd.keys() == {"north-hall"}
    assert all(words.rstrip(".") + "." == words for words in met.concluded.odd.values())


def why_not(warehouse: Warehouse) -> list[str]:
    with warehouse.read() as conn:
        return [letter.message for letter in dead_letters.open_dead_letters(conn, "demo", "devices")]


async def test_a_spelling_that_is_set_is_the_only_one_tried(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=60", "--set", "device_query=camel")
    wrong = account_of(sandbox, project_ids=("north-hall",), device_query="snake")
    await night(warehouse, wrong, "refused")
    (refused,) = why_not(warehouse)
    assert "1109" in refused and "projectId is missing" in refused
    sandbox.control("options", {"other_spelling": "ignore"})
    await night(warehouse, wrong, "passed over")
    assert any("another page than the requested one, with the query spelled snake" in why for why in why_not(warehouse))
    await night(warehouse, account_of(sandbox, device_query="camel"), "right")
    assert inventory(warehouse).keys() == {each["device_id"] for each in truth(sandbox, "devices")}
    assert why_not(warehouse) == []


async def test_an_exhausted_quota_ends_the_search_for_the_spelling(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=60", "--fault", "quota=1")
    account = account_of(sandbox)
    with pytest.raises(QuotaExhausted):
        await night(warehouse, account, "first")
    assert sandbox.control("stats")["calls"] == 1
    sandbox.control("faults", {})
    await night(warehouse, account, "first")
    assert len(inventory(warehouse)) == len(truth(sandbox, "devices"))


def test_a_sentence_ends_with_one_full_stop() -> None:
    assert [sentence(words) for words in ("cut", "cut.", "cut..")] == ["cut."] * 3
