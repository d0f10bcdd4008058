"""Files as they came from factories, each through ``tuyahouse sn add`` as an operator gives it."""

import csv
import io
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.cli.conftest import cli, environment, program

__all__ = ["cli", "environment", "program"]

FILES = Path(__file__).with_name("files")


def numbers(first: int, last: int) -> list[str]:
    return [f"YZCB{n:05d}" for n in range(first, last + 1)]


FIVE = dict.fromkeys(numbers(1, 5), "WO1")
CASES: list[tuple[str, int, dict[str, str], str]] = [
    ("c1_empty_fill.xlsx", 0, FIVE, "5 registered"),
    ("c2_formula_uncached.xlsx", 3, {}, 'row 2: \'="YZCB"&TEXT(ROW()-1,"00000")\' is refused: it is a formula without'),
    ("c3_x000d.xlsx", 0, {f"{sn}XX": "WO1XX" for sn in numbers(1, 3)}, "0 refused"),
    ("c3c_x005f.xlsx", 0, {f"{sn}XX": "WO1XX" for sn in numbers(1, 3)}, "0 refused"),
    ("c4a_format.xlsx", 0, dict.fromkeys(numbers(1, 3), "WO1"), "3 registered"),
    ("c4b_format.xlsx", 0, dict.fromkeys(("00001", "00002", "00003"), "WO1"), "3 registered"),
    (
        "c5_three_sheets.xlsx",
        0,
        {f"YZCB{box}000{n}": f"WO{box or 1}" for box in (0, 2, 3) for n in (1, 2)},
        "6 registered",
    ),
    (
        "c6_merged_order.xlsx",
        0,
        dict.fromkeys(numbers(1, 3), "WO1") | dict.fromkeys(numbers(4, 6), "WO2"),
        "6 registered",
    ),
    ("c7_strict.xlsx", 0, FIVE, "5 registered"),
    ("c9_html.xls", 1, {}, "c9_html.xls is a web page or XML, whatever its name says"),
    ("c9b_2003.xls", 1, {}, "c9b_2003.xls is a web page or XML, whatever its name says"),
    ("c12_cat.csv", 0, dict.fromkeys(numbers(1, 2), "WO1") | {"YZCB00003": "WO2"}, "1 row that repeats the header"),
    ("c13_latin1.csv", 0, dict.fromkeys(numbers(1, 2), ""), "was read as cp1252"),
    ("c14_long.csv", 0, FIVE, "5 registered"),
    ("c15_space_quote.csv", 0, {"YZCB00001": "WO1", "YZCB00002": "WO2"}, "2 registered"),
    ("p07_twice.parquet", 1, {}, "has the column sn 2 times. Keep one of them."),
    ("p21_timestamp_ns.parquet", 1, {}, "order_code of p21_timestamp_ns.parquet is timestamp[ns], neither text nor"),
]


def registered(cli: Callable) -> dict[str, str]:
    listed = csv.DictReader(io.StringIO(cli("sn", "list", "-a", "demo", "--format", "csv").stdout))
    return {row["sn"]: row["order_code"] for row in listed}


@pytest.mark.parametrize(("name", "code", "units", "words"), CASES, ids=[case[0] for case in CASES])
def test_a_file_from_the_field(cli: Callable, name: str, code: int, units: dict[str, str], words: str) -> None:
    result = cli("sn", "add", "-a", "demo", str(FILES / name))
    assert (result.exit_code, registered(cli)) == (code, units), result.output
    assert words in result.output


def test_c11_quote_a_quote_that_is_never_closed_costs_one_row_and_says_which(cli: Callable) -> None:
    result = cli("sn", "add", "-a", "demo", str(FILES / "c11_quote.tsv"))
    assert (result.exit_code, len(registered(cli))) == (3, 99)
    assert "row 4: 'YZCB00003" in result.stdout


def test_c10_wide_characters_are_normalised_and_reported_or_refused(cli: Callable) -> None:
    result = cli("sn", "add", "-a", "demo", str(FILES / "c10_wide.csv"))
    assert result.exit_code == 3
    assert registered(cli) == {
        "YZCB00001": "WO1",
        "YZCB00003": "WO1",
        "YZCB00004": "WO1",
        "YZCB00006": "WO1",
        "YZCB-00007": "WO1",
        "YZCB-00008": "WO1",
        "yzcb00009": "WO1",
        "YZCB00010": "WO 1",
    }
    assert "row 3: 'YZCB" in result.stdout and "it holds a blank" in result.stdout
    assert 'row 6: "YZCB00005\'" is refused: it holds a quote' in result.stdout
    assert "row 2: 'ＹＺＣＢ００００１' is read as YZCB00001, WO1" in result.stdout


@pytest.mark.parametrize(
    "heading",
    ["S/N", "SN (序列号)", "Serial Number (17 digits)", "条码", "產品序號", "SN/序列号", "序列号 SN", "sn（17位）"],
)
def test_a_heading_of_the_field_is_known(cli: Callable, tmp_path: Path, heading: str) -> None:
    (tmp_path / "units.csv").write_text(f"{heading},工單號\nA0001,WO1\n{heading},工單號\nA0002,WO2\n")
    assert cli("sn", "add", "-a", "demo", str(tmp_path / "units.csv")).exit_code == 0
    assert registered(cli) == {"A0001": "WO1", "A0002": "WO2"}


