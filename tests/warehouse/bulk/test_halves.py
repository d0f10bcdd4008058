"""One odd item is one dead letter, and its neighbours land: on both databases alike."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tuyahouse.warehouse.bulk.halves import land_in_halves
from tuyahouse.warehouse.bulk.writer import upsert
from tuyahouse.warehouse.errors import ValueRefused
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.tables import command_observation, flow_step
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
STEP = ("account", "sn", "node", "happened_at", "extra")
OBSERVED = ("account", "command_sn", "source", "process_status", "happened_at", "observed_at")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


ODD = {
    "a key over the index limit": ("factory", "odd", "n" * 9000, AT, None),
    "a time before year 1": ("factory", "odd", "n", datetime.fromisoformat("0001-01-01T00:00:00+08:00"), None),
    "brackets nested 3,000 deep": ("factory", "odd", "n", AT, {"x": nested(3000)}),
}


@pytest.mark.parametrize("row", ODD.values(), ids=ODD)
def test_a_value_that_a_database_cannot_hold_becomes_one_dead_letter_beside_its_neighbours(
    warehouse: Warehouse, row: tuple[Any, ...]
) -> None:
    rows = [("factory", f"S{n:02}", "n", AT, None) for n in range(20)]
    rows.insert(13, row)

    def land(part: Sequence[tuple[Any, ...]], _later: Sequence[tuple[Any, ...]]) -> int:
        with warehouse.begin() as conn:
            return upsert(conn, flow_step, STEP, part).inserted

    def refuse(one: tuple[Any, ...], _later: Sequence[tuple[Any, ...]], problem: str) -> int:
        with warehouse.begin() as conn:
            dead_letters.record(
                conn, "factory", [DeadLetter("sn_flows", one[1], "not_storable", "", problem, b"{}")], AT
            )
        return 0

    assert sum(land_in_halves(rows, land, refuse)) == 20
    with warehouse.read() as conn:
        assert [(one.key, one.raw) for one in dead_letters.open_dead_letters(conn, "factory")] == [("odd", b"{}")]


@pytest.mark.parametrize("status", [2**31, -(2**31) - 1, 2**40, 2**70])
def test_a_number_that_does_not_fit_its_column_is_refused_and_never_cut(warehouse: Warehouse, status: int) -> None:
    with pytest.raises(ValueRefused, match=r"process_status .*out of range"), warehouse.begin() as conn:
        upsert(conn, command_observation, OBSERVED, [("factory", "C1", "api", status, AT, AT)])


@pytest.mark.parametrize("milliseconds", [-(10**15), 9 * 10**15, 10**30])
def test_milliseconds_that_are_no_time_are_refused(warehouse: Warehouse, milliseconds: int) -> None:
    with pytest.raises(ValueRefused, match=r"happened_at .*out of range"), warehouse.begin() as conn:
        upsert(conn, flow_step, STEP, [("factory", "S1", "n", milliseconds, None)])


def test_each_landing_gets_the_items_still_to_come() -> None:
    told: list[tuple[list[int], list[int]]] = []

    def land(part: Sequence[int], later: Sequence[int]) -> None:
        if 2 in part:
            raise ValueRefused("two")
        told.append((list(part), list(later)))

    land_in_halves([0, 1, 2, 3], land, lambda one, later, problem: told.append(([one], list(later))))
    assert told == [([0, 1], [2, 3]), ([2], [3]), ([3], [])]


def test_a_dead_letter_with_a_key_of_any_length_is_stored_and_resolved(warehouse: Warehouse) -> None:
    key = "".join(chr(33 + n * n % 90) for n in range(20_000))
    with warehouse.begin() as conn:
        dead_letters.record(conn, "factory", [DeadLetter("sn_flows", key, "item_error")], AT)
        assert len(list(dead_letters.open_keys(conn, "factory", "sn_flows"))) == 1
        assert dead_letters.resolve(conn, "factory", "sn_flows", [key], AT) == 1
