"""The worked example, row for row, on both databases: kept marts and views."""

import pytest

from tests.marts.example import ACCOUNT, AS_OF, PAGE, RULES, at, expected, fill, held
from tuyahouse.warehouse.marts import MARTS
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.warehouse import Warehouse

TABLES = [line.removeprefix("## ") for line in PAGE.read_text().splitlines() if line.startswith("## mart_")]
CLOCK = {"refreshed_at"}


@pytest.fixture
def example(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def test_every_mart_of_the_example_holds_its_rows(example: Warehouse) -> None:
    """All in one test: filling takes longer than reading."""
    wrong = {}
    for name in TABLES:
        wanted = [{column: cell for column, cell in row.items() if column not in CLOCK} for row in expected(name)]
        found = held(example, name, list(wanted[0]))
        if name == "mart_presence_day":
            found = [row for row in found if row["factory_day"] >= wanted[0]["factory_day"]]
        if sorted(map(repr, found)) != sorted(map(repr, wanted)):
            wrong[name] = (sorted(map(repr, found)), sorted(map(repr, wanted)))
    assert wrong == {}
    assert len(TABLES) == 20


def test_every_view_answers(example: Warehouse) -> None:
    assert [name for name in MARTS if not held(example, name)] == ["mart_change", "mart_pass_count"]


def test_the_marts_that_the_example_leaves_out(example: Warehouse) -> None:
    [first, *_] = sorted(held(example, "mart_throughput"), key=repr)
    assert {row["shift"] for row in held(example, "mart_throughput")} == {"day", "night"}
    assert first["craft_line_code"] == "lineA"
    days = {str(row["factory_day"]): row for row in held(example, "mart_day_summary")}
    assert (days["2026-03-02"]["started"], days["2026-03-02"]["finished"], days["2026-03-02"]["in_process"]) == (
        10,
        4,
        6,
    )
    assert days["2026-03-02"]["fpy"] == round(19 / 22, 4)
    spans = {(row["from_node"], row["to_node"], row["kind"]): row for row in held(example, "mart_interval")}
    assert spans["n3", "n2", "back"]["mean_h"] == 22.0
    assert spans["n1", "n2", "forward"]["units"] == 6
    assert held(example, "mart_run")[0]["seconds"] == 3600.0
    assert {row["is_out"] for row in held(example, "mart_control")} == {False}


def test_the_present_of_the_marts_is_the_time_that_was_given(example: Warehouse) -> None:
    assert held(example, "mart_freshness")[0]["as_of"] == AS_OF == at("03-04 00:00")
