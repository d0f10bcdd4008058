"""A replay of the stored answers gives the tables that the answers gave, without a call."""

import asyncio
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from tests.flows.nights import night, open_dead_letters, register, rows, settings_of, units
from tests.support.sandbox import Sandbox
from tuyahouse.sync.replay import replay
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.tables import craft_line, craft_line_node, flow_step, raw_block, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

CORE = (flow_step, craft_line, craft_line_node)
KEPT = ("sn", "order_code", "craft_line_code", "state", "answer_hash")


@pytest.fixture
async def nights(tuya: Sandbox, warehouse: Warehouse) -> Sandbox:
    """Three nights of sixty units, in the last of which some steps are gone again."""
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 20])
    for day in (1, 4, 3):
        tuya.control("day", {"day": day})
        await night(warehouse, settings_of(tuya, chunk_size=7), f"night of day {day}")
    return tuya


def again(warehouse: Warehouse, key: str = "r"):
    run = runs.start_run(warehouse, "demo", "replay", key, {})
    outcome = replay(warehouse, run, datetime.now(UTC))
    return outcome, runs.finish_run(warehouse, run.run_id, "balanced")


def core(warehouse: Warehouse):
    return {table.name: rows(warehouse, table) for table in CORE} | {
        "serial_number": rows(warehouse, serial_number, *KEPT)
    }


def empty(warehouse: Warehouse, *tables) -> None:
    with warehouse.begin() as conn:
        for table in tables:
            conn.execute(delete(table))


async def test_onto_an_emptied_core_it_gives_equal_tables_and_costs_no_call(nights, warehouse):
    before, calls = core(warehouse), nights.control("stats")["calls"]
    assert any(row[-3] for row in before["flow_step"]), "some steps are gone"
    empty(warehouse, *CORE, serial_number)
    outcome, summary = again(warehouse)
    assert core(warehouse) == before
    assert nights.control("stats")["calls"] == calls
    assert (summary.status, outcome.calls, outcome.failed) == ("balanced", 0, 0)


async def test_onto_a_core_that_is_there_it_changes_nothing(nights, warehouse):
    before = core(warehouse)
    again(warehouse)
    again(warehouse, "another")
    assert core(warehouse) == before


async def test_damaged_core_rows_are_rebuilt(nights, warehouse):
    before = core(warehouse)
    with warehouse.begin() as conn:
        conn.execute(flow_step.update().values(status=None, node_desc="spoilt"))
        conn.execute(serial_number.update().values(state="open"))
    again(warehouse)
    assert core(warehouse) == before


async def test_the_night_after_a_replay_finds_nothing_changed(nights, warehouse):
    empty(warehouse, *CORE, serial_number)
    again(warehouse)
    summary = await night(warehouse, settings_of(nights), "after")
    assert summary.outcome.unchanged == summary.outcome.asked > 0
    assert (summary.outcome.inserted, summary.outcome.updated) == (0, 0)


async def test_units_of_which_no_answer_is_stored_keep_what_they_have(nights, warehouse):
    before = core(warehouse)
    empty(warehouse, raw_block)
    outcome, _ = again(warehouse)
    assert (core(warehouse), outcome.asked) == (before, 0)


async def test_a_stored_answer_that_cannot_be_read_is_a_dead_letter_and_changes_nothing(nights, warehouse):
    sn = rows(warehouse, serial_number, "sn")[0][0]
    before, now = core(warehouse), datetime.now(UTC)
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "demo", "sn_flows", "other/0", [(sn, b'{"success":true,"result":{"list":[]}}')], now)
    outcome, summary = again(warehouse)
    assert (outcome.rejected, summary.status) == (1, "balanced")
    assert open_dead_letters(warehouse) == {sn: "unusable_answer"}
    assert core(warehouse) == before


async def test_an_answer_that_is_no_answer_any_more_is_a_dead_letter_too(nights, warehouse):
    sn = rows(warehouse, serial_number, "sn")[0][0]
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "demo", "sn_flows", "other/0", [(sn, b"<html>")], datetime.now(UTC))
    assert again(warehouse)[0].rejected == 1
    assert open_dead_letters(warehouse) == {sn: "unusable_answer"}


async def test_earlier_open_dead_letters_stay_open(nights, warehouse):
    with warehouse.begin() as conn:
        dead_letters.record(conn, "demo", [DeadLetter("sn_flows", "S9", "item_error")], datetime.now(UTC))
    again(warehouse)
    assert open_dead_letters(warehouse) == {"S9": "item_error"}


async def test_what_lands_while_a_replay_reads_is_kept(nights, warehouse):
    nights.control("day", {"day": 7})
    with ThreadPoolExecutor(1) as thread:
        landing = []

        def meanwhile(count: int) -> None:
            if not landing:
                landing.append(thread.submit(asyncio.run, night(warehouse, settings_of(nights), "meanwhile")))
                wait(landing, 3)

        run = runs.start_run(warehouse, "demo", "replay", "r", {})
        replay(warehouse, run, datetime.now(UTC), meanwhile)
        assert landing[0].result(120).status == "balanced"
    landed = core(warehouse)
    again(warehouse, "once more")
    assert core(warehouse) == landed


async def test_it_is_all_or_nothing(nights, warehouse, monkeypatch):
    before = core(warehouse)
    store = raw_blocks.blocks

    def breaks(conn, account, kind):
        yield from list(store(conn, account, kind))[:2]
        raise RuntimeError("in the middle")

    monkeypatch.setattr(raw_blocks, "blocks", breaks)
    with pytest.raises(RuntimeError, match="in the middle"):
        again(warehouse)
    assert core(warehouse) == before
