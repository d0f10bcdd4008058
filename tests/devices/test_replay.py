"""Answers about single devices are kept as sent, and give the same rows again without a call."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, select, update

from tests.devices.nights import account_of, inventory, night, truth
from tests.support.sandbox import Sandbox
from tests.warehouse.answers import stored_answers
from tuyahouse.cloud.client import Endpoint, TuyaClient
from tuyahouse.outcome import Outcome
from tuyahouse.sync.replay import replay
from tuyahouse.warehouse.ledgers import raw_blocks, runs
from tuyahouse.warehouse.tables import device_function, device_serial_number, ops_dead_letter, raw_block
from tuyahouse.warehouse.warehouse import Warehouse

Start = Callable[..., Sandbox]
SET_FUNCTIONS = Endpoint("PUT", "/v1.0/expand/devices/{device_id}/functions", "platform")
T = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ("device_details", "device_factory_infos", "device_sn", "device_sn_list")


def kept(warehouse: Warehouse, kind: str) -> list[tuple[str, bytes]]:
    with warehouse.read() as conn:
        return list(stored_answers(conn, "demo", kind))


def again(warehouse: Warehouse) -> Outcome:
    run = runs.start_run(warehouse, "demo", "replay", "r", {})
    return replay(warehouse, run, datetime.now(UTC))


def rebuilt(warehouse: Warehouse) -> dict[str, list[Any]]:
    """Functions, and the links that rest on answers."""
    links = select(device_serial_number).where(device_serial_number.c.source != "cid")
    with warehouse.read() as conn:
        return {
            name: sorted((tuple(row) for row in conn.execute(query)), key=repr)
            for name, query in (("functions", select(device_function)), ("links", links))
        }


@pytest.fixture
async def nights(sandboxes: Start, warehouse: Warehouse) -> Sandbox:
    sandbox = sandboxes("--set", "devices=120")
    for day in (0, 6, 12):
        sandbox.control("day", {"day": day})
        await night(warehouse, account_of(sandbox), f"night of day {day}", details=True, full=True)
        await disable_functions(warehouse, sandbox)
    return sandbox


async def disable_functions(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """Some devices are left without a function; the next night finds that changed."""
    async with TuyaClient.open(account_of(sandbox), warehouse.tokens, warehouse.slots) as client:
        for each in truth(sandbox, "devices")[:9]:
            await client.call(SET_FUNCTIONS, path={"device_id": each["device_id"]}, body={"function_code_list": []})


async def test_details_functions_and_links_are_kept_as_tuya_sent_them(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=300")
    await night(warehouse, account_of(sandbox), "first", details=True)
    answers = {key: msgspec.json.decode(body)["result"] for key, body in kept(warehouse, "device_details")}
    true = truth(sandbox, "devices")
    assert len(answers) == 3 * len(true)
    for each in true:
        name = each["device_id"]
        assert answers[name]["extend_data"] == each["extend_data"]
        assert [one["function_code"] for one in answers[f"{name}/functions"]] == each["functions"]
        assert [one["function_code"] for one in answers[f"{name}/function-pool"]] == each["function_pool"]
    told = {each["id"]: each["sn"] for _, body in kept(warehouse, "device_factory_infos") for each in result(body)}
    told = {device_id: sn for device_id, sn in told.items() if sn}
    assert told == {each["device_id"]: each["factory_info_sn"] for each in true if each["factory_info_sn"]}
    alone = {key: result(body) for key, body in kept(warehouse, "device_sn")}
    assert alone and alone.items() <= {each["device_id"]: each["sn"] for each in true}.items()
    assert {sn for _, body in kept(warehouse, "device_sn_list") for sn in result(body)}


def result(body: bytes) -> Any:
    return msgspec.json.decode(body)["result"]


async def test_answers_that_changed_nothing_are_not_kept_again(sandboxes: Start, warehouse: Warehouse) -> None:
    sandbox = sandboxes("--set", "devices=60")
    await night(warehouse, account_of(sandbox), "first", details=True)
    before = {kind: len(kept(warehouse, kind)) for kind in KINDS}
    done = await night(warehouse, account_of(sandbox), "second", details=True, full=True)
    assert {kind: len(kept(warehouse, kind)) for kind in KINDS} == before
    assert done.summary and done.summary.outcome.inserted == done.summary.outcome.updated == 0
    assert done.summary.outcome.unchanged == 2 * len(inventory(warehouse))  # on the lists, and asked alone


async def test_onto_emptied_tables_a_replay_gives_equal_rows_and_costs_no_call(
    nights: Sandbox, warehouse: Warehouse
) -> None:
    before, calls = rebuilt(warehouse), nights.control("stats")["calls"]
    assert before["functions"] and before["links"]
    with warehouse.begin() as conn:
        conn.execute(delete(device_function))
        conn.execute(delete(device_serial_number))
    outcome = again(warehouse)
    assert rebuilt(warehouse) == before
    assert outcome.asked == outcome.answered > len(inventory(warehouse))
    assert nights.control("stats")["calls"] == calls


async def test_onto_tables_that_are_there_it_changes_nothing_and_mends_what_was_spoilt(
    nights: Sandbox, warehouse: Warehouse
) -> None:
    before = rebuilt(warehouse)
    again(warehouse)
    assert rebuilt(warehouse) == before
    with warehouse.begin() as conn:
        conn.execute(update(device_function).values(enabled=False, function_name="spoilt"))
    again(warehouse)
    assert rebuilt(warehouse) == before


async def test_devices_of_which_no_answer_is_stored_keep_what_they_have(nights: Sandbox, warehouse: Warehouse) -> None:
    before = rebuilt(warehouse)
    with warehouse.begin() as conn:
        conn.execute(delete(raw_block))
    assert again(warehouse).asked == 0
    assert rebuilt(warehouse) == before


async def test_blocks_are_read_oldest_first_so_a_function_that_is_gone_is_gone_since_the_answer_without_it(
    nights: Sandbox, warehouse: Warehouse
) -> None:
    detail, enabled, pool = kept(warehouse, "device_details")[:3]
    old = (pool[0], b'{"success":true,"result":[{"function_code":"once"}]}')
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "demo", "device_details", "old/0", [detail, enabled, old], T)
        first = next(raw_blocks.blocks(conn, "demo", "device_factory_infos"))
    again(warehouse)
    with warehouse.read() as conn:
        row = conn.execute(select(device_function).where(device_function.c.function_code == "once")).one()
    assert (row.device_id, row.first_run, row.last_run) == (detail[0], "old", first.run_id)
    assert row.gone_at == first.stored_at


async def test_the_inventory_and_its_history_are_not_replayed(nights: Sandbox, warehouse: Warehouse) -> None:
    before = inventory(warehouse)
    again(warehouse)
    assert inventory(warehouse) == before


async def test_a_stored_answer_that_cannot_be_read_is_a_dead_letter_without_the_vendors_data(
    nights: Sandbox, warehouse: Warehouse
) -> None:
    before, name = rebuilt(warehouse), next(iter(inventory(warehouse)))
    detail = b'{"success":true,"result":{"extend_data":"password=1"}}'
    answers = [(name, detail), (f"{name}/functions", b"{}"), (f"{name}/function-pool", b"{}")]
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "demo", "device_details", "other/0", answers, datetime.now(UTC))
    assert again(warehouse).rejected == 1
    assert rebuilt(warehouse) == before
    with warehouse.read() as conn:
        letter = conn.execute(select(ops_dead_letter).where(ops_dead_letter.c.kind == "device_details")).one()
    assert (letter.key, letter.raw) == (name, b'{"success":true,"result":{"extend_data":"***"}}')
