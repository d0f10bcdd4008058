"""Frames of a warehouse in its first state: no plans, and columns that begin with thousands of nulls."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill
from tuyahouse import frames
from tuyahouse.warehouse import reading
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.tables import work_order
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def without_plans(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    with warehouse.begin() as conn:
        conn.execute(text("DELETE FROM work_order"))
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def test_arrow_reads_every_relation_of_a_warehouse_without_plans(without_plans: Warehouse) -> None:
    for name in reading.relations():
        for columns in (None, [one.name for one in reading.relation(name).fields]):
            table = frames.arrow(name, warehouse=without_plans, columns=columns).read_all()
            assert table.num_rows == len(frames.read(name, warehouse=without_plans)), name


def test_arrow_reads_the_forecast_of_orders_that_have_none(without_plans: Warehouse) -> None:
    orders = frames.read("mart_order", warehouse=without_plans)
    without = list(orders[orders["forecast_on"].isna()]["order_code"])
    table = frames.arrow("mart_order", warehouse=without_plans, where={"order_code": without}).read_all()
    assert str(table.schema.field("forecast_on").type) == "date32[day]"
    assert table["forecast_on"].null_count == table.num_rows == len(without) > 0


def test_arrow_reads_a_column_that_is_null_in_its_first_thousands_of_rows(warehouse: Warehouse) -> None:
    due = datetime(2026, 3, 5, 16, tzinfo=UTC)
    empty = {"planned_units": None, "due_at": None, "product": None}
    rows = [{"account": "f", "order_code": f"W{n:04}", "source": "x.csv", **empty} for n in range(3_000)]
    rows[-1] |= {"planned_units": 7, "due_at": due, "product": "Lock"}
    with warehouse.begin() as conn:
        conn.execute(insert(work_order), rows)
    table = frames.arrow("work_order", warehouse=warehouse, columns=["product", "planned_units", "due_at"]).read_all()
    assert table.num_rows == 3_000
    assert table.slice(2_999).to_pylist()[0] == {"product": "Lock", "planned_units": 7, "due_at": due}
    cut = frames.arrow("work_order", warehouse=warehouse, columns=["order_code"], limit=2).read_all()
    assert cut.to_pylist() == [{"order_code": "W0000"}, {"order_code": "W0001"}]
