"""Details, functions and serial numbers of devices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.devices.nights import account_of, history, inventory, night, truth
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.errors import TuyaError, UnusableAnswer
from tuyahouse.outcome import Outcome
from tuyahouse.sync import answer_memory
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.devices import chunks
from tuyahouse.sync.devices.details import land_details, read_details
from tuyahouse.sync.devices.links import Links
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.devices.links import contradictions
from tuyahouse.warehouse.ledgers import drift, run_chunks, runs
from tuyahouse.warehouse.tables import (
    device,
    device_function,
    device_serial_number,
    ops_api_calls,
    ops_dead_letter,
    serial_number,
)
from tuyahouse.warehouse.warehouse import Warehouse

Start = Callable[..., Sandbox]
DETAIL = "GET /v1.0/expand/devices/{device_id}"


def calls(warehouse: Warehouse, endpoint: str) -> int:
    with warehouse.read() as conn:
        return sum(conn.execute(select(ops_api_calls.c.calls).where(ops_api_calls.c.endpoint == endpoint)).scalars())


def functions(warehouse: Warehouse) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    with warehouse.read() as conn:
        for row in conn.execute(select(device_function).where(device_function.c.gone_at.is_(None))):
            found.setdefault(row.device_id, {})[row.function_code] = row.enabled
    return found


def links(warehouse: Warehouse, source: str) -> dict[str, str]:
    with warehouse.read() as conn:
        rows = conn.execute(select(device_serial_number).where(device_serial_number.c.source == source))
        return {row.device_id: row.sn for row in rows}


async def test_functions_are_those_enabled_and_those_possible(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=60")
    await night(warehouse, account_of(sandbox), "first", details=True)
    assert functions(warehouse) == {
        each["device_id"]: {code: code in each["functions"] for code in each["function_pool"]}
        for each in truth(sandbox, "devices")
    }


async def test_only_new_and_changed_devices_are_asked_and_all_again_after_a_week(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=120")
    first = await night(warehouse, account_of(sandbox), "first", details=True)
    sandbox.control("day", {"day": 3})
    second = await night(warehouse, account_of(sandbox), "second", details=True)
    changed = sum(rows[-1] != (None, None) or len(rows) > 1 for rows in history(warehouse).values())
    assert first.concluded and second.concluded
    new = len(inventory(warehouse)) + len(inventory(warehouse, gone=True)) - first.concluded.details
    assert 0 < second.concluded.details <= new + changed
    assert calls(warehouse, DETAIL) == first.concluded.details + second.concluded.details
    with warehouse.begin() as conn:
        conn.execute(device.update().values(detail_at=datetime.now(UTC) - timedelta(days=8)))
    third = await night(warehouse, account_of(sandbox), "third", details=True)
    assert third.concluded and third.concluded.details == len(inventory(warehouse))


async def test_details_complete_a_device_without_opening_a_history_row(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=40")
    await night(warehouse, account_of(sandbox), "first")
    with warehouse.begin() as conn:  # as if the list did not send the user
        conn.execute(device.update().values(uid=None))
    await night(warehouse, account_of(sandbox), "second", details=True, full=True)
    assert {name: row["uid"] for name, row in inventory(warehouse).items()} == {
        each["device_id"]: each["uid"] for each in truth(sandbox, "devices")
    }
    assert {tuple(rows) for rows in history(warehouse).values()} == {((None, None),)}


async def test_every_source_names_its_serial_number_and_contradictions_are_kept(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=300")
    true = truth(sandbox, "devices")
    with warehouse.begin() as conn:
        rows = [("demo", each["sn"], "new", datetime.now(UTC)) for each in true if each["sn"]]
        insert_new(conn, serial_number, ("account", "sn", "state", "added_at"), rows)
    await night(warehouse, account_of(sandbox), "first", details=True)
    assert links(warehouse, "pms") == {each["device_id"]: each["sn"] for each in true if each["sn"]}
    assert links(warehouse, "factory_infos") == {
        each["device_id"]: each["factory_info_sn"] for each in true if each["factory_info_sn"]
    }
    assert links(warehouse, "cid") == {each["device_id"]: each["sn"] for each in true if each["sn"] == each["cid"]}
    assert links(warehouse, "cid") and links(warehouse, "pms") != links(warehouse, "factory_infos")
    contradicting = {each["device_id"]: each for each in true if each["factory_info_sn"] != each["sn"]}
    with warehouse.read() as conn:
        count, rows = contradictions(conn, "demo", 100)
        assert contradictions(conn, "demo", 1) == (count, rows[:1])
    assert count == len(rows) == len(contradicting) > 1
    for row in rows:
        each = contradicting[row["device"]]
        assert (row["pms"], row["factory_infos"]) == (each["sn"], each["factory_info_sn"])
        assert row["cid"] == (each["sn"] if each["cid"] == each["sn"] else "")


async def test_a_source_that_the_project_may_not_use_stops_nothing(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=60")
    account = account_of(sandbox)
    without_pms = account.model_copy(update={"pms_username": ""})
    done = await night(warehouse, without_pms, "first", details=True)
    assert done.summary and done.summary.status == "balanced"
    assert links(warehouse, "pms") == {}


async def lists_read(sandbox: Sandbox, warehouse: Warehouse) -> dict[str, dict[str, str]]:
    """A run "n" that has read the lists and no details; the links there are, by source."""
    await night(warehouse, account_of(sandbox), "n")
    true = truth(sandbox, "devices")
    names = {"pms": "sn", "factory_infos": "factory_info_sn"}
    return {source: {each["device_id"]: each[name] for each in true if each[name]} for source, name in names.items()}


async def test_links_that_were_refused_are_asked_again_when_the_run_goes_on(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=100")
    true = await lists_read(sandbox, warehouse)
    sandbox.control("faults", {"busy": 0.3})
    first = await night(warehouse, account_of(sandbox, attempts=1), "n", details=True)
    assert first.summary and first.summary.status == "failed" and first.summary.outcome.failed > 0
    read = {device_id for device_id, row in inventory(warehouse).items() if row["detail_at"]}
    assert open_dead_letters(warehouse, "device_factory")
    assert read & true["factory_infos"].keys() - links(warehouse, "factory_infos").keys(), "no link was refused"
    sandbox.control("faults", {})
    detailed = calls(warehouse, DETAIL)
    again = await night(warehouse, account_of(sandbox), "n", details=True)
    assert again.summary and (again.summary.status, again.summary.outcome.failed) == ("balanced", 0)
    assert {source: links(warehouse, source) for source in true} == true
    assert open_dead_letters(warehouse, "device_factory") == []
    assert calls(warehouse, DETAIL) - detailed == len(inventory(warehouse)) - len(read), (
        "details that were read are not asked again"
    )


async def test_links_that_a_stop_left_unasked_are_asked_when_the_run_goes_on(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=100")
    true = await lists_read(sandbox, warehouse)
    sandbox.control("quota", {"used": 0})
    sandbox.control("options", {"quota": 150})
    with pytest.raises(TuyaError, match="28841004"):
        await night(warehouse, account_of(sandbox), "n", details=True)
    assert any(row["detail_at"] for row in inventory(warehouse).values()) and links(warehouse, "pms") == {}
    sandbox.control("options", {"quota": 0})
    again = await night(warehouse, account_of(sandbox), "n", details=True)
    assert again.summary and (again.summary.status, again.summary.outcome.failed) == ("balanced", 0)
    assert {source: links(warehouse, source) for source in true} == true


async def test_devices_with_unusable_answers_are_dead_letters_and_asked_again_the_next_night(
    sandboxes: Start, warehouse: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=120")
    await night(warehouse, account_of(sandbox), "first")
    sandbox.control("faults", {"shape": 0.05, "item_error": 0.05})
    done = await night(warehouse, account_of(sandbox), "first", details=True)
    assert done.summary and done.summary.status == "failed", "that many make the run red"
    failed = done.summary.outcome.failed + done.summary.outcome.rejected
    assert failed == len(open_dead_letters(warehouse, "device_details")) > 5
    sandbox.control("faults", {"shape": 0, "item_error": 0})
    again = await night(warehouse, account_of(sandbox), "second", details=True)
    assert again.concluded and again.concluded.details == failed
    assert open_dead_letters(warehouse, "device_details") == []


async def test_details_that_are_large_together_land_in_parts_and_count_each_call_once(
    sandboxes: Start, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_memory, "LARGEST_CHUNK", 8_000)
    landings: list[Outcome] = []
    land = chunks.land_details

    def counted(*args: Any, **options: Any) -> Outcome:
        landings.append(land(*args, **options))
        return landings[-1]

    monkeypatch.setattr(chunks, "land_details", counted)
    sandbox = sandboxes("--set", "devices=60")
    done = await night(warehouse, account_of(sandbox), "first", details=True)
    there = {each["device_id"]: each for each in truth(sandbox, "devices")}
    assert len(landings) > 3 and sum(each.answered for each in landings) == len(there), landings
    assert done.summary and done.summary.status == "balanced"
    assert done.calls + sum(each.calls for each in landings) == sandbox.control("stats")["calls"]
    assert set(functions(warehouse)) == set(there)
    assert links(warehouse, "pms") == {device_id: each["sn"] for device_id, each in there.items() if each["sn"]}


def test_fields_of_a_detail_that_no_documentation_names_are_reported(warehouse: Warehouse) -> None:
    run = runs.start_run(warehouse, "demo", "sync_devices", "first", {})
    functions = b'[{"function_code":"open","seconds":5,"extend_data":"{}"},{"function_code":"close"}]'
    results = [b'{"device_id":"d1","colour":"red","task_id":"t"}', b"[]", functions]
    asked = Asked(answers=[("d1", read_details("d1", results, results, None))])
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [["d1"]])
    land_details(warehouse, run, 0, asked, Links(), calls=3, now=utc_now)
    with warehouse.read() as conn:
        assert [(one.kind, one.field, one.sample) for one in drift.listing(conn, "demo")] == [
            ("device_details", "colour", '"red"'),
            ("device_details", "function.extend_data", '"***"'),
            ("device_details", "function.seconds", "5"),
        ]
        kept = conn.execute(select(device_function.c.function_code, device_function.c.extra).order_by("function_code"))
        assert [tuple(row) for row in kept] == [("close", None), ("open", {"seconds": 5, "extend_data": "{}"})]


def test_details_of_another_device_than_the_one_asked_are_refused() -> None:
    with pytest.raises(UnusableAnswer, match="another device"):
        read_details("d1", [b'{"device_id":"d2"}', b"[]", b"[]"], [b"", b"", b""], None)


def test_details_that_differ_in_presence_alone_are_unchanged() -> None:
    results = [b'{"device_id":"d1","online_status":1,"uid":"u"}', b"[]", b"[]"]
    first = read_details("d1", results, results, None)
    offline = [results[0].replace(b":1", b":0"), *results[1:]]
    assert first.changed
    assert read_details("d1", offline, offline, first.digest).changed is None
    assert read_details("d1", [results[0], b'[{"function_code":"a"}]', b"[]"], results, first.digest).changed


def open_dead_letters(warehouse: Warehouse, kind: str) -> list[Any]:
    table = ops_dead_letter.c
    with warehouse.read() as conn:
        return list(conn.execute(select(table.key).where(table.kind == kind, table.resolved_at.is_(None))))
