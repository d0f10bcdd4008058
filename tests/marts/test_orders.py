"""``tuyahouse orders add``: plans from files of every kind, and what is refused in which words."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from sqlalchemy import select

from tests.support.sandbox import Sandbox
from tuyahouse.sync.serial_numbers.orders import add_plans, due_at
from tuyahouse.warehouse.tables import ops_dead_letter, work_order
from tuyahouse.warehouse.warehouse import Warehouse

SHANGHAI = ZoneInfo("Asia/Shanghai")
DUE = datetime(2026, 3, 5, 16, tzinfo=UTC)


@pytest.fixture
def account(sandbox: Sandbox):
    return sandbox.account.model_copy(update={"factory_time_zone": "Asia/Shanghai"})


def plans(warehouse: Warehouse) -> dict[str, tuple]:
    with warehouse.read() as conn:
        return {row.order_code: tuple(row)[2:5] for row in conn.execute(select(work_order))}


def test_a_csv_of_plans_is_taken_over_and_again_changes_nothing(warehouse: Warehouse, account, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    file.write_text(
        "工单号,计划数量,交期,产品\nA1,12,2026-03-06 00:00,Lock L1\nB1,,2026-03-05,\nC1,7,2026-03-05T16:00Z,\n"
    )
    outcome = add_plans(warehouse, account, file)
    assert (outcome.added, outcome.refused) == (3, [])
    assert plans(warehouse) == {"A1": (12, DUE, "Lock L1"), "B1": (None, DUE, None), "C1": (7, DUE, None)}
    assert (add_plans(warehouse, account, file).added, add_plans(warehouse, account, file).known) == (0, 3)


def test_what_a_later_file_leaves_out_stays(warehouse: Warehouse, account, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    file.write_text("order_code,planned_units,due_at\nA1,12,2026-03-05\n")
    add_plans(warehouse, account, file)
    file.write_text("order_code,planned_units\nA1,15\n")
    add_plans(warehouse, account, file)
    assert plans(warehouse) == {"A1": (15, DUE, None)}


def test_dates_of_a_workbook_and_of_parquet_are_dates(warehouse: Warehouse, account, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ("order_code", "planned_units", "due_at"),
        ("A1", 12, datetime.fromisoformat("2026-03-05")),
        ("A2", 3, datetime.fromisoformat("2026-03-06 00:30")),
    ):
        book.active.append(row)
    book.save(tmp_path / "plans.xlsx")
    assert add_plans(warehouse, account, tmp_path / "plans.xlsx").refused == []
    table = pyarrow.table(
        {"order_code": ["A3"], "planned_units": [5], "due_at": [datetime(2026, 3, 5, 16, tzinfo=UTC)]}
    )
    pyarrow.parquet.write_table(table, tmp_path / "plans.parquet")
    assert add_plans(warehouse, account, tmp_path / "plans.parquet").refused == []
    assert plans(warehouse) == {
        "A1": (12, DUE, None),
        "A2": (3, datetime(2026, 3, 5, 16, 30, tzinfo=UTC), None),
        "A3": (5, DUE, None),
    }


def test_rows_that_cannot_be_used_are_refused_in_words_and_kept(warehouse: Warehouse, account, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    file.write_text(
        "order_code,planned_units,due_at\nA1,-5,\nA2,10.5,\nA3,ten,\nA4,1,06/03/2026\nA5,1,2026-02-30\nA6,9,\n"
        "A7,1,9999-12-31\n"
    )
    outcome = add_plans(warehouse, account, file)
    assert [(one.place, one.reason.split(":")[0]) for one in outcome.refused] == [
        ("row 2", "its plan '-5' is not a number of units"),
        ("row 3", "its plan '10.5' is not a number of units"),
        ("row 4", "its plan 'ten' is not a number of units"),
        ("row 5", "its due date '06/03/2026' is not understood"),
        ("row 6", "its due date '2026-02-30' is not understood"),
        ("row 8", "its due date '9999-12-31' is the end of time"),
    ]
    assert plans(warehouse) == {"A6": (9, None, None)}
    with warehouse.read() as conn:
        assert len(conn.execute(select(ops_dead_letter).where(ops_dead_letter.c.kind == "work_order")).all()) == 6


def test_a_row_that_contradicts_an_earlier_one_is_refused_with_both_numbers(
    warehouse: Warehouse, account, tmp_path: Path
) -> None:
    file = tmp_path / "plans.csv"
    file.write_text("order_code,planned_units,due_at\nA1,12,2026-03-05\nA1,12,2026/3/5\nB1,7,\nA1,15,2026-03-06\n")
    outcome = add_plans(warehouse, account, file)
    assert [(one.place, one.value, one.reason) for one in outcome.refused] == [
        (
            "row 5",
            "A1",
            "row 2, which is kept, plans the same work order with another planned_units and due_at: "
            "leave the one row that is right",
        )
    ]
    assert (outcome.added, outcome.duplicates, outcome.refused_count, outcome.balanced) == (2, 1, 1, True)
    assert plans(warehouse) == {"A1": (12, DUE, None), "B1": (7, None, None)}
    file.write_text("order_code,planned_units,due_at\nA1,15,2026-03-05\n")
    assert add_plans(warehouse, account, file).refused == []
    assert plans(warehouse)["A1"] == (15, DUE, None)


@pytest.mark.parametrize(
    "text", ["2026-03-05", "2026/3/6 00:00", "2026-03-06T00:00:00", "2026-03-05 17:00+01:00", "2026-03-05T16:00Z"]
)
def test_a_due_date_is_meant_in_the_zone_of_the_factory_unless_it_names_one(text: str) -> None:
    assert due_at(text, SHANGHAI) == DUE


def test_a_work_order_without_a_unit_is_kept_and_named(cli, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    file.write_text("order_code,planned_units\nNOBODY,5\n")
    result = cli("orders", "add", "-a", "demo", str(file))
    assert result.exit_code == 0
    assert "1 planned work orders have no units yet: NOBODY. Their plans are kept." in result.stdout
    assert "plans.csv: 1 rows read: 1 registered" in result.stdout


def test_a_plan_that_cannot_be_is_named_by_the_command_and_the_rest_of_the_file_counts(cli, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    file.write_text("order_code,planned_units,due_at\nA1,-5,\nA2,10.5,\nA3,7,05.03.2026\nA4,7,2026-03-05T17:00+01:00\n")
    done = cli("orders", "add", "-a", "demo", str(file))
    assert done.exit_code == 3, done.stdout
    for words in ("row 2: 'A1' is refused: its plan '-5'", "row 3: 'A2' is refused: its plan '10.5'", "row 4: 'A3'"):
        assert words in done.stdout
    assert "1 registered" in done.stdout and "3 refused" in done.stdout


def test_a_file_without_a_column_of_work_orders_is_told_what_it_lacks(cli, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    file.write_text("order,units\nA1,5\n")
    result = cli("orders", "add", "-a", "demo", str(file))
    assert result.exit_code == 1
    assert "plans.csv has no column of work orders. Its columns are: order, units. Name one of them order_code" in (
        result.stderr
    )
