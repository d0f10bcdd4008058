"""The inventory equals the truth, whatever the list does while it is read."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.devices.nights import Night, account_of, apply_messages, history, inventory, night, truth
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import PassingFault
from tuyahouse.settings import SettingsError
from tuyahouse.sync.devices.chunks import list_chunk
from tuyahouse.sync.devices.plan import chosen_projects, conclude, plan_lists
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.ledgers import dead_letters, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.tables import device, device_event, device_history, ops_dead_letter, ops_device_list
from tuyahouse.warehouse.warehouse import Warehouse

Start = Callable[..., Sandbox]
FIELDS = ("project_id", "cid", "gateway_id", "device_name", "device_ip", "mac_address", "install_location")
FIELDS += (
    "product_type",
    "product_id",
    "product_name",
    "supplier_code",
    "supplier_name",
    "extend_data",
    "uid",
    "online",
)


def options(**values: Any) -> list[str]:
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def true(sandbox: Sandbox) -> dict[str, Any]:
    return {each["device_id"]: {name: each[name] for name in FIELDS} for each in truth(sandbox, "devices")}


def stored(warehouse: Warehouse) -> dict[str, Any]:
    """As the sandbox tells it: text that is not there is empty."""
    return {
        name: {each: "" if row[each] is None else row[each] for each in FIELDS}
        for name, row in inventory(warehouse).items()
    }


async def nights(warehouse: Warehouse, sandbox: Sandbox, days: int, **settings: Any) -> Night:
    for day in range(days):
        sandbox.control("day", {"day": day})
        done = await night(warehouse, account_of(sandbox, **settings), f"night {day}")
        assert done.summary and done.summary.outcome.answered == 2
        assert stored(warehouse) == true(sandbox)
    return done


@pytest.mark.parametrize(
    ("spelling", "other", "shift"),
    [("snake", "refuse", 0.3), ("camel", "ignore", 1), ("dotted", "refuse", 1), ("snake", "ignore", 0)],
)
async def test_three_nights_equal_the_truth_with_capped_pages_and_rows_that_move_in_every_spelling(
    sandboxes: Start, warehouse: Warehouse, spelling: str, other: str, shift: float
) -> None:
    sandbox = sandboxes(
        *options(device_query=spelling, other_spelling=other, page_size_cap=50, shift=shift, devices=240)
    )
    await nights(warehouse, sandbox, 3)
    listed = lists(warehouse)["north-hall"]
    assert (listed.spelling, listed.first_page) == (spelling, 1)


def lists(warehouse: Warehouse) -> dict[str, Any]:
    with warehouse.read() as conn:
        return {row.project_id: row for row in conn.execute(select(ops_device_list))}


def letters(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    table = ops_dead_letter.c
    with warehouse.read() as conn:
        query = select(table.kind, table.key, table.reason).where(table.resolved_at.is_(None))
        return [tuple(row) for row in conn.execute(query.order_by(*query.selected_columns))]


async def test_pages_numbered_from_0_are_found_out_and_remembered(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(first_page=0, page_size_cap=50))
    await nights(warehouse, sandbox, 2)
    assert lists(warehouse)["north-hall"].first_page == 0


class Expected:
    """The history that the nights' truths amount to: (changed columns, why the row ended) of each device."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str | None, str | None]]] = {}
        self._last: dict[str, dict[str, Any]] = {}
        self._there: set[str] = set()

    def add(self, now: dict[str, dict[str, Any]]) -> None:
        for name, facts in now.items():
            last = self._last.get(name)
            changed = None if last is None else ",".join(e for e in FIELDS if facts[e] != last[e] and e != "online")
            if name in self._there and changed:
                self._end(name, "changed")
            if name not in self._there or changed:
                self.rows.setdefault(name, []).append((changed, None))
        for name in self._there - now.keys():
            self._end(name, "vanished")
        self._last |= now
        self._there = set(now)

    def _end(self, name: str, why: str) -> None:
        self.rows[name][-1] = (self.rows[name][-1][0], why)


async def test_history_tells_exactly_what_the_sandbox_changed(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(page_size_cap=50, shift=0.2, devices=240))
    expected = Expected()
    for day in range(8):
        sandbox.control("day", {"day": day})
        await night(warehouse, account_of(sandbox), f"night {day}")
        expected.add(true(sandbox))
    assert history(warehouse) == expected.rows
    kinds = {row for rows in expected.rows.values() for row in rows}
    assert {("device_name", None), ("", None), (None, "vanished"), ("project_id", None)} <= kinds


