"""One odd item is one dead letter with what was received, and its neighbours land: wherever items land together."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.flows.nights import rows
from tests.warehouse.answers import stored_answers
from tuyahouse.cloud.calls.device_list import decode_page
from tuyahouse.cloud.calls.pms import decode_craft_line
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.chunks import land_in_parts
from tuyahouse.sync.devices.details import SUFFIXES, Details, land_details, read_details
from tuyahouse.sync.devices.links import Link, LinkAnswer, Links
from tuyahouse.sync.devices.listing.ledger import ListLedger
from tuyahouse.sync.devices.listing.sweep import Sweep
from tuyahouse.sync.intake.rows import Row
from tuyahouse.sync.intake.take_in import take_in
from tuyahouse.sync.replay import replay
from tuyahouse.sync.serial_numbers import craft_lines as lines
from tuyahouse.sync.serial_numbers.craft_lines import land_craft_lines
from tuyahouse.sync.serial_numbers.register import KIND as REGISTERED
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.tables import (
    craft_line_node,
    device,
    device_function,
    device_serial_number,
    flow_step,
    serial_number,
)
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
LONG = "".join(chr(33 + n * n % 90) for n in range(6000)).replace('"', "q").replace("\\", "b")
"""A text that no index holds, however well it is packed."""


def letters(warehouse: Warehouse, kind: str | None = None) -> dict[str, tuple[str, bytes | None]]:
    """Key → reason and what was received, of the open dead letters."""
    with warehouse.read() as conn:
        return {one.key: (one.reason, one.raw) for one in dead_letters.open_dead_letters(conn, "demo", kind)}


def a_run(warehouse: Warehouse, flow: str, keys: list[str]) -> runs.Run:
    run = runs.start_run(warehouse, "demo", flow, "n", {})
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [keys])
    return run


# ------------------------------------------------------------------------------------------------------- craft lines


def craft_line_of(node: str, sort: int = 1) -> bytes:
    return json.dumps({"code": "L", "name": "n", "type": "t", "nodeList": [{"code": node, "sort": sort}]}).encode()


ODD_LINES = {"a long node": craft_line_of(LONG), "a place of 70 bits": craft_line_of("N1", 2**70)}


@pytest.mark.parametrize("odd", ODD_LINES.values(), ids=ODD_LINES)
def test_a_craft_line_that_no_table_holds_is_a_dead_letter_beside_its_neighbours(
    warehouse: Warehouse, odd: bytes
) -> None:
    bodies = {f"W{n}": odd if n == 3 else craft_line_of(f"N{n}") for n in range(7)}
    run = a_run(warehouse, "sync_sn_flows", [])
    asked: Asked[Any] = Asked(kind=lines.KIND)
    asked.answers = [(order, (decode_craft_line(body), body)) for order, body in bodies.items()]
    land_craft_lines(warehouse, run, asked, lambda: AT)
    assert rows(warehouse, craft_line_node, "order_code") == [(f"W{n}",) for n in range(7) if n != 3]
    assert letters(warehouse) == {"W3": ("not_storable", odd)}
    assert [order for order, _ in asked.answers] == [f"W{n}" for n in range(7) if n != 3]
    asked = Asked(kind=lines.KIND, answers=[("W3", (decode_craft_line(bodies["W1"]), bodies["W1"]))])
    land_craft_lines(warehouse, run, asked, lambda: AT)
    assert letters(warehouse) == {}


# -------------------------------------------------------------------------------------------------------- device list


def page(*devices: dict[str, Any]) -> Any:
    return decode_page(json.dumps({"list": devices, "total": len(devices), "page_no": 1, "page_size": 100}).encode())


def listed(warehouse: Warehouse, ledger: ListLedger, *devices: dict[str, Any]) -> Any:
    """Land one sweep of these devices; what it came to."""
    ledger.begin()
    sweep, found = Sweep(first_page=1), page(*devices)
    sweep.take([each.device_id for each in found.devices], found.total)
    ledger.land(1, [found], AT, calls=1)
    return ledger.count(sweep, 1, AT)


def a_list(warehouse: Warehouse, key: str) -> ListLedger:
    run = runs.start_run(warehouse, "demo", "sync_devices", key, {})
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [["list:hall"]])
    return ListLedger(warehouse, run, 0, "hall", lambda: AT)


def test_a_device_that_no_table_holds_keeps_its_old_row_and_its_neighbours_land(warehouse: Warehouse) -> None:
    first = [{"device_id": f"d{n}", "device_name": "old"} for n in range(9)]
    listed(warehouse, a_list(warehouse, "first"), *first)
    second = [{**each, "device_name": "new"} for each in first]
    second[4] |= {"extra": json.loads("[" * 400 + "]" * 400)}
    ledger = a_list(warehouse, "second")
    count, gone = listed(warehouse, ledger, *second, {"device_id": LONG, "device_name": "new"})
    names = dict(rows(warehouse, device, "device_id", "device_name"))
    assert {each: names[each] for each in names if each != "d4"} == {f"d{n}": "new" for n in range(9) if n != 4}
    assert (count.devices, count.repeated, gone) == (10, 0, 0), "the odd ones are on the list, and none is missing"
    with warehouse.read() as conn:
        letters = list(dead_letters.open_dead_letters(conn, "demo", "devices"))
    refused = {one.message.split(":")[0][:12]: one.raw or b"" for one in letters}
    assert set(refused) == {f"Device {LONG[:5]}"} | ({"Device d4"} if names["d4"] == "old" else set())


# ------------------------------------------------------------------------------------------------- details and links


def bodies_of(device_id: str, code: str = "switch") -> list[bytes]:
    return [
        json.dumps({"device_id": device_id, "device_name": "n"}).encode(),
        json.dumps([{"function_code": code, "function_name": "f"}]).encode(),
        json.dumps([]).encode(),
    ]


def details_of(device_id: str) -> Details:
    bodies = bodies_of(device_id)
    return read_details(device_id, bodies, bodies, None)


def test_a_link_that_no_table_holds_keeps_neither_details_nor_other_links_from_landing(warehouse: Warehouse) -> None:
    ids = [f"d{n}" for n in range(4)]
    run = a_run(warehouse, "sync_devices", ids)
    asked: Asked[Details] = Asked(kind="device_details", answers=[(each, details_of(each)) for each in ids])
    links = Links(
        answers=[
            LinkAnswer(
                "device_sn", each, f"body of {each}".encode(), [Link(each, LONG if each == "d2" else each, "pms")]
            )
            for each in ids
        ]
    )

    def land() -> Outcome:
        return land_details(warehouse, run, 0, asked, links, calls=4, now=lambda: AT)

    assert land_in_parts(asked, land).answered == 4
    assert rows(warehouse, device_serial_number, "device_id") == [("d0",), ("d1",), ("d3",)]
    assert letters(warehouse) == {"d2": ("not_storable", b"body of d2")}
    with warehouse.read() as conn:
        assert sorted(key for key, _ in stored_answers(conn, "demo", "device_sn")) == ["d0", "d1", "d3"]


# -------------------------------------------------------------------------------------------------------------- files


def test_a_row_that_no_table_holds_is_refused_and_its_neighbours_are_registered(warehouse: Warehouse) -> None:
    def items() -> Iterator[Row]:
        for n in range(20):
            yield Row(f"row {n}", LONG if n == 13 else f"S{n:02}")
        yield Row("row 20", "S01")

    def add(conn: Any, part: list[Row], at: datetime) -> int:
        return registry.add(conn, "demo", (registry.Unit(one.key) for one in part), "file", at).inserted

    taken = take_in(warehouse, "demo", items(), "units.csv", REGISTERED, add, now=lambda: AT)
    assert taken.balanced and (taken.read, taken.added, taken.refused_count, taken.duplicates) == (21, 19, 1, 1)
    assert len(rows(warehouse, serial_number, "sn")) == 19
    assert list(letters(warehouse)) == ["units.csv row 13"]


# ------------------------------------------------------------------------------------------------------------- replay


def steps_of(sn: str, node: str) -> bytes:
    step = {"sn": sn, "node": node, "time": 1763676000000, "status": True, "orderCode": "W1"}
    return json.dumps({"result": [step], "success": True, "t": 1}).encode()


def enveloped(result: bytes) -> bytes:
    return b'{"result":' + result + b',"success":true,"t":1}'


def test_a_stored_answer_that_no_table_holds_is_a_dead_letter_of_the_replay_and_changes_nothing(
    warehouse: Warehouse,
) -> None:
    good = [(f"S{n}", steps_of(f"S{n}", "N1")) for n in range(6)]
    odd = ("S3", steps_of("S3", LONG))
    craft = [(f"W{n}", enveloped(ODD_LINES["a long node"] if n == 1 else craft_line_of("N1"))) for n in range(3)]
    torn = ("W9", b'{"result":{"nodeList":7},"success":true,"t":1}')
    functions = [
        (f"d{n}{suffix}", enveloped(body))
        for n in range(3)
        for suffix, body in zip(SUFFIXES, bodies_of(f"d{n}", LONG if n == 1 else "switch"), strict=True)
    ]
    sns = [(f"d{n}", enveloped(json.dumps(LONG if n == 1 else f"S{n}").encode())) for n in range(3)]
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "demo", "sn_flows", "r/0", good, AT)
        raw_blocks.store(conn, "demo", "sn_flows", "r/1", [good[2], odd, good[4]], AT)
        raw_blocks.store(conn, "demo", "craft_line", "r/2", [*craft, torn], AT)
        raw_blocks.store(conn, "demo", "device_details", "r/3", functions, AT)
        raw_blocks.store(conn, "demo", "device_sn", "r/4", sns, AT)
    run = a_run(warehouse, "replay", [])
    outcome = replay(warehouse, run, AT)
    assert rows(warehouse, flow_step, "sn") == [(f"S{n}",) for n in range(6)], "the older answer of S3 holds"
    assert rows(warehouse, craft_line_node, "order_code") == [("W0",), ("W2",)]
    assert rows(warehouse, device_function, "device_id") == [("d0",), ("d2",)]
    assert rows(warehouse, device_serial_number, "device_id") == [("d0",), ("d2",)]
    found = letters(warehouse)
    assert {key: reason for key, (reason, _) in found.items()} == {
        "S3": "not_storable", "W1": "not_storable", "W9": "unusable_answer", "d1": "not_storable",
    }  # fmt: skip
    assert found["S3"][1] == odd[1] and found["W9"][1] == torn[1]
    assert outcome.rejected == 3 and outcome.asked == outcome.answered + outcome.rejected + outcome.empty
