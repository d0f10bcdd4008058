"""What messages report of devices, in inventory and history; the newest statement wins, not the last to arrive."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from tests.devices.nights import apply_messages
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.devices import lists
from tuyahouse.warehouse.tables import (
    command_observation,
    device,
    device_binding,
    device_event,
    device_history,
    device_presence,
)
from tuyahouse.warehouse.warehouse import Warehouse

T = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stored(warehouse: Warehouse, **fields: Any) -> None:
    row = {"account": "demo", "device_id": "d1", "project_id": "p1", "source": "inventory", "changed_at": T} | fields
    with warehouse.begin() as conn:
        insert_new(conn, device, tuple(row), [tuple(row.values())])
    apply_messages(warehouse, "demo", "r0")


def bound(warehouse: Warehouse, event: str, at: datetime, **fields: Any) -> None:
    row = {"account": "demo", "device_id": "d1", "event": event, "happened_at": at} | fields
    with warehouse.begin() as conn:
        insert_new(conn, device_binding, tuple(row), [tuple(row.values())])


def present(warehouse: Warehouse, online: bool, at: datetime) -> None:
    row = ("demo", "d1", at, online)
    with warehouse.begin() as conn:
        insert_new(conn, device_presence, ("account", "device_id", "happened_at", "online"), [row])


def swept(warehouse: Warehouse, at: datetime) -> None:
    with warehouse.begin() as conn:
        lists.store_list(conn, "demo", "p1", at, swept_at=at)


def the_device(warehouse: Warehouse) -> Any:
    with warehouse.read() as conn:
        return conn.execute(select(device)).one()


def history(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    table = device_history.c
    columns = (table.valid_from, table.valid_to, table.ended_by, table.changed_columns)
    with warehouse.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(table.valid_from))]


def test_a_device_first_met_in_a_message_gets_a_row_and_a_history(warehouse: Warehouse) -> None:
    bound(warehouse, "bound", T, device_name="Gate", project_id="p1")
    assert apply_messages(warehouse, "demo", "r1") == 1
    row = the_device(warehouse)
    assert (row.device_name, row.project_id, row.source, row.vanished_at) == ("Gate", "p1", "message", None)
    assert history(warehouse) == [(T, None, None, None)]


def test_a_device_first_met_as_it_came_online_gets_a_row(warehouse: Warehouse) -> None:
    present(warehouse, True, T)
    apply_messages(warehouse, "demo", "r1")
    row = the_device(warehouse)
    assert (row.online, row.online_at, row.source) == (True, T, "message")


def reported(warehouse: Warehouse, at: datetime, device_id: str = "d1", data_id: str = "1") -> None:
    row = ("demo", device_id, "door_open", at, data_id)
    with warehouse.begin() as conn:
        insert_new(conn, device_event, ("account", "device_id", "code", "happened_at", "data_id"), [row])


def commanded(warehouse: Warehouse, at: datetime, *, source: str = "message") -> None:
    seen = ("demo", "c1", "message", 2, at, "d1", T + 9 * HOUR)
    columns = ("account", "command_sn", "source", "process_status", "happened_at", "device_id", "observed_at")
    with warehouse.begin() as conn:
        insert_new(conn, command_observation, columns, [seen])
        records.add(conn, "demo", [("c1", "d1")], source, T + 9 * HOUR, None)


def test_a_device_first_met_in_an_event_gets_a_row_since_its_first_event(warehouse: Warehouse) -> None:
    for number, at in enumerate((T + HOUR, T, T + 2 * HOUR)):
        reported(warehouse, at, data_id=str(number))
    assert apply_messages(warehouse, "demo", "r1") == 1
    row = the_device(warehouse)
    assert (row.source, row.changed_at, row.first_run, row.vanished_at) == ("message", T, "r1", None)
    assert history(warehouse) == [(T, None, None, None)]


def test_a_device_first_met_in_the_message_of_a_command_gets_a_row(warehouse: Warehouse) -> None:
    commanded(warehouse, T)
    assert apply_messages(warehouse, "demo", "r1") == 1
    row = the_device(warehouse)
    assert (row.source, row.changed_at) == ("message", T)


def test_a_device_that_only_a_file_of_commands_names_gets_no_row(warehouse: Warehouse) -> None:
    commanded(warehouse, T, source="file")
    assert apply_messages(warehouse, "demo", "r1") == 0


def test_every_device_that_events_name_gets_a_row_and_no_other_account_s(warehouse: Warehouse) -> None:
    for number in range(30):
        reported(warehouse, T + timedelta(minutes=number), f"d{number % 7}", str(number))
    with warehouse.begin() as conn:
        insert_new(
            conn,
            device_event,
            ("account", "device_id", "code", "happened_at", "data_id"),
            [(name, f"{name}-1", "door_open", T, "1") for name in ("a", "z")],
        )
    stored(warehouse, device_id="d3")
    with warehouse.read() as conn:
        sources = {row.device_id: row.source for row in conn.execute(select(device))}
    assert sources == {f"d{number}": "message" for number in range(7)} | {"d3": "inventory"}
    assert apply_messages(warehouse, "demo", "r1") == 0


def test_a_device_whose_newest_binding_event_is_an_unbinding_is_not_there_whatever_else_tells_of_it(
    warehouse: Warehouse,
) -> None:
    bound(warehouse, "unbound", T + HOUR)
    reported(warehouse, T)
    commanded(warehouse, T)
    present(warehouse, True, T)
    assert apply_messages(warehouse, "demo", "r1") == 0


def test_an_unbinding_ends_the_device_and_closes_its_history(warehouse: Warehouse) -> None:
    stored(warehouse)
    bound(warehouse, "unbound", T + HOUR)
    apply_messages(warehouse, "demo", "r1")
    assert the_device(warehouse).vanished_at == T + HOUR
    assert history(warehouse) == [(T, T + HOUR, "unbound", None)]


def test_a_device_bound_again_is_back_with_a_new_history_row(warehouse: Warehouse) -> None:
    stored(warehouse)
    bound(warehouse, "unbound", T + HOUR)
    apply_messages(warehouse, "demo", "r1")
    bound(warehouse, "bound", T + 2 * HOUR)
    apply_messages(warehouse, "demo", "r2")
    assert the_device(warehouse).vanished_at is None
    assert history(warehouse) == [(T, T + HOUR, "unbound", None), (T + 2 * HOUR, None, None, "")]


def test_an_unbinding_that_arrives_after_a_newer_sweep_saw_the_device_changes_nothing(warehouse: Warehouse) -> None:
    stored(warehouse)
    swept(warehouse, T + 2 * HOUR)
    bound(warehouse, "unbound", T + HOUR)
    assert apply_messages(warehouse, "demo", "r1") == 0
    assert the_device(warehouse).vanished_at is None


def test_an_unbinding_older_than_the_binding_that_came_first_changes_nothing(warehouse: Warehouse) -> None:
    stored(warehouse)
    bound(warehouse, "bound", T + 2 * HOUR)
    apply_messages(warehouse, "demo", "r1")
    bound(warehouse, "unbound", T + HOUR)
    assert apply_messages(warehouse, "demo", "r2") == 0


def test_the_newest_presence_wins_whatever_arrived_first(warehouse: Warehouse) -> None:
    stored(warehouse, online=True, online_at=T)
    present(warehouse, False, T + 2 * HOUR)
    apply_messages(warehouse, "demo", "r1")
    present(warehouse, True, T + HOUR)
    assert apply_messages(warehouse, "demo", "r2") == 0
    row = the_device(warehouse)
    assert (row.online, row.online_at) == (False, T + 2 * HOUR)


def test_a_presence_older_than_the_newest_sweep_changes_nothing(warehouse: Warehouse) -> None:
    stored(warehouse, online=True, online_at=T)
    swept(warehouse, T + 3 * HOUR)
    present(warehouse, False, T + HOUR)
    assert apply_messages(warehouse, "demo", "r1") == 0


def test_presence_is_no_history(warehouse: Warehouse) -> None:
    stored(warehouse, online=True, online_at=T)
    present(warehouse, False, T + HOUR)
    apply_messages(warehouse, "demo", "r1")
    assert history(warehouse) == [(T, None, None, None)]


def test_applying_the_same_messages_again_writes_nothing(warehouse: Warehouse) -> None:
    bound(warehouse, "bound", T, device_name="Gate")
    present(warehouse, True, T + HOUR)
    bound(warehouse, "unbound", T + 2 * HOUR)
    apply_messages(warehouse, "demo", "r1")
    before = history(warehouse)
    assert apply_messages(warehouse, "demo", "r2") == 0
    assert history(warehouse) == before
