"""Craft lines: asked once for each work order that appears, by the verb that works; they decide which units finish."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.flows.nights import night, open_dead_letters, register, rows, settings_of, units
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import QuotaExhausted
from tuyahouse.sync.serial_numbers import craft_lines
from tuyahouse.sync.serial_numbers.chunk import sync_chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.plan import Wanted, plan_run
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.tables import craft_line, craft_line_node, flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

PATH = "/v2.0/pms/production/craftline/get/{orderCode}"
POST, GET = f"POST {PATH}", f"GET {PATH}"


@pytest.fixture
def some(tuya: Sandbox, warehouse: Warehouse) -> list[str]:
    """Ten units of each work order, registered."""
    sns = [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 10]
    register(warehouse, sns)
    return sns


def asked(sandbox: Sandbox, endpoint: str = POST) -> dict[str, int]:
    found: dict[str, int] = sandbox.control("asked?endpoint=" + endpoint.replace(" ", "%20"))
    return found


def finished(warehouse: Warehouse) -> set[str]:
    return {sn for sn, state in rows(warehouse, serial_number, "sn", "state") if state == "finished"}


def truly_finished(sandbox: Sandbox, sns: list[str]) -> set[str]:
    return {
        unit["sn"]
        for unit in sandbox.lines("truth/serial-numbers")
        if unit["state"] == "finished" and unit["sn"] in sns
    }


async def test_each_line_is_asked_once_in_any_number_of_chunks_and_nights(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya, chunk_size=5), "n1")
    tuya.control("day", {"day": 5})
    await night(warehouse, settings_of(tuya, chunk_size=5), "n2")
    assert asked(tuya) == dict.fromkeys({sn[:-5] for sn in some}, 1)


async def test_lines_are_asked_and_landed_in_parts(tuya, warehouse, some, monkeypatch):
    landings, land = [], craft_lines.land_craft_lines
    monkeypatch.setattr(craft_lines, "LINES_AT_ONCE", 1)
    monkeypatch.setattr(craft_lines, "land_craft_lines", lambda *given: landings.append(given) or land(*given))
    await night(warehouse, settings_of(tuya), "n1")
    orders = {sn[:-5] for sn in some}
    assert asked(tuya) == dict.fromkeys(orders, 1) and len(landings) == len(orders) > 1
    assert {order for (order,) in rows(warehouse, craft_line, "order_code")} == orders


async def test_nodes_are_stored_in_their_order(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    nodes = rows(warehouse, craft_line_node, "order_code", "sort", "node")
    assert [node for order, _, node in sorted(nodes) if order == "YZCB04ZZR"] == [
        "firstTest",
        "rfTest",
        "agingTest",
        "finalTest",
        "packing",
    ]
    assert ("YZCB04ZZR", "packing") in rows(warehouse, craft_line, "order_code", "last_node")


async def test_a_line_is_fetched_by_get_if_post_is_refused(factory, warehouse):
    tuya = factory.reset(day=3, craft_line_verb="get")
    register(warehouse, ["YZCB04ZZR00001"])
    await night(warehouse, settings_of(tuya), "n1")
    assert (asked(tuya), asked(tuya, GET)) == ({"YZCB04ZZR": 1}, {"YZCB04ZZR": 1})
    assert rows(warehouse, craft_line, "order_code") == [("YZCB04ZZR",)]


async def test_a_unit_that_passed_the_last_node_is_finished(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    assert finished(warehouse) == truly_finished(tuya, some) != set()


async def test_a_line_that_cannot_be_fetched_is_a_dead_letter_and_its_units_stay_open(tuya, warehouse, some):
    await with_refused_lines(tuya, warehouse)
    assert open_dead_letters(warehouse, "craft_line") == dict.fromkeys(
        {order for (order,) in orders(warehouse)}, "item_error"
    )
    assert finished(warehouse) == set()


async def test_a_redriven_line_finishes_the_units_that_landed_before_it(tuya, warehouse, some):
    await with_refused_lines(tuya, warehouse)
    lines = CraftLines(warehouse, runs.start_run(warehouse, "demo", "redrive_dead_letters", "redrive", {}))
    async with client(tuya, warehouse) as opened:
        assert await lines.redrive(opened) == ""
    assert open_dead_letters(warehouse, "craft_line") == {}
    assert finished(warehouse) == truly_finished(tuya, some) != set()


async def test_a_line_that_could_not_be_fetched_is_asked_again_the_next_night_though_nothing_changed(
    tuya, warehouse, some
):
    await with_refused_lines(tuya, warehouse)
    summary = await night(warehouse, settings_of(tuya), "n2")
    assert summary.outcome.inserted == 0
    assert open_dead_letters(warehouse, "craft_line") == {}
    assert finished(warehouse) == truly_finished(tuya, some) != set()


async def test_a_night_that_stops_between_answers_and_lines_gets_the_lines_when_it_goes_on(tuya, warehouse, some):
    settings = settings_of(tuya)
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", "n1", {})
    plan_run(warehouse, settings, settings.account("demo"), run, Wanted(), _now())
    lines = _Interrupted(warehouse, run)
    async with client(tuya, warehouse) as opened:
        with pytest.raises(asyncio.CancelledError):
            await sync_chunk(opened, lines, 0, workers=4)
    assert (
        run_chunks.open_chunks(warehouse, run.run_id) == [] and rows(warehouse, flow_step) and not finished(warehouse)
    )
    await night(warehouse, settings, "n1")
    assert finished(warehouse) == truly_finished(tuya, some) != set()


async def test_a_quota_that_ends_at_the_lines_is_not_kept_quiet(tuya, warehouse, some):
    tuya.control("options", {"quota": 3 + len(some) + 1})
    with pytest.raises(QuotaExhausted):
        await night(warehouse, settings_of(tuya), "n1")
    assert len(rows(warehouse, craft_line)) <= 1
    tuya.control("options", {"quota": 0})
    assert (await night(warehouse, settings_of(tuya), "n1")).status == "balanced"
    assert finished(warehouse) == truly_finished(tuya, some) != set()


class _Interrupted(CraftLines):
    async def last_nodes(self, client, orders, now):
        raise asyncio.CancelledError


def orders(warehouse: Warehouse):
    return {(order,) for order, code in rows(warehouse, serial_number, "order_code", "craft_line_code") if code}


def client(sandbox: Sandbox, warehouse: Warehouse):
    return TuyaClient.open(settings_of(sandbox).account("demo"), warehouse.tokens, warehouse.slots)


async def with_refused_lines(sandbox: Sandbox, warehouse: Warehouse) -> None:
    """A night in which every craft line is refused and every serial number answered."""
    settings = settings_of(sandbox)
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", "n1", {})
    plan_run(warehouse, settings, settings.account("demo"), run, Wanted(), _now())
    lines = _Refused(warehouse, run, sandbox)
    async with client(sandbox, warehouse) as opened:
        await sync_chunk(opened, lines, 0, workers=4)
    runs.finish_run(warehouse, run.run_id, "balanced")
    sandbox.control("faults", {})


class _Refused(CraftLines):
    """Refuses from the first line on."""

    def __init__(self, warehouse, run, sandbox):
        super().__init__(warehouse, run)
        self.sandbox = sandbox

    async def last_nodes(self, client, orders, now):
        await asyncio.to_thread(self.sandbox.control, "faults", {"item_error": 1})
        return await super().last_nodes(client, orders, now)


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(("asked_at", "again"), [("2000-01-01", True), ("2100-01-01", False)])
async def test_a_line_is_asked_again_when_a_newer_step_names_a_node_that_it_lacks(
    tuya, warehouse, some, asked_at, again
):
    await night(warehouse, settings_of(tuya, chunk_size=5), "n1")
    nodes, first = set(rows(warehouse, craft_line_node, "order_code", "node")), asked(tuya)
    with warehouse.begin() as conn:
        conn.execute(craft_line_node.delete().where(craft_line_node.c.node != "nothing"))
        conn.execute(craft_line.update().values(asked_at=datetime.fromisoformat(asked_at).replace(tzinfo=UTC)))
    tuya.control("day", {"day": 5})
    await night(warehouse, settings_of(tuya, chunk_size=5), "n2")
    twice = {order for order, times in asked(tuya).items() if times == 2}
    assert bool(twice) is again and max(asked(tuya).values()) <= 2, "once a run, however many chunks name it"
    found = set(rows(warehouse, craft_line_node, "order_code", "node"))
    assert {one for one in found if one[0] in first} == {one for one in nodes if one[0] in twice}
