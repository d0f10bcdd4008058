"""How SQLite reads the steps of a work order that is refreshed: by indexes, however many steps other orders have."""

import pytest
from sqlalchemy import event, text

from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.marts.refresh import Rules, refresh
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.mark.parametrize("false_means", ["failed", "open"])
def test_a_refresh_reads_the_steps_and_units_of_its_work_orders_alone(sqlite_url: str, false_means: str) -> None:
    warehouse, plans = Warehouse.open(sqlite_url), dict[str, list[str]]()

    def explain(conn, _cursor, statement, parameters, _context, _many):
        if statement.startswith(("INSERT INTO mart_stage", "INSERT INTO new_mart_unit")):
            found = conn.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[statement.split()[2]] = [row[3] for row in found]

    with warehouse.begin() as conn:
        event.listen(conn.engine, "before_cursor_execute", explain)
        conn.execute(
            text("INSERT INTO serial_number (account, sn, state, added_at) VALUES ('demo', 'S1', 'open', '2026-01-01')")
        )
        marks.mark_orders(conn, "demo", ["WO1"], "test")
    refresh(warehouse, "demo", Rules(false_means=false_means))
    assert plans.keys() == {"mart_stage", "new_mart_unit"}
    read = [line for lines in plans.values() for line in lines]
    assert not [line for line in read if line.startswith(("SCAN f", "SCAN r", "SCAN o"))], read
    assert "SEARCH f USING INDEX ix_flow_step_order_code (order_code=?)" in plans["mart_stage"]
    assert "SEARCH r USING INDEX ix_serial_number_order_code (order_code=?)" in plans["new_mart_unit"]
    others = [line for line in plans["mart_stage"] if line.startswith("SEARCH o ")]
    assert others and all("(account=? AND sn=?)" in line for line in others), others
    warehouse.close()