async def test_a_device_first_met_in_an_event_is_completed_by_the_inventory_in_its_first_history_row(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(devices=60))
    name, heard_at = next(iter(true(sandbox))), datetime.now(UTC) - timedelta(hours=1)
    with warehouse.begin() as conn:
        columns = ("account", "device_id", "code", "happened_at", "data_id")
        insert_new(conn, device_event, columns, [("demo", name, "door_open", heard_at, "1")])
    apply_messages(warehouse, "demo", "message")
    assert inventory(warehouse)[name]["source"] == "message"
    await night(warehouse, account_of(sandbox), "first")
    assert stored(warehouse) == true(sandbox)
    assert inventory(warehouse)[name]["source"] == "inventory"
    assert history(warehouse)[name] == [(None, None)]


async def test_an_unchanged_night_writes_no_device_and_no_history(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(devices=120))
    await night(warehouse, account_of(sandbox), "first")
    done = await night(warehouse, account_of(sandbox), "second")
    with warehouse.read() as conn:
        runs = set(conn.execute(select(device.c.last_run)).scalars())
        rows = conn.execute(select(func.count()).select_from(device_history)).scalar()
    assert done.summary and (done.summary.outcome.inserted, done.summary.outcome.updated) == (0, 0)
    assert (len(runs), rows) == (1, len(true(sandbox)))


async def test_an_answer_that_differs_in_no_fact_of_the_history_leaves_history_and_times_as_they_are(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(devices=30))
    await night(warehouse, account_of(sandbox), "night 0")
    before, spans = inventory(warehouse), history(warehouse)
    with warehouse.begin() as conn:  # the fingerprint of an answer with one field fewer
        conn.execute(update(device).values(answer_hash=b"another answer"))
    done = await night(warehouse, account_of(sandbox), "night 1")
    assert done.summary and done.summary.outcome.updated == len(before)
    after = inventory(warehouse)
    assert history(warehouse) == spans
    assert all(row[name] == before[each][name] for each, row in after.items() for name in ("changed_at", "answer_hash"))


async def test_a_steady_list_is_swept_once_and_a_vanished_device_calls_for_a_second_sweep(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(page_size_cap=50, devices=240))
    for day in range(12):
        sandbox.control("day", {"day": day})
        done = await night(warehouse, account_of(sandbox), f"night {day}")
        assert done.concluded
        sweeps = max(len(each.counts) for each in done.lists if each)
        assert (sweeps == 2) == (done.concluded.vanished > 0)
    assert inventory(warehouse, gone=True)


async def test_a_sweep_that_is_cut_short_marks_nothing_vanished(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(page_size_cap=20, devices=240))
    await night(warehouse, account_of(sandbox), "first")
    sandbox.control("day", {"day": 9})
    sandbox.control("faults", {"error5xx": 0.4})
    account = account_of(sandbox, attempts=1)
    with pytest.raises(Exception, match=r"502|503"):
        await night(warehouse, account, "second")
    assert inventory(warehouse, gone=True) == {}
    sandbox.control("faults", {"error5xx": 0})
    done = await night(warehouse, account, "second")
    assert [each.complete for each in done.lists if each] == [True, True]
    assert stored(warehouse) == true(sandbox)
    assert inventory(warehouse, gone=True)


async def test_a_total_that_is_too_high_is_red_and_marks_nothing_vanished(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(devices=120))
    await night(warehouse, account_of(sandbox), "first")
    sandbox.control("day", {"day": 9})
    sandbox.control("options", {"total_error": 5})
    done = await night(warehouse, account_of(sandbox), "second", details=True)
    assert done.summary and done.summary.status == "unbalanced"
    assert inventory(warehouse, gone=True) == {}
    assert "two sweeps found the same" in lists(warehouse)["north-hall"].note
    assert letters(warehouse) == [
        ("devices", "north-hall", "list_incomplete"),
        ("devices", "south-hall", "list_incomplete"),
    ]


@pytest.mark.parametrize("first_page", [0, 1])
async def test_a_total_that_is_too_low_hides_no_device(sandboxes: Start, warehouse: Warehouse, first_page: int) -> None:
    sandbox = sandboxes(*options(devices=240, page_size_cap=50, total_error=-70, first_page=first_page))
    await nights(warehouse, sandbox, 2)


