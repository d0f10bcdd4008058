"""``tuyahouse.frames``: the same frames on both databases, types from the definitions, bad names in sentences."""

import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pandas
import pytest

from tests.marts.example import ACCOUNT, AS_OF, RULES, expected, fill, held
from tuyahouse import frames
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import MARTS, Kind
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.warehouse import Warehouse

DTYPES = {
    Kind.TEXT: "str",
    Kind.COUNT: "Int64",
    Kind.BIG: "Int64",
    Kind.NUMBER: "float64",
    Kind.FLAG: "boolean",
    Kind.TIME: "datetime64[us, UTC]",
    Kind.DAY: "datetime64[s]",
}


@pytest.fixture
def example(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def plain(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    """The cells as Python has them."""

    def cell(value: Any) -> Any:
        if value is None or value is pandas.NA or value is pandas.NaT or value != value:
            return None
        if isinstance(value, pandas.Timestamp):
            return value.to_pydatetime() if value.tzinfo else value.date()
        return value.item() if hasattr(value, "item") else value

    return [{name: cell(row[name]) for name in frame.columns} for _, row in frame.astype(object).iterrows()]


def test_every_mart_is_a_frame_with_the_values_and_types_of_its_definition(example: Warehouse) -> None:
    for mart in MARTS.values():
        frame = frames.read(mart.name, warehouse=example, account=ACCOUNT)
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
            one.name: DTYPES[one.kind] for one in mart.fields
        }
        rows = [{key: cell for key, cell in row.items() if key != "account"} for row in plain(frame)]
        assert sorted(map(repr, rows)) == sorted(map(repr, held(example, mart.name))), mart.name


def test_an_empty_frame_has_the_same_types(example: Warehouse) -> None:
    whole = frames.read("mart_order", warehouse=example)
    empty = frames.read("mart_order", warehouse=example, where={"order_code": "nothing"})
    assert len(empty) == 0 and (empty.dtypes == whole.dtypes).all()


def test_arrow_gives_the_same_as_read(example: Warehouse) -> None:
    for name in (*MARTS, "flow_step"):
        frame = frames.read(name, warehouse=example, account=ACCOUNT)
        table = frames.arrow(name, warehouse=example, account=ACCOUNT).read_all()
        assert table.column_names == list(frame.columns)
        assert plain(table.to_pandas(types_mapper={}.get).astype(frame.dtypes)) == plain(frame), name


def test_conditions_columns_and_times_narrow_it(example: Warehouse) -> None:
    def read(**given: Any) -> pandas.DataFrame:
        return frames.read("mart_unit", warehouse=example, account=ACCOUNT, **given)

    assert list(read(where={"state": "open", "order_code": "A1"}, columns=["sn", "steps"])["sn"]) == [
        "u10",
        "u3",
        "u4",
        "u8",
    ]
    assert len(read(where={"sn": ["u1", "u2"]})) == 2
    assert len(read(where={"sn": []})) == 0
    assert len(read(where={"finished_at": None})) == 7
    assert len(read(where={"clean": True})) == 2
    steps = frames.read("flow_step", warehouse=example, since="2026-03-02T14:00", until=date(2026, 3, 4))
    assert list(steps["sn"]) == ["u4", "u9"]
    days = frames.read("mart_day_summary", warehouse=example, since="2026-03-02", until="2026-03-03")
    assert list(days["finished"]) == [4]
    local = read(where={"sn": "u1"}, time_zone="Asia/Shanghai")
    assert local["finished_at"][0].isoformat() == "2026-03-02T13:00:00+08:00"
    assert read(limit=3, index=True).index.names == ["account", "order_code", "sn"]


def test_chunks_are_the_whole_in_parts(example: Warehouse) -> None:
    parts = list(frames.chunks("flow_step", rows=10, warehouse=example))
    assert [len(part) for part in parts] == [10, 10, 7]
    whole = frames.read("flow_step", warehouse=example)
    assert pandas.concat(parts, ignore_index=True).equals(whole)
    assert not {"extend_data", "answer_hash"} & set(frames.read("device", warehouse=example).columns)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda w: frames.read("mart_unitt", warehouse=w), "no table or mart 'mart_unitt'. Did you mean mart_unit"),
        (
            lambda w: frames.read("mart_unit", columns=["snn"], warehouse=w),
            "mart_unit has no column 'snn'. Did you mean sn",
        ),
        (lambda w: frames.read("mart_unit", where={"stat": 1}, warehouse=w), "Did you mean state"),
        (
            lambda w: frames.read("mart_unit", account="ff", warehouse=w),
            "holds nothing of account 'ff'. Did you mean f?",
        ),
        (lambda w: frames.read("mart_unit", since="yesterday", warehouse=w), "'yesterday' cannot be compared with"),
        (lambda w: frames.read("mart_unit", time_zone="Mars", warehouse=w), "'Mars' is not a time zone"),
        (lambda w: frames.read("mart_bucket", since="2026-01-01", warehouse=w), "mart_bucket has no time"),
        (lambda w: frames.describe("units"), "There is no table or mart 'units'"),
        (lambda w: frames.query("DELETE FROM flow_step", warehouse=w), "refused"),
        (lambda w: frames.query("SELEC 1", warehouse=w), "refused"),
        (lambda w: frames.read("mart_unit", warehouse="sqlite:///nowhere.db"), "/nowhere.db. warehouse= names it: "),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(example: Warehouse, ask: Any, words: str) -> None:
    with pytest.raises(WarehouseError) as refused:
        ask(example)
    assert words in str(refused.value)
    assert len(frames.read("flow_step", warehouse=example)) == 27


def test_a_query_of_your_own_is_a_frame(example: Warehouse) -> None:
    frame = frames.query(
        "SELECT sn FROM mart_unit WHERE state = :state ORDER BY sn", {"state": "left"}, warehouse=example
    )
    assert list(frame["sn"]) == ["u6"]
    assert list(frames.query("SELECT 1 AS one WHERE 1 = 0", warehouse=example).columns) == ["one"]


def test_names_and_descriptions_are_those_of_the_dictionary(example: Warehouse) -> None:
    found = frames.names(warehouse=example).set_index("name")
    assert set(found.index) == set(MARTS)
    assert (found["rows"]["mart_unit"], found["grain"]["mart_wip"]) == (
        11,
        "account, order_code, last_node, last_result",
    )
    described = frames.describe("mart_unit").set_index("column")
    assert described["dtype"]["finished_at"] == "datetime64[us, UTC]"
    assert described["meaning"]["clean"] == "Finished, and failed, repeats and erased are 0"


def test_the_library_alone_imports_no_pandas() -> None:
    code = "import sys, tuyahouse.frames, tuyahouse.export; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_times_of_the_example_are_utc(example: Warehouse) -> None:
    frame = frames.read("mart_unit", warehouse=example, where={"sn": "u1"})
    assert frame["first_step_at"][0] == datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert expected("mart_unit")[0]["first_step_at"] == datetime(2026, 3, 2, 1, tzinfo=UTC)