def test_column_names_any_other_heading(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("sn,Barcode 2\nX1,A0001\n")
    assert cli("sn", "add", "-a", "demo", "--column", "barcode 2", str(tmp_path / "units.csv")).exit_code == 0
    assert list(registered(cli)) == ["A0001"]


RIVALS = "has 2 columns that could hold the serial number: SN, 序列号. Choose one with --column."


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("SN,序列号,order_code", RIVALS),
        ("SN\t序列号\torder_code", RIVALS),
        ("条码,產品條碼,order_code", "could hold the serial number: 条码, 產品條碼. Choose one with --column."),
        ("sn,S/N,order_code", "has the column sn 2 times. Keep one of them."),
        (
            "sn,order_code,工单号",
            "could hold the work order: order_code, 工单号. Keep one of them, or rename the others.",
        ),
    ],
)
def test_two_columns_that_could_be_the_same_one_are_refused_with_both_names(
    cli: Callable, tmp_path: Path, header: str, words: str
) -> None:
    cells = "\t" if "\t" in header else ","
    (tmp_path / "units.csv").write_text(f"Units of November\n{header}\n{cells.join(('A0001', 'A0002', 'A0003'))}\n")
    result = cli("sn", "add", "-a", "demo", str(tmp_path / "units.csv"))
    assert (result.exit_code, registered(cli)) == (1, {})
    assert words in result.output


def test_column_chooses_between_two_and_a_more_exact_name_needs_no_choice(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("SN,序列号,条码,order no,work order\nA0001,B0001,C0001,SO-7,WO-1\n")
    assert cli("sn", "add", "-a", "demo", "--column", "序列号", str(tmp_path / "units.csv")).exit_code == 0
    assert registered(cli) == {"B0001": "WO-1"}


def test_two_columns_in_a_sheet_a_query_and_a_later_header_are_refused_too(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.Workbook()
    for sheet, header in ((book.worksheets[0], ["SN"]), (book.create_sheet("Box 2"), ["SN", "序列号"])):
        sheet.append(header)
        sheet.append(["A0001", "A0002"])
    book.save(tmp_path / "units.xlsx")
    words = cli("sn", "add", "-a", "demo", str(tmp_path / "units.xlsx"))
    assert words.exit_code == 1 and f"Sheet Box 2 of units.xlsx {RIVALS}" in words.output
    assert registered(cli) == {}, "nothing of the other sheet either"
    with sqlite3.connect(tmp_path / "mes.db") as mes:
        mes.execute("CREATE TABLE unit (sn TEXT, serial_number TEXT)")
    monkeypatch.setenv("MES", f"sqlite:///{tmp_path}/mes.db")
    words = cli("sn", "add", "-a", "demo", "--query-url", "env:MES", "--query", "SELECT * FROM unit")
    assert "The query's answer has 2 columns that could hold the serial number: sn, serial_number." in words.output
    (tmp_path / "units.csv").write_text("sn,note\nA0001,\nSN,序列号\nA0002,A0003\n")
    words = cli("sn", "add", "-a", "demo", str(tmp_path / "units.csv"))
    assert words.exit_code == 1 and f"The header in row 3 {RIVALS}" in words.output


def test_sheet_reads_one_sheet_alone_and_a_wrong_name_lists_them(cli: Callable) -> None:
    file = str(FILES / "c5_three_sheets.xlsx")
    wrong = cli("sn", "add", "-a", "demo", "--sheet", "Box 9", file)
    assert wrong.exit_code == 1 and "Its sheets are: Box 1, Box 2, Box 3." in wrong.output
    assert cli("sn", "add", "-a", "demo", "--sheet", "Box 3", file).exit_code == 0
    assert list(registered(cli)) == ["YZCB30001", "YZCB30002"]


@pytest.mark.parametrize("content", ["sn,order_code\n", "sn\n", "sn\n\n \n"])
def test_a_file_without_a_row_below_its_header_ends_in_words(cli: Callable, tmp_path: Path, content: str) -> None:
    (tmp_path / "units.csv").write_text(content)
    result = cli("sn", "add", "-a", "demo", str(tmp_path / "units.csv"))
    assert result.exit_code == 1
    assert "units.csv has a header and no row below it" in result.output


def test_a_blank_inside_a_serial_number_is_refused_by_row(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("sn\nA 0002\nA0003\n")
    result = cli("sn", "add", "-a", "demo", str(tmp_path / "units.csv"))
    assert (result.exit_code, list(registered(cli))) == (3, ["A0003"])
    assert "row 2: 'A 0002' is refused: it holds a blank" in result.stdout
    assert "it holds a blank" in cli("sn", "add", "-a", "demo", "--pattern", "A 01..A 02").output


def test_a_listing_holds_no_formula(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("sn,order_code\n=1+1,@SUM(A1)\n+1,-2\n")
    cli("sn", "add", "-a", "demo", str(tmp_path / "units.csv"))
    text = cli("sn", "list", "-a", "demo", "--format", "csv").stdout
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["'+1", "'=1+1"]
    (tmp_path / "again.csv").write_text(text)
    assert "2 known before" in cli("sn", "add", "-a", "demo", str(tmp_path / "again.csv")).stdout


@pytest.mark.parametrize(
    ("name", "code"), [("c11_quote.tsv", 3), ("c7_strict.xlsx", 0), ("p21_timestamp_ns.parquet", 1)]
)
def test_as_a_process_of_its_own(program: Callable[..., subprocess.Popen], name: str, code: int) -> None:
    process = program("sn", "add", "--account", "demo", str(FILES / name))
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    assert "Traceback" not in out + err
