"""Checks of the data are rows, and the note of a night names them; each kind of odd data has its check."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from tests.marts import example
from tests.marts.example import ACCOUNT, AS_OF, RULES, held
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.marts import quality
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def odd(warehouse: Warehouse) -> Warehouse:
    """The worked example, with a unit in two orders at once, one from the future, one that skipped a node, drift."""
    example.fill(warehouse)

    def step(sn: str, order: str, node: str, at: datetime) -> dict[str, object]:
        return {"sn": sn, "order_code": order, "node": node, "happened_at": at, "status": True, "account": ACCOUNT}

    steps = [
        step("u6", "A1", "n2", example.at("03-02 09:00")),  # u6 went on in A1 after its first step in B1 at 07:50,
        step("u6", "B1", "x2", example.at("03-02 08:30")),  # and ended in B1 meanwhile
        step("f1", "A1", "n1", AS_OF + timedelta(hours=25)),
        *[step("s1", "A1", node, example.at(at)) for node, at in (("n1", "03-02 01:00"), ("n3", "03-02 02:00"))],
    ]
    with warehouse.begin() as conn:
        conn.execute(insert(tables.flow_step), steps)
        drift = {"kind": "device", "field": "battery", "first_seen_at": AS_OF, "last_seen_at": AS_OF, "answers": 7}
        conn.execute(insert(tables.ops_drift), [{"account": ACCOUNT, **drift}])
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def test_each_kind_of_odd_data_is_a_row_that_names_it(odd: Warehouse) -> None:
    rows = {(row["check_name"], row["order_code"], row["key"], row["what"]) for row in held(odd, "mart_quality")}
    assert rows >= {
        ("in_two_orders", "A1", "u6", "B1"),
        ("step_in_future", "A1", "f1", "2026-03-05 01:00:00"),
        ("skipped_node", "A1", "s1", "1 of 3"),
        ("moved_back", "A1", "u4", "1"),
        ("off_route_node", "A1", "z9", "1"),
        ("command_conflict", None, "c6", "api ?, message ?"),
        ("undocumented_field", None, "device.battery", "7"),
        ("sn_device_conflict", "A1", "d2", "device_has_several_sns: u2"),
    }


def test_a_note_names_rows_of_errors_and_warnings(odd: Warehouse) -> None:
    with odd.read() as conn:
        found = quality.findings(conn, ACCOUNT)
    said = [quality.in_words(finding, ACCOUNT) for finding in found]
    assert found[0][:3] == ("step_in_future", "error", 1)
    assert (
        "Error step_in_future: 1 rows, f1 of A1 (2026-03-05 01:00:00). All of them: `tuyahouse export mart_quality -a f"
        " --out quality.xlsx --where check_name=step_in_future`"
    ) in said
    assert {finding.severity for finding in found} == {"error", "warning"}
    assert not [one for one in said if "moved_back" in one or "undocumented_field" in one]
