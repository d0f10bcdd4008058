"""A night in which 15 % of the calls meet a fault: every serial number is accounted for, a redrive gets the rest."""

from datetime import datetime

from tests.flows.nights import environment_of, night, open_dead_letters, register, rows, settings_of, units
from tests.flows.processes import run_flow
from tests.support.factory import Factory
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.sync.serial_numbers.plan import Wanted
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import craft_line, flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

KINDS = ("busy", "slow", "cut", "broken_body", "error5xx", "too_many", "throttle", "token_death", "shape", "item_error")
FIFTEEN_PERCENT = dict.fromkeys(KINDS, 0.15 / len(KINDS))


async def through_the_night(warehouse: Warehouse, sandbox: Sandbox, run_key: str, wanted: Wanted) -> runs.Summary:
    """Started again with the same run key where a login failed for good, as an operator would."""
    for _ in range(10):
        try:
            return await night(warehouse, settings_of(sandbox, attempts=2), run_key, wanted)
        except TuyaError:
            continue
    raise AssertionError("ten starts were not enough")


async def test_every_serial_number_is_in_the_warehouse_or_a_dead_letter_and_a_redrive_clears_them(
    factory: Factory, warehouse: Warehouse
) -> None:
    tuya = factory.reset(day=4, slow_seconds=0.05)
    sns = {sn for sn, _ in units(tuya)}
    register(warehouse, sns)
    tuya.control("faults", FIFTEEN_PERCENT)
    summary = await through_the_night(warehouse, tuya, "n", Wanted())
    assert set(tuya.control("faults")["hits"]) == set(KINDS)
    assert (summary.status, summary.outcome.asked) == ("balanced", 300)
    letters = open_dead_letters(warehouse)
    assert len(letters) == summary.outcome.failed + summary.outcome.rejected > 5
    assert {sn for (sn,) in rows(warehouse, serial_number, "sn") if sn not in letters} == sns - set(letters)
    fresh = {sn for sn, state in rows(warehouse, serial_number, "sn", "state") if state == "new"}
    assert fresh == set(letters)
    tuya.control("faults", {})
    again = await night(warehouse, settings_of(tuya), "redrive", Wanted(dead_letters=True))
    assert (again.status, again.outcome.asked) == ("balanced", len(letters))
    assert open_dead_letters(warehouse) == {}
    assert held(warehouse) == true(tuya)


def test_the_flow_that_redrives_clears_serial_numbers_and_craft_lines(
    factory: Factory, fresh_postgres_url: str, secret_key: str, prefect_server: PrefectServer
) -> None:
    tuya = factory.reset(day=4)
    warehouse = Warehouse.open(fresh_postgres_url, secret_key)
    register(warehouse, [sn for sn, _ in units(tuya)])
    env = environment_of(tuya, fresh_postgres_url, secret_key, TUYAHOUSE_CHUNK_SIZE="100") | prefect_server.env
    tuya.control("faults", {"item_error": 0.5})
    code, printed = run_flow("nightly_sync", env, run_key="n")
    assert code == 1 and "160 of 300 keys ended" in printed and "redrive_dead_letters" in printed, printed
    assert open_dead_letters(warehouse) and open_dead_letters(warehouse, "craft_line")
    tuya.control("faults", {})
    code, printed = run_flow("redrive_dead_letters", env, run_key="r")
    assert code == 0, printed
    assert open_dead_letters(warehouse) == open_dead_letters(warehouse, "craft_line") == {}
    assert held(warehouse) == true(tuya) and len(rows(warehouse, craft_line)) == 3
    warehouse.close()


def held(warehouse: Warehouse) -> set[tuple[str, str, int]]:
    return {(sn, node, ms(at)) for sn, node, at in rows(warehouse, flow_step, "sn", "node", "happened_at")}


def true(sandbox: Sandbox) -> set[tuple[str, str, int]]:
    return {(step["sn"], step["node"], step["time_ms"]) for step in sandbox.lines("truth/steps")}


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