async def test_a_wrong_project_is_a_dead_letter_and_the_others_are_read(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(devices=120))
    projects = ("north-hall", "nowhere", "south-hall")
    done = await night(warehouse, account_of(sandbox, project_ids=projects), "first")
    assert done.summary and (done.summary.outcome.answered, done.summary.outcome.failed) == (2, 1)
    assert stored(warehouse) == true(sandbox)
    assert letters(warehouse) == [("devices", "nowhere", "item_error")]
    await night(warehouse, account_of(sandbox, project_ids=projects), "second")
    assert letters(warehouse) == [("devices", "nowhere", "item_error")]
    await night(warehouse, account_of(sandbox), "corrected")
    assert letters(warehouse) == []


async def test_rows_without_an_id_that_left_the_list_are_settled(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(devices=120))
    rows = [
        DeadLetter("devices", f"{project}/00ff", "unusable_answer", "", "no device_id")
        for project in ("north-hall", "x")
    ]
    with warehouse.begin() as conn:
        dead_letters.record(conn, "demo", rows, datetime.now(UTC))
    await night(warehouse, account_of(sandbox, project_ids=("north-hall", "x")), "first")
    assert letters(warehouse) == [("devices", "x", "item_error"), ("devices", "x/00ff", "unusable_answer")]


async def test_a_project_without_devices_is_empty(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes(*options(devices=120, unknown_project="empty"))
    done = await night(warehouse, account_of(sandbox, project_ids=("north-hall", "nowhere")), "first")
    assert done.summary and (done.summary.outcome.answered, done.summary.outcome.empty) == (1, 1)
    assert done.concluded and done.concluded.notes == [
        "Project nowhere holds no device. If it should, check its id in PROJECT_IDS."
    ]


async def test_a_list_that_is_suddenly_empty_is_believed_the_second_night(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(devices=120))
    account = account_of(sandbox)
    await night(warehouse, account, "first")
    held = set(inventory(warehouse))
    sandbox.control("options", {"projects": ["elsewhere"], "unknown_project": "empty"})
    for _ in range(2):  # starting the same run again is no second opinion
        done = await night(warehouse, account, "second", details=True)
        assert done.summary and done.summary.status == "unbalanced"
        assert (set(inventory(warehouse)), inventory(warehouse, gone=True)) == (held, {})
    assert "are stored; they are declared vanished if the next run" in lists(warehouse)["north-hall"].note
    done = await night(warehouse, account, "third")
    assert done.concluded and done.concluded.vanished == len(held)
    assert inventory(warehouse) == {} and letters(warehouse) == []


@pytest.mark.parametrize("asked", [None, []])
def test_without_projects_asked_for_those_of_the_settings_are_listed(sandboxes: Start, asked: list[str] | None) -> None:
    account = account_of(sandboxes(*options(devices=20)), project_ids=("a", "b", "a"))
    assert chosen_projects(account, asked) == ["a", "b"]
    assert chosen_projects(account, [" c ", "", "c"]) == ["c"]
    with pytest.raises(SettingsError, match="No project is named"):
        chosen_projects(account, ["  "])


async def test_a_device_in_two_projects_stays_with_the_first_and_has_one_history_row(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(devices=240, in_two_projects="true"))
    for number in range(2):
        await night(warehouse, account_of(sandbox), f"night {number}")
    shared = [each["device_id"] for each in truth(sandbox, "devices") if len(each["projects"]) == 2]
    assert {inventory(warehouse)[name]["project_id"] for name in shared} == {"north-hall"}
    assert {tuple(history(warehouse)[name]) for name in shared} == {((None, None),)}
    assert "are listed in another project too" in lists(warehouse)["south-hall"].note


async def test_a_device_in_two_projects_stays_while_the_list_of_its_own_cannot_be_read(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes(*options(devices=240, in_two_projects="true"))
    account = account_of(sandbox, attempts=1)
    await night(warehouse, account, "first")
    before = history(warehouse)
    run = runs.start_run(warehouse, "demo", "sync_devices", "second", {})
    plan_lists(warehouse, account, run, account.project_ids, datetime.now(UTC))
    for chunk, fault in enumerate((1, 0)):
        sandbox.control("faults", {"error5xx": fault})
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
            with suppress(PassingFault):
                await list_chunk(client, warehouse, account, run, chunk)
    conclude(warehouse, run, account.project_ids, full=False, chunk_size=100, at=datetime.now(UTC))
    assert lists(warehouse)["south-hall"].swept_at > lists(warehouse)["north-hall"].swept_at
    assert history(warehouse) == before
