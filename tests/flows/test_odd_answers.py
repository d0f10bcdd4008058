"""Whole runs over a cloud that sends odd values in any place of its answers: none stops, nothing is lost, all heals."""

import os
from datetime import timedelta

import pytest

from tests.commands import days
from tests.devices import nights as device_nights
from tests.flows.nights import night, register, rows, settings_of, units
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.tables import command, command_observation, flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

ROUNDS = max(1, int(os.environ.get("TUYAHOUSE_TEST_FUZZ", "0")) // 10_000)
"""A night asks some hundred times; a third of the answers are odd."""
ODD = {"odd_value": 0.3}


def reasons(warehouse: Warehouse, kind: str) -> set[str]:
    with warehouse.read() as conn:
        return {one.reason for one in dead_letters.open_dead_letters(conn, "demo", kind)}


@pytest.mark.fuzz
async def test_nights_of_serial_numbers_with_odd_answers_end_and_the_next_good_one_heals_all(
    warehouse: Warehouse, tuya: Sandbox
) -> None:
    known = [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 40]
    register(warehouse, known)
    settings = settings_of(tuya, chunk_size=30)
    tuya.control("faults", ODD)
    for number in range(ROUNDS):
        summary = await night(warehouse, settings, f"odd {number}")
        assert summary.outcome.balanced and summary.outcome.asked == len(known), summary
    asked = dict(rows(warehouse, serial_number, "sn", "last_asked_at"))
    assert all(asked[sn] for sn in known)
    assert "unusable_answer" in reasons(warehouse, "sn_flows")
    tuya.control("faults", {})
    assert (await night(warehouse, settings, "good")).status == "balanced"
    there = {(sn, node, ms(at)) for sn, node, at, gone in rows(warehouse, flow_step, *STEP) if gone is None}
    assert there == {(s["sn"], s["node"], s["time_ms"]) for s in tuya.lines("truth/steps") if s["sn"] in asked}
    assert reasons(warehouse, "sn_flows") == set()


STEP = ("sn", "node", "happened_at", "gone_at")


def ms(at: object) -> int:
    return round(at.timestamp() * 1000)  # type: ignore[attr-defined]


@pytest.mark.fuzz
async def test_nights_of_devices_with_odd_answers_end_and_the_next_good_one_heals_all(
    warehouse: Warehouse, tuya: Sandbox
) -> None:
    account = device_nights.account_of(tuya, device_page_size=50)
    tuya.control("faults", ODD)
    for number in range(ROUNDS):
        await device_nights.night(warehouse, account, f"odd {number}", details=True)
    assert reasons(warehouse, "devices") | reasons(warehouse, "device_details") >= {"unusable_answer"}
    tuya.control("faults", {})
    done = await device_nights.night(warehouse, account, "good", details=True)
    assert done.summary and done.summary.status == "balanced"
    there = {device_id: row["device_name"] for device_id, row in device_nights.inventory(warehouse).items()}
    assert there == {one["device_id"]: one["device_name"] for one in device_nights.truth(tuya, "devices")}
    assert reasons(warehouse, "devices") == set()
    with warehouse.read() as conn:  # an odd id makes a device that is never listed again, and cannot be asked about
        assert not set(dead_letters.open_keys(conn, "demo", "device_details")) & set(there)


@pytest.mark.fuzz
async def test_days_of_commands_with_odd_answers_end_and_the_next_good_one_heals_all(
    warehouse: Warehouse, tuya: Sandbox
) -> None:
    account = tuya.account.model_copy(update={"calls_per_second": 0, "attempts": 2})
    begun, known = days.begin_of(tuya) + timedelta(days=1), sorted(each["command_sn"] for each in days.told(tuya))
    days.add_from_file(warehouse, tuya, begun)
    tuya.control("faults", ODD)
    for number in range(ROUNDS):
        summary = await days.day(warehouse, account, f"odd {number}", begun + timedelta(hours=number), given=known)
        assert summary.outcome.balanced and summary.outcome.asked == len(known), summary
    times = rows(warehouse, command, "command_sn", "asked_times")
    assert sorted(times) == [(sn, ROUNDS) for sn in known]
    assert "unusable_answer" in reasons(warehouse, "command")
    tuya.control("faults", {})
    good = await days.day(warehouse, account, "good", begun + timedelta(hours=ROUNDS), given=known)
    assert (good.status, good.outcome.answered) == ("balanced", len(known))
    observed = ("command_sn", "process_status", "happened_at")
    said = {(sn, status, ms(at)) for sn, status, at in rows(warehouse, command_observation, *observed)}
    for each in days.told(tuya):
        assert (each["command_sn"], each["api"]["process_status"], each["api"]["happen_time"]) in said
    assert reasons(warehouse, "command") == set()
