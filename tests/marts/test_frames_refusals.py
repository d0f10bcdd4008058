"""What frames are asked for, odd or wrong: columns of other libraries work, the rest is refused in sentences."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from sqlalchemy import text

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill
from tuyahouse import frames
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def example(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def test_values_of_pandas_and_numpy_are_a_list(example: Warehouse) -> None:
    def units(**where: Any) -> int:
        return len(frames.read("mart_unit", warehouse=example, where=where))

    assert units(sn=pandas.Series(["u1", "u2"])) == units(sn=numpy.array(["u1", "u2"])) == 2
    assert units(sn=pandas.Index(["u1"])) == units(sn=iter(["u1"])) == units(sn={"u1": 1}.keys()) == 1
    first = frames.read("mart_unit", warehouse=example, where={"sn": "u1"})
    steps, finished, clean = (first[name] for name in ("steps", "finished_at", "clean"))
    assert units(sn="u1", steps=steps) == units(sn="u1", steps=steps[0]) == units(sn="u1", clean=clean) == 1
    assert units(sn="u1", finished_at=finished) == units(sn="u1", finished_at=finished.to_numpy()) == 1
    assert units(sn="u1", steps=float(steps[0])) == 1
    assert units(finished_at=pandas.NaT) == units(finished_at=[None]) == 7
    assert units(finished_at=[None, finished[0]]) > 7


WRONG = [
    (lambda w: frames.read("mart_unit", where={"steps": 1.5}, warehouse=w), "1.5 cannot be compared with steps"),
    (lambda w: frames.read("mart_unit", where={"steps": [1, 2.5]}, warehouse=w), "2.5 cannot be compared with steps"),
    (lambda w: frames.read("mart_unit", where={"steps": float("inf")}, warehouse=w), "holds whole numbers"),
    (lambda w: frames.read("mart_unit", where={"steps": True}, warehouse=w), "holds whole numbers"),
    (lambda w: frames.read("mart_unit", where={"steps": 2**70}, warehouse=w), "holds whole numbers"),
    (lambda w: frames.read("mart_unit", where={"sn": {"u1": 1}}, warehouse=w), "write a value, or a list of values"),
    (lambda w: frames.read("mart_unit", where={"sn": [["u1"]]}, warehouse=w), "['u1'] cannot be compared with sn"),
    (lambda w: frames.read("mart_unit", where={"sn": numpy.array("u1")}, warehouse=w), "a list of values"),
    (lambda w: frames.read("mart_unit", where={"sn": object()}, warehouse=w), "holds texts"),
    (lambda w: frames.read("mart_unit", where={"sn": "\ud800"}, warehouse=w), r"'\ud800' cannot be compared with sn"),
    (lambda w: frames.read("mart_unit", account="\ud800", warehouse=w), "cannot be compared with account"),
    (lambda w: frames.read("mart_unit", account=5, warehouse=w), "named by text, not by 5"),
    (lambda w: frames.read("mart_unit", where="sn=u1", warehouse=w), "where maps columns to values"),
    (lambda w: frames.read("mart_unit", columns="sn", warehouse=w), "write columns=['sn']"),
    (lambda w: frames.read("mart_unit", columns=["sn", "sn"], warehouse=w), "name each once"),
    (lambda w: frames.read("mart_unit", columns=[1], warehouse=w), "named by text, not by 1"),
    (lambda w: frames.read(None, warehouse=w), "named by text, not by None"),
    (lambda w: frames.read("mart_unit", limit=-1, warehouse=w), "limit=-1 is not a whole number of rows"),
    (lambda w: frames.read("mart_unit", limit="x", warehouse=w), "limit='x' is not a whole number of rows"),
    (lambda w: frames.chunks("mart_unit", rows=0, warehouse=w), "rows=0 is not a whole number of rows: write 1"),
    (lambda w: frames.chunks("mart_unit", rows=-1, warehouse=w), "rows=-1 is not a whole number of rows"),
    (lambda w: frames.read("mart_unit", since="0001-01-01T00:00+14:00", warehouse=w), "cannot be compared with"),
    (lambda w: frames.read("mart_unit", since=pandas.NaT, warehouse=w), "is no time"),
    (lambda w: frames.read("mart_unit", time_zone=None, warehouse=w), "None is not a time zone"),
    (
        lambda w: frames.read("mart_day_summary", where={"factory_day": "2026-03-02xyz"}, warehouse=w),
        "holds days: write 2026-03-02",
    ),
    (lambda w: frames.read("ops_chunk", account=ACCOUNT, warehouse=w), "ops_chunk belongs to no account"),
    (lambda w: frames.read("mart_unit", warehouse="/tmp/x.db"), "warehouse= is neither an open warehouse nor"),
    (lambda w: frames.read("mart_unit", warehouse="mysql://x/y"), "warehouse= names mysql"),
    (lambda w: frames.query("SELECT 1; DELETE FROM flow_step", warehouse=w), "The query was refused"),
    (lambda w: frames.query("COMMIT", warehouse=w), "The query was refused"),
]


@pytest.mark.parametrize(("ask", "words"), WRONG)
def test_what_is_wrong_is_said_in_a_sentence(warehouse: Warehouse, ask: Any, words: str) -> None:
    with pytest.raises(WarehouseError) as refused:
        ask(warehouse)
    assert words in str(refused.value)


def test_a_database_without_a_warehouse_is_left_as_it_is(warehouse_url: str, tmp_path: Path) -> None:
    (tmp_path / "warehouse.db").touch()
    for read in (
        lambda: frames.read("mart_unit", warehouse=warehouse_url),
        lambda: frames.names(warehouse=warehouse_url),
    ):
        with pytest.raises(WarehouseError, match=r"holds no warehouse\. warehouse= names it: name another one"):
            read()
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [("warehouse.db", 0)]


def test_the_file_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "other.db")
    conn.execute("CREATE TABLE theirs (id)")
    conn.close()
    before = (tmp_path / "other.db").read_bytes()
    with pytest.raises(WarehouseError, match="holds no warehouse"):
        frames.read("mart_unit", warehouse=f"sqlite:///{tmp_path / 'other.db'}")
    assert (tmp_path / "other.db").read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '{}/new.db' AS y",
        "VACUUM INTO '{}/new.db'",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 7",
        "COMMIT",
        "CREATE TEMP TABLE t (id)",
    ],
)
def test_no_statement_of_sqlite_writes_any_file(sqlite_url: str, tmp_path: Path, sql: str) -> None:
    Warehouse.open(sqlite_url).close()
    with pytest.raises(WarehouseError, match=r"refused: (it does more than read|cannot VACUUM)"):
        frames.query(sql.format(tmp_path), warehouse=sqlite_url)
    assert not (tmp_path / "new.db").exists()
    assert len(frames.query("PRAGMA table_info(flow_step)", warehouse=sqlite_url)) > 5


def test_a_warehouse_that_was_read_is_written_again(example: Warehouse) -> None:
    frames.read("mart_unit", warehouse=example)
    with example.begin() as conn:
        conn.execute(text("DELETE FROM flow_step WHERE sn = 'u1'"))
    assert len(frames.read("flow_step", warehouse=example)) == 24


def test_a_mistake_in_a_query_is_not_said_to_be_the_warehouses(example: Warehouse) -> None:
    asked = "json_extract(sn, '$.a')" if example.dialect == "sqlite" else "CAST(sn AS json)"
    for wanted in (asked, f"CASE WHEN sn = 'u9' THEN {asked} END"):
        with pytest.raises(WarehouseError, match="The query was refused") as refused:
            frames.query(f"SELECT {wanted} FROM mart_unit", warehouse=example)
        assert "damaged" not in str(refused.value)


def test_a_time_beside_a_day_is_read(example: Warehouse) -> None:
    days = frames.read(
        "mart_day_summary", warehouse=example, since="2026-03-02T05:00", until=datetime(2026, 3, 3, tzinfo=UTC)
    )
    assert len(days) == 1
