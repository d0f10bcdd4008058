"""The short way of new devices ends in the same rows as the long way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from tests.warehouse.answers import stored_answers
from tuyahouse.cloud.calls.device_list import decode_page
from tuyahouse.sync.devices.listing.land import Landed, land
from tuyahouse.sync.devices.listing.rows import Reading
from tuyahouse.warehouse.tables import device, device_history, ops_drift, ops_sweep
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 3, 1, tzinfo=UTC)
TABLES = (device, device_history, ops_sweep, ops_drift)

PLAIN = {
    "device_id": "d1", "project_id": "p", "cid": " C1 ", "gateway_id": "", "device_name": "Tür \u0000 1",
    "product_id": None, "extend_data": '{"a": 1}', "active_status": "1", "online_status": 1,
    "create_time": 1_690_000_000_123, "task_id": "t", "uid": "u",
}  # fmt: skip
OTHERS = {
    "nothing but an id": {"device_id": "d2"},
    "offline, a time in seconds": {**PLAIN, "device_id": "d3", "online_status": "0", "create_time": "1690000000"},
    "a time that is none": {**PLAIN, "device_id": "d4", "create_time": "soon"},
    "no time yet": {**PLAIN, "device_id": "d5", "create_time": 0},
    "another project": {**PLAIN, "device_id": "d6", "project_id": "q"},
    "camel case": {"deviceId": "d7", "deviceName": "x", "onlineStatus": "1"},
    "a field nobody knows": {**PLAIN, "device_id": "d8", "floor": 3},
    "a state nobody knows": {**PLAIN, "device_id": "d9", "active_status": "9"},
    "twice": {**PLAIN, "device_name": "the later one"},
}


def page(*items: dict[str, Any]) -> list[Any]:
    read = decode_page(msgspec.json.encode({"list": items, "total": len(items)}))
    return read.devices


def landed(warehouse: Warehouse, account: str, items: list[Any], *, first: bool, **where: Any) -> Landed:
    read = Reading(account, **{"project_id": "p", "at": AT, "run_id": "run", **where})
    with warehouse.begin() as conn:
        return land(conn, read, 1, items, f"{account}-{read.project_id}-{read.at:%d}", first=first)


def told(warehouse: Warehouse, account: str) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    with warehouse.read() as conn:
        for table in TABLES:
            columns = [column for column in table.c if column.name != "account"]
            found = conn.execute(select(*columns).where(table.c.account == account))
            rows[table.name] = sorted(map(repr, found))
        rows["raw"] = sorted(stored_answers(conn, account, "devices"))
    return rows


def both_ways(warehouse: Warehouse, *landings: dict[str, Any]) -> None:
    counted = {}
    for account, first in (("short", True), ("long", False)):
        counted[account] = [landed(warehouse, account, first=first, **each) for each in landings]
    for short, long in zip(counted["short"], counted["long"], strict=True):
        assert (short.rows, short.fresh, short.inserted, short.updated, short.elsewhere) == (
            long.rows, long.fresh, long.inserted, long.updated, long.elsewhere,
        )  # fmt: skip
    assert told(warehouse, "short") == told(warehouse, "long")


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_one_that_needs_a_closer_look_among_plain_ones(warehouse: Warehouse, other: dict[str, Any]) -> None:
    both_ways(warehouse, {"items": page(PLAIN, other)})


def test_all_of_them_and_none(warehouse: Warehouse) -> None:
    both_ways(warehouse, {"items": page(PLAIN, *OTHERS.values())}, {"items": []})


def test_a_list_that_was_begun_before(warehouse: Warehouse) -> None:
    later = AT + timedelta(days=1)
    both_ways(
        warehouse,
        {"items": page(PLAIN, OTHERS["offline, a time in seconds"])},
        {"items": page({**PLAIN, "device_name": "changed"}, OTHERS["nothing but an id"]), "at": later},
    )


def test_devices_that_another_list_of_the_run_holds_too(warehouse: Warehouse) -> None:
    new = {**PLAIN, "device_id": "d3", "project_id": None}
    both_ways(
        warehouse,
        {"items": page(PLAIN), "project_id": "q"},
        {"items": page(PLAIN, new)},
    )


def test_a_device_known_from_messages_only(warehouse: Warehouse) -> None:
    for account in ("short", "long"):
        with warehouse.begin() as conn:
            conn.execute(
                device.insert().values(
                    account=account,
                    device_id="d1",
                    online=False,
                    online_at=AT - timedelta(hours=1),
                    source="message",
                    changed_at=AT - timedelta(hours=1),
                    first_run="m",
                    last_run="m",
                )
            )
    both_ways(warehouse, {"items": page(PLAIN, OTHERS["nothing but an id"])})
