"""A gap in the message stream is answered by reading everything, and closed only then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.devices.nights import account_of, inventory, night
from tests.support.sandbox import Sandbox
from tuyahouse.settings import CommandPolicy
from tuyahouse.sync.commands.plan import plan_asking
from tuyahouse.sync.forecast import devices_due
from tuyahouse.sync.messages.close_gaps import close_answered_gaps
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.messages import gaps
from tuyahouse.warehouse.messages.gaps import Gap
from tuyahouse.warehouse.tables import command, device
from tuyahouse.warehouse.warehouse import Warehouse

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def gap(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        gaps.record_gap(conn, "demo", Gap(NOW - 5 * HOUR, NOW - 3 * HOUR, "away_too_long", "away"))


def open_gaps(warehouse: Warehouse) -> int:
    with warehouse.read() as conn:
        return len(gaps.open_gaps(conn, "demo"))


def follow(warehouse: Warehouse, asked_at: datetime | None) -> None:
    with warehouse.begin() as conn:
        records.add(conn, "demo", [("1", None)], "file", NOW - 9 * HOUR, None)
        conn.execute(command.update().values(last_asked_at=asked_at, asked_times=9))


async def test_a_gap_is_closed_by_a_complete_inventory_when_no_command_is_open(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=20")
    gap(warehouse)
    await night(warehouse, account_of(sandbox), "first", details=True)
    assert open_gaps(warehouse) == 0


async def test_an_incomplete_inventory_closes_no_gap(sandboxes: Callable[..., Sandbox], warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=20", "--set", "total_error=3")
    gap(warehouse)
    await night(warehouse, account_of(sandbox), "first", details=True)
    assert open_gaps(warehouse) == 1


async def test_a_gap_waits_for_every_open_command_to_be_asked(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=20")
    gap(warehouse)
    follow(warehouse, asked_at=NOW - 4 * HOUR)
    await night(warehouse, account_of(sandbox), "first", details=True)
    assert open_gaps(warehouse) == 1
    follow(warehouse, asked_at=NOW - 2 * HOUR)
    assert close_answered_gaps(warehouse, account_of(sandbox), NOW) == 1


async def test_a_gap_has_the_details_of_all_devices_asked_once_and_waits_for_them(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    account = account_of(sandboxes("--set", "devices=20"))
    await night(warehouse, account, "before", details=True)
    with warehouse.begin() as conn:  # read before the gap ended, though within the week
        conn.execute(device.update().values(changed_at=NOW - 9 * HOUR, detail_at=NOW - 4 * HOUR))
    gap(warehouse)
    lists_only = await night(warehouse, account, "lists")
    assert open_gaps(warehouse) == 1
    assert lists_only.concluded and lists_only.concluded.details == len(inventory(warehouse))
    assert "Messages may be missing: details of all devices are asked." in lists_only.concluded.notes
    follow(warehouse, asked_at=NOW - 4 * HOUR)
    await night(warehouse, account, "with details", details=True)
    assert open_gaps(warehouse) == 1  # a command is still to be asked
    again = await night(warehouse, account, "again", details=True)
    assert again.concluded and again.concluded.details == 0


async def test_the_plan_of_a_night_counts_the_details_that_a_gap_calls_for(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    account = account_of(sandboxes("--set", "devices=20"))
    await night(warehouse, account, "before", details=True)
    with warehouse.begin() as conn:
        conn.execute(device.update().values(changed_at=NOW - 9 * HOUR, detail_at=NOW - 4 * HOUR))
    assert [each.keys for each in devices_due(warehouse, account, NOW)] == [len(inventory(warehouse)), 0]
    gap(warehouse)
    assert [each.keys for each in devices_due(warehouse, account, NOW)] == [len(inventory(warehouse))] * 2


async def test_a_device_whose_details_cannot_be_fetched_keeps_no_gap_open(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=120")
    gap(warehouse)
    await night(warehouse, account_of(sandbox), "first")
    sandbox.control("faults", {"item_error": 0.05})
    await night(warehouse, account_of(sandbox), "first", details=True)
    assert any(row["detail_at"] is None for row in inventory(warehouse).values())
    assert open_gaps(warehouse) == 0


def test_while_a_gap_is_open_every_open_command_is_asked_whatever_its_waiting_time(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    account = account_of(sandboxes("--set", "devices=20"))
    follow(warehouse, asked_at=NOW)

    def planned(run_key: str) -> int:
        run = runs.start_run(warehouse, "demo", "reconcile_commands", run_key, {})
        policy = CommandPolicy()
        return plan_asking(warehouse, account, run, policy, command_sns=None, limit=None, chunk_size=10, now=NOW).keys

    assert planned("before") == 0
    gap(warehouse)
    assert planned("after") == 1
