"""The smaller tables, and what explains a row or a column."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tuyahouse.warehouse import dictionary
from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.bulk.writer import Written
from tuyahouse.warehouse.ledgers import drift, raw_blocks, runs
from tuyahouse.warehouse.marts import VIEWS
from tuyahouse.warehouse.serial_numbers import craft_lines, explain, registry
from tuyahouse.warehouse.shared import slots
from tuyahouse.warehouse.tables import craft_line_node, flow_step, metadata
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
LATER = AT + timedelta(days=1)


@dataclass
class Node:
    code: str
    sort: int | None = 1
    programs: str | None = None
    desc: str | None = None
    extra: dict[str, Any] | None = None


@dataclass
class Line:
    nodes: list[Node]
    last_node: str | None = "PACK"
    code: str | None = "L1"
    name: str | None = "line"
    type: str | None = "pcba"
    extra: dict[str, Any] | None = None


@dataclass
class Entry:
    sn: str
    order_code: str | None = field(default=None)


def write(warehouse: Warehouse, line: Line, at: datetime = AT) -> Written:
    with warehouse.begin() as conn:
        return craft_lines.write(conn, "factory", [("W1", line)], "r1", at, {"W1": at})


def test_a_craft_line_is_written_with_its_nodes(warehouse: Warehouse) -> None:
    assert write(warehouse, Line([Node("SMT"), Node("PACK", 2)])) == Written(inserted=3)
    assert craft_lines.last_nodes(warehouse, "factory", ["W1", "W2"]) == {"W1": "PACK"}


def test_a_craft_line_asked_again_changes_only_the_time_of_asking(warehouse: Warehouse) -> None:
    write(warehouse, Line([Node("SMT")]))
    assert write(warehouse, Line([Node("SMT")]), LATER) == Written(updated=1, unchanged=1)


def test_a_node_that_a_line_no_longer_has_is_gone(warehouse: Warehouse) -> None:
    write(warehouse, Line([Node("SMT"), Node("AOI")]))
    assert write(warehouse, Line([Node("SMT")]), LATER).retired == 1
    with warehouse.read() as conn:
        columns = (craft_line_node.c.node, craft_line_node.c.gone_at)
        assert dict(conn.execute(select(*columns)).all()) == {"SMT": None, "AOI": LATER}


def test_work_orders_without_a_craft_line_are_counted(warehouse: Warehouse) -> None:
    write(warehouse, Line([Node("SMT")]))
    with warehouse.begin() as conn:
        entries = [Entry("S1", "W1"), Entry("S2", "W2"), Entry("S3", "W2"), Entry("S4", "W3"), Entry("S5")]
        registry.add(conn, "factory", entries, "file", AT)
        assert craft_lines.unknown_orders(conn, "factory") == 2


def test_drift_is_counted_with_its_first_sample(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        drift.record(conn, "factory", "sn_flows", {"colour": (3, '"red"'), "a": (1, "\0")}, AT)
        drift.record(conn, "factory", "sn_flows", {"colour": (2, '"blue"')}, LATER)
        drift.record(conn, "factory", "sn_flows", {}, LATER)
        assert drift.listing(conn, "factory") == [
            drift.Drift("factory", "sn_flows", "a", "\ufffd", AT, AT, 1),
            drift.Drift("factory", "sn_flows", "colour", '"red"', AT, LATER, 5),
        ]
        assert drift.listing(conn, "other") == []


def test_calls_are_listed_by_endpoint_the_most_used_first(warehouse: Warehouse) -> None:
    for endpoint, calls in (("GET /a", 2), ("GET /b", 5)):
        warehouse.slots.reserve("factory", endpoint, per_second=0, want=calls, monthly_calls=None)
    warehouse.slots.record("factory", "GET /a", failures=1, throttled=1)
    with warehouse.read() as conn:
        today = datetime.now(UTC).date()
        found = slots.calls_by_endpoint(conn, "factory", today)
        assert found == [("GET /b", 5, 0, 0), ("GET /a", 2, 1, 1)]
        assert slots.calls_since(conn, "factory", today + timedelta(days=1)) == 0


# -------------------------------------------------------------------------------------------------------------- explain


def test_a_serial_number_is_explained_down_to_the_bytes(warehouse: Warehouse) -> None:
    run = runs.start_run(warehouse, "factory", "sync_sn_flows", "k", {})
    write(warehouse, Line([Node("SMT")]))
    names = ("account", "sn", "node", "happened_at", "first_run", "last_run")
    with warehouse.begin() as conn:
        registry.add(conn, "factory", [Entry("S1", "W1")], "sns.csv", AT)
        steps = [
            ("factory", "S1", "AOI", LATER, run.run_id, run.run_id),
            ("factory", "S1", "SMT", AT, run.run_id, None),
        ]
        writer.upsert(conn, flow_step, names, steps)
        raw_blocks.store(conn, "factory", "sn_flows", "b", [("S1", b"as sent")], AT)
        found = explain.explain_sn(conn, "factory", "S1")
    assert found.registry is not None
    assert found.craft_line is not None
    assert (found.registry["source"], found.craft_line["last_node"]) == ("sns.csv", "PACK")
    assert [step["node"] for step in found.steps] == ["SMT", "AOI"]
    assert [one["run_key"] for one in found.runs] == ["k"]
    assert found.answer == raw_blocks.Found("b", AT, b"as sent")


def test_one_that_is_not_registered_is_explained_as_nothing(warehouse: Warehouse) -> None:
    with warehouse.read() as conn:
        assert explain.explain_sn(conn, "factory", "S1") == explain.Explanation("S1", None, None, [], [], [], None)


# ----------------------------------------------------------------------------------------------------------- dictionary


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_every_table_and_column_says_what_it_is(table: Any) -> None:
    assert table.comment
    assert [column.name for column in table.columns if not column.comment] == []


def test_the_dictionary_tells_type_key_and_meaning() -> None:
    found = [entry for entry in dictionary.entries() if (entry.table, entry.column) == ("flow_step", "happened_at")]
    assert [(one.type, one.key, one.nullable, one.comment) for one in found] == [
        ("timestamp with time zone", True, False, "When the unit was at the node")
    ]


def test_the_dictionary_as_a_document_has_a_section_for_each_table() -> None:
    text = dictionary.markdown()
    assert text.count("\n## ") == len(metadata.tables) + len(VIEWS)
    assert "| **sn** | text | Serial number |" in text
