"""Files with more columns than a key and its companion."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.rows import Blank, Refusal, Row, SourceError

PERSONS = Headings(
    frozenset(("deviceid",)),
    frozenset(("personid",)),
    ("device", "person"),
    "Name one of them device_id.",
    lacks="column of devices",
    more=(("action", frozenset(("action", "do"))),),
)
TABLE = [["device_id", "person_id", "action"], ["d1", "p1", "add"], ["", "p2", "add"], ["", "", ""], ["d3", "p3", ""]]
READ = [
    Row("row 2", "d1", "p1", more=(("action", "add"),)),
    Refusal("row 3", "", "its first cell is empty, but others are not"),
    Blank("row 4"),
    Row("row 5", "d3", "p3"),
]


def test_further_columns_are_read_from_text_and_workbooks_and_a_row_without_its_key_is_refused(tmp_path):
    (tmp_path / "persons.csv").write_text("\n".join(",".join(row) for row in TABLE) + "\n")
    book = Workbook()
    for row in TABLE:
        book.active.append(row)
    book.save(tmp_path / "persons.xlsx")
    for name in ("persons.csv", "persons.xlsx"):
        assert list(read_file(tmp_path / name, PERSONS)) == READ
    assert [READ[0].cell("action"), READ[3].cell("action")] == ["add", ""]


def test_further_columns_are_read_from_parquet(tmp_path):
    columns = {name: [row[i] for row in TABLE[1:]] for i, name in enumerate(TABLE[0])}
    pq.write_table(pa.table(columns), tmp_path / "persons.parquet")
    read = list(read_file(tmp_path / "persons.parquet", PERSONS))
    assert [(type(one), getattr(one, "more", None)) for one in read] == [
        (type(one), getattr(one, "more", None)) for one in READ
    ]


def test_two_columns_that_could_be_the_same_further_one_are_refused(tmp_path):
    (tmp_path / "persons.csv").write_text("device_id,person_id,action,do\nd1,p1,add,remove\n")
    with pytest.raises(SourceError, match="2 columns that could hold the action: action, do"):
        list(read_file(tmp_path / "persons.csv", PERSONS))
