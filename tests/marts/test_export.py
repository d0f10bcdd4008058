"""``tuyahouse export``: the same values as in SQL, ids as text, formulas as text, files that are whole or not there."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pyarrow.parquet
import pytest
from sqlalchemy import text, update

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill, held
from tuyahouse import export as files
from tuyahouse.export import export
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import MARTS, Kind
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.tables import flow_step
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def example(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def test_parquet_holds_every_mart_with_its_types(example: Warehouse, tmp_path: Path) -> None:
    for mart in MARTS.values():
        count = export(example, mart.name, ACCOUNT, tmp_path / "x.parquet")
        table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
        rows = [{key: cell for key, cell in row.items() if key != "account"} for row in table.to_pylist()]
        assert count == len(rows)
        assert sorted(map(repr, rows)) == sorted(map(repr, [_utc(row) for row in held(example, mart.name)])), mart.name
    assert table.schema.metadata[b"account"] == b"f"


def _utc(row: dict) -> dict:
    """As Arrow gives times back: with the zone's name."""
    import zoneinfo

    utc = zoneinfo.ZoneInfo("UTC")
    return {key: cell.astimezone(utc) if isinstance(cell, datetime) else cell for key, cell in row.items()}


def test_csv_has_times_in_iso_and_no_formula(example: Warehouse, tmp_path: Path) -> None:
    with example.begin() as conn:
        conn.execute(update(flow_step).where(flow_step.c.sn == "u1").values(node_desc="=1+1"))
    export(example, "flow_step", ACCOUNT, tmp_path / "x.csv", where={"sn": "u1"})
    assert (tmp_path / "x.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert next((row["sn"], row["happened_at"], row["status"], row["node_desc"]) for row in rows) == (
        "u1",
        "2026-03-02T01:00:00Z",
        "true",
        "'=1+1",
    )
    assert len(rows) == 3


def test_a_workbook_has_ids_as_text_local_times_and_a_sheet_about_it(example: Warehouse, tmp_path: Path) -> None:
    with example.begin() as conn:
        conn.execute(text("UPDATE mart_unit SET sn = '=HYPERLINK(1)' WHERE sn = 'u1'"))
        conn.execute(text("UPDATE mart_unit SET sn = '00123' WHERE sn = 'u2'"))
    export(example, "mart_unit", ACCOUNT, tmp_path / "x.xlsx", where={"order_code": "A1"})
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert book.sheetnames == ["about", "mart_unit"]
    lines = [(row[0].value, row[1].value) for row in book["about"].iter_rows(max_col=2) if row[0].value]
    about = dict(reversed(lines))
    assert (about["account"], about["times are in"]) == ("f", "Asia/Shanghai")
    assert about["seen_when_asked"].startswith("what was recorded")
    header, *rows = list(book["mart_unit"].iter_rows())
    names = [cell.value for cell in header]
    assert "finished_at (Asia/Shanghai)" in names and book["mart_unit"].freeze_panes == "A2"
    first = dict(zip(names, rows[0], strict=True))
    assert (first["sn"].value, first["sn"].data_type) == ("00123", "s")
    formula = next(row for row in rows if row[names.index("sn")].value == "=HYPERLINK(1)")
    assert formula[names.index("sn")].data_type == "s"
    assert formula[names.index("finished_at (Asia/Shanghai)")].value == datetime.fromisoformat("2026-03-02 13:00")
    assert book["mart_unit"].auto_filter.ref == f"A1:T{len(rows) + 1}"


def test_more_rows_than_a_sheet_holds_are_refused_and_nothing_is_left(
    example: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SHEET_ROWS", 5)
    with pytest.raises(WarehouseError, match=r"more rows than a sheet holds .*parquet"):
        export(example, "flow_step", ACCOUNT, tmp_path / "x.xlsx")
    assert list(tmp_path.glob("*x.xlsx*")) == []


def test_what_cannot_be_written_is_said(example: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"nowhere/x\.csv cannot be written: No such file or directory"):
        export(example, "flow_step", ACCOUNT, tmp_path / "nowhere" / "x.csv")
    with pytest.raises(WarehouseError, match=r"x\.json must end in one of \.csv, \.parquet, \.xlsx"):
        export(example, "flow_step", ACCOUNT, tmp_path / "x.json")


def test_a_text_like_an_error_of_a_sheet_is_text(example: Warehouse, tmp_path: Path) -> None:
    with example.begin() as conn:
        conn.execute(text("UPDATE mart_unit SET sn = '#N/A' WHERE sn = 'u1'"))
    export(example, "mart_unit", ACCOUNT, tmp_path / "x.xlsx", where={"sn": "#N/A"})
    for sheet in (book := openpyxl.load_workbook(tmp_path / "x.xlsx")):
        cells = [cell for row in sheet.iter_rows() for cell in row if "#N/A" in str(cell.value)]
        assert [cell.data_type for cell in cells] == ["s"], sheet.title
    assert len(book.sheetnames) == 2


def test_an_export_to_a_link_writes_its_target_and_touches_no_other_file(example: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "other").write_text("other")
    (tmp_path / "x.csv").symlink_to(tmp_path / "kept" / "orders.csv")
    (tmp_path / ".x.csv.part").symlink_to(tmp_path / "other")
    assert export(example, "mart_order", ACCOUNT, tmp_path / "x.csv") == 2
    assert (tmp_path / "x.csv").is_symlink() and (tmp_path / "other").read_text() == "other"
    assert len((tmp_path / "kept" / "orders.csv").read_text().splitlines()) == 3
    assert [one.name for one in (tmp_path / "kept").iterdir()] == ["orders.csv"]


def test_the_command_refuses_what_it_would_not_do(cli, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "x.csv"))
    twice = cli("export", "serial_number", "-a", "demo", *out, "--where", "sn=A", "--where", "sn=B")
    assert (twice.exit_code, "sn is named twice" in twice.stderr) == (2, True)
    cli("sn", "add", "-a", "demo", "--pattern", "A0001..A0003")
    result = cli("export", "ops_chunk", "-a", "demo", *out)
    assert (result.exit_code, "ops_chunk belongs to no account" in result.stderr) == (1, True)
    assert not (tmp_path / "x.csv").exists()


def test_the_command_names_what_is_nearest(cli, tmp_path: Path) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "A0001..A0003")
    result = cli("export", "serial_numbr", "-a", "demo", "--out", str(tmp_path / "x.csv"))
    assert result.exit_code == 1
    assert "Did you mean serial_number" in result.stderr
    result = cli("export", "serial_number", "-a", "demo", "--out", str(tmp_path / "x.csv"), "--where", "sn=A0002")
    assert (result.exit_code, result.stdout.split(": ")[1]) == (0, "1 rows of serial_number.\n")


def test_kinds_that_no_mart_has_are_text_or_bytes() -> None:
    assert {field.kind for mart in MARTS.values() for field in mart.fields} <= set(Kind) - {Kind.JSON, Kind.BYTES}
    assert datetime(2026, 3, 4, tzinfo=UTC) == AS_OF
