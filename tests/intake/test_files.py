"""Files made on the fly in every encoding and format, read back as serial numbers."""

import gzip
import tracemalloc
import zipfile
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from tuyahouse.sync.intake.rows import Blank, Note, Refusal, Row, SourceError
from tuyahouse.sync.serial_numbers.sources import read_file

TABLE = [("工单号", "SN号", "备注"), ("WO-1", "YZCB04ZZR00001", "好"), ("WO-2", "YZCB04ZZR00002", "甲，乙")]
ROWS = [Row("row 2", "YZCB04ZZR00001", "WO-1"), Row("row 3", "YZCB04ZZR00002", "WO-2")]


def delimited(rows, delimiter=",", end="\n"):
    return "".join(delimiter.join(row) + end for row in rows)


def written(tmp_path, content, name="units.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, name="units.csv"):
    return list(read_file(written(tmp_path, content, name)))


def refused(tmp_path, content, name="units.csv"):
    with pytest.raises(SourceError) as caught:
        read(tmp_path, content, name)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------ delimited text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_read_in_every_encoding_delimiter_and_line_end(tmp_path, encoding, delimiter, end):
    assert read(tmp_path, delimited(TABLE, delimiter, end).encode(encoding), "units.txt") == ROWS


def test_utf_16_of_either_byte_order_is_read_by_its_bom(tmp_path):
    text = delimited(TABLE)
    assert read(tmp_path, b"\xfe\xff" + text.encode("utf-16-be")) == ROWS
    assert read(tmp_path, b"\xff\xfe" + text.encode("utf-16-le")) == ROWS


def test_utf_16_without_a_bom_is_refused_in_words(tmp_path):
    assert refused(tmp_path, delimited(TABLE).encode("utf-16-le")) == (
        "units.csv is not text that can be read. Save it as CSV in UTF-8."
    )


def test_chinese_that_only_gb18030_can_write_is_read(tmp_path):
    table = [("sn", "note"), ("YZCB04ZZR00001", "𠀀")]
    assert read(tmp_path, delimited(table).encode("gb18030")) == [Row("row 2", "YZCB04ZZR00001")]


def test_gbk_is_recognised_when_its_first_sign_comes_late(tmp_path):
    lines = [("sn", "note"), *((f"YZCB{n:010d}", "plain") for n in range(60_000)), ("YZCB04ZZR00001", "好")]
    assert read(tmp_path, delimited(lines).encode("gbk"))[-1] == Row("row 60002", "YZCB04ZZR00001")


def test_bytes_of_no_known_encoding_are_refused(tmp_path):
    assert "unknown encoding" in refused(tmp_path, b"sn\nYZCB\xff\xff\xff04\n")


def test_a_gzipped_text_is_read(tmp_path):
    assert read(tmp_path, gzip.compress(delimited(TABLE).encode()), "units.csv.gz") == ROWS


def test_a_cut_gzip_file_is_refused_by_name(tmp_path):
    cut = gzip.compress(delimited(TABLE).encode())[:-12]
    assert refused(tmp_path, cut, "units.csv.gz").startswith("units.csv.gz cannot be read")


def test_a_quoted_cell_holds_delimiters(tmp_path):
    assert read(tmp_path, 'note,sn\n"a, b ""c""",YZCB04ZZR00001\n') == [Row("row 2", "YZCB04ZZR00001")]


def test_a_quoted_cell_that_spans_lines_is_refused_line_by_line(tmp_path):
    entries = read(tmp_path, 'note,sn\n"two\nlines","YZCB04ZZR00002"\nx,YZCB04ZZR00003\n')
    assert [(type(e), e.place) for e in entries] == [(Refusal, "row 2"), (Refusal, "row 3"), (Row, "row 4")]
    assert "unclosed quote" in entries[0].reason


def test_a_quote_never_closed_costs_its_own_row_alone(tmp_path):
    text = 'sn,note\nYZCB04ZZR00001,"21 monitor\n' + "YZCB04ZZR00002,y\n" * 20_000 + 'YZCB04ZZR00003,"24\n'
    entries = read(tmp_path, text)
    assert [e.place for e in entries if isinstance(e, Refusal)] == ["row 2", "row 20003"]
    assert len(entries) == 20_002


def test_a_delimiter_has_to_split_the_heading_too(tmp_path):
    assert [e.key for e in read(tmp_path, "sn\nLOT7|0001\nLOT7|0002\n")] == ["LOT7|0001", "LOT7|0002"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_row_of_another_width_is_refused(tmp_path, delimiter):
    rows = [("sn", "order"), ("A1", "W1", "x"), ("A2",), ("A3", "W1", ""), ("A4", "W1")]
    entries = read(tmp_path, delimited(rows, delimiter))
    assert [type(e) for e in entries] == [Refusal, Refusal, Row, Row]
    assert entries[0].reason == "it has 3 cells where the header has 2"


def test_rows_of_several_cells_below_one_heading_are_refused(tmp_path):
    assert [type(e) for e in read(tmp_path, "sn\nA1,W1\nA2;W1\nA3\n")] == [Refusal, Refusal, Row]


def test_empty_rows_are_blank_and_keep_the_count_of_rows(tmp_path):
    assert read(tmp_path, "sn,order\n\nYZCB04ZZR00001,\n , \nYZCB04ZZR00002,\n") == [
        Blank("row 2"),
        Row("row 3", "YZCB04ZZR00001"),
        Blank("row 4"),
        Row("row 5", "YZCB04ZZR00002"),
    ]


def test_a_row_too_short_to_reach_its_serial_number_is_refused(tmp_path):
    assert read(tmp_path, "order,sn\nWO-1\nWO-1,YZCB04ZZR00001\n")[0] == Refusal(
        "row 2", "WO-1", "it has 1 cells where the header has 2"
    )


def test_titles_above_the_header_are_skipped(tmp_path):
    text = "Report of November, night shift\n\nsn,order\nYZCB04ZZR00001,WO-1\n"
    assert read(tmp_path, text) == [Row("row 4", "YZCB04ZZR00001", "WO-1")]


def test_excels_own_word_on_the_delimiter_is_believed(tmp_path):
    assert read(tmp_path, "sep=;\nsn;order\nYZCB04ZZR00001;WO-1\n") == [Row("row 3", "YZCB04ZZR00001", "WO-1")]


def test_numbers_that_a_spreadsheet_shortened_are_refused_by_row(tmp_path):
    entries = read(tmp_path, "sn\n123456\n1.23457E+12\n12345678901234567890.0\n")
    assert entries[0] == Row("row 2", "123456")
    assert [(e.place, e.value) for e in entries[1:]] == [("row 3", "1.23457E+12"), ("row 4", "12345678901234567890.0")]


@pytest.mark.parametrize(
    "name",
    [
        "sn",
        "SN",
        "Sn ",
        "serial_number",
        "Serial Number",
        "SERIAL-NUMBER",
        "serialNo.",
        "SN号",
        "ｓｎ",
        "序列号",
        "产品序列号",
    ],
)
def test_a_serial_number_column_is_found_by_many_names(tmp_path, name):
    assert read(tmp_path, f"colour,{name}\nred,YZCB04ZZR00001\n") == [Row("row 2", "YZCB04ZZR00001")]


@pytest.mark.parametrize(
    "name", ["order_code", "orderCode", "Work Order", "work_order", "WORKORDER NO", "工单", "工单号", "生产工单号"]
)
def test_a_work_order_column_is_found_by_many_names(tmp_path, name):
    assert read(tmp_path, f"{name},sn\nWO-1,YZCB04ZZR00001\n") == [Row("row 2", "YZCB04ZZR00001", "WO-1")]


def test_a_file_without_a_serial_number_column_names_the_columns_it_has(tmp_path):
    assert refused(tmp_path, "colour;weight;barcode\nred;1;YZCB04ZZR00001\n") == (
        "units.csv has no serial number column. Its columns are: colour, weight, barcode. Name one of them sn, "
        "serial_number or 序列号 (and, if there is one, the work order order_code or 工单号)."
    )


def test_one_column_without_a_header_is_taken_when_it_begins_like_a_serial_number(tmp_path):
    assert read(tmp_path, "YZCB04ZZR00001\nYZCB04ZZR00002\n", "units.txt") == [
        Row("row 1", "YZCB04ZZR00001"),
        Row("row 2", "YZCB04ZZR00002"),
    ]


@pytest.mark.parametrize("first", ["barcode", "note", "Q1", "a b 123"])
def test_one_column_that_begins_with_a_word_is_not_taken(tmp_path, first):
    assert f"Its columns are: {first}." in refused(tmp_path, f"{first}\nYZCB04ZZR00001\n")


def test_two_columns_without_a_header_are_not_guessed_at(tmp_path):
    assert "Its columns are: YZCB04ZZR00001, WO-1." in refused(tmp_path, "YZCB04ZZR00001,WO-1\nYZCB04ZZR00002,WO-1\n")


def test_an_empty_file_is_refused(tmp_path):
    assert refused(tmp_path, b"") == "units.csv is empty: it has no bytes."


def test_a_file_of_empty_lines_is_refused(tmp_path):
    assert refused(tmp_path, "\n\n \n") == "units.csv is empty: it has no rows."


def test_a_missing_file_is_refused_with_its_path(tmp_path):
    with pytest.raises(SourceError, match=r"There is no file .*nothing\.csv\."):
        list(read_file(tmp_path / "nothing.csv"))


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(SourceError, match="is not a file"):
        list(read_file(tmp_path))


# --------------------------------------------------------------------------------------------------------------- Excel


def workbook(tmp_path, *sheets, name="units.xlsx"):
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / name)
    return list(read_file(tmp_path / name))


def test_a_workbook_is_read(tmp_path):
    assert workbook(tmp_path, ("Units", TABLE)) == ROWS


def test_all_sheets_with_a_serial_number_column_are_read_and_others_are_named(tmp_path):
    entries = workbook(tmp_path, ("Cover", [("Night shift",)]), ("Units", TABLE), ("Old", [("sn",), ("X00001",)]))
    assert entries == [
        Row("sheet Units row 2", "YZCB04ZZR00001", "WO-1"),
        Row("sheet Units row 3", "YZCB04ZZR00002", "WO-2"),
        Row("sheet Old row 2", "X00001"),
        Note("Sheet Cover has no such column and was not read."),
    ]


def test_whole_numbers_of_a_workbook_lose_their_point(tmp_path):
    assert workbook(tmp_path, ("Units", [("sn",), (123456,), (123456.0,)])) == [
        Row("row 2", "123456"),
        Row("row 3", "123456"),
    ]


def test_numbers_that_a_workbook_shows_with_leading_zeros_keep_them(tmp_path):
    book = Workbook()
    for cells in (("sn", "order_code"), (7, 42.0), (1234567, 5), (8, 9)):
        book.active.append(cells)
    for place, shown in (("A2", "000000"), ("B2", "0000"), ("A3", "000000"), ("B3", "0"), ("A4", "0")):
        book.active[place].number_format = shown
    book.save(tmp_path / "units.xlsx")
    assert [(row.key, row.companion) for row in read_file(tmp_path / "units.xlsx")] == [
        ("000007", "0042"),
        ("1234567", "5"),
        ("8", "9"),
    ]


def test_numbers_too_large_for_a_spreadsheet_are_refused_by_row(tmp_path):
    entries = workbook(tmp_path, ("Units", [("sn",), (12345678901234567890,), (1.2345678901234567e19,), (0.5,)]))
    assert [(type(e), e.place) for e in entries] == [(Refusal, "row 2"), (Refusal, "row 3"), (Refusal, "row 4")]


def test_dates_and_truth_values_are_refused(tmp_path):
    entries = workbook(
        tmp_path, ("Units", [("sn",), (datetime(2026, 11, 21, tzinfo=UTC).replace(tzinfo=None),), (True,)])
    )
    assert [type(e) for e in entries] == [Refusal, Refusal]


@pytest.mark.parametrize("escape", ["_x000D_", "_x005F_x000D_", "_x0020_", "_x000d__x000a_"])
def test_escapes_of_a_workbook_are_decoded_and_trimmed(tmp_path, escape):
    workbook(tmp_path, ("Units", [("sn", "order_code"), ("A0001XX", "W1XX")]))
    with zipfile.ZipFile(tmp_path / "units.xlsx") as good, zipfile.ZipFile(tmp_path / "escaped.xlsx", "w") as bad:
        for item in good.namelist():
            bad.writestr(item, good.read(item).replace(b"1XX", b"1" + escape.encode()))
    assert list(read_file(tmp_path / "escaped.xlsx")) == [Row("row 2", "A0001", "W1")]
    assert read(tmp_path, f"sn,order_code\nA0001{escape},W1\n") == [Row("row 2", "A0001", "W1")]


def test_a_hidden_sheet_is_reported_and_read_if_it_is_named(tmp_path):
    book = Workbook()
    book.active.append(("sn",))
    book.active.append(("A0001",))
    hidden = book.create_sheet("Old")
    hidden.append(("sn",))
    hidden.append(("A0002",))
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "units.xlsx")
    assert list(read_file(tmp_path / "units.xlsx")) == [
        Row("sheet Sheet row 2", "A0001"),
        Note("Sheet Old is hidden and was not read; --sheet reads it."),
    ]
    assert list(read_file(tmp_path / "units.xlsx", sheet="old")) == [Row("sheet Old row 2", "A0002")]


def test_a_formula_without_a_stored_value_refuses_its_row_for_the_work_order_too(tmp_path):
    entries = workbook(tmp_path, ("Units", [("sn", "order_code"), ("A0001", "=B9"), ("A0002", "W1")]))
    assert [type(e) for e in entries] == [Refusal, Row]
    assert "formula without a stored value" in entries[0].reason


def test_merged_cells_hold_for_all_their_rows_wherever_they_lie(tmp_path):
    book = Workbook()
    for cells in (("order_code", "note", "sn"), ("W1", "x", "A1"), (None, None, "A2"), ("W2", None, "A3")):
        book.active.append(cells)
    for cells in ((None, None, "A4"), (None, None, "A5")):
        book.active.append(cells)
    for merged in ("A2:B3", "A4:A5"):
        book.active.merge_cells(merged)
    book.save(tmp_path / "units.xlsx")
    assert [(row.key, row.companion) for row in read_file(tmp_path / "units.xlsx")] == [
        ("A1", "W1"),
        ("A2", "W1"),
        ("A3", "W2"),
        ("A4", "W2"),
        ("A5", None),
    ]


def test_a_western_text_with_bars_keeps_its_cells(tmp_path):
    text = "SN|Prüfe|Auftrag|order\nA0001|René|x|W1\nA0002|é|é|W2\n".encode("cp1252")
    rows = [each for each in read(tmp_path, text) if isinstance(each, Row)]
    assert [(row.key, row.companion) for row in rows] == [("A0001", "W1"), ("A0002", "W2")]


def test_traditional_chinese_in_big5_is_read(tmp_path):
    rows = read(tmp_path, "產品序號,工單號\nA0001,W1\n".encode("big5"))
    assert rows[0] == Row("row 2", "A0001", "W1")


def test_a_repeated_header_moves_the_columns(tmp_path):
    rows = read(tmp_path, "sn,order,note\nA1,W1,x\nnote,order,sn\nx,W2,A2\n")
    assert rows == [
        Row("row 2", "A1", "W1"),
        Row("row 4", "A2", "W2"),
        Note("units.csv: 1 row that repeats the header."),
    ]


def test_empty_rows_inside_a_workbook_are_blank(tmp_path):
    assert workbook(tmp_path, ("Units", [("sn",), (), ("YZCB04ZZR00001",)])) == [
        Blank("row 2"),
        Row("row 3", "YZCB04ZZR00001"),
    ]


def test_a_workbook_without_a_serial_number_column_names_the_columns_of_its_first_filled_sheet(tmp_path):
    with pytest.raises(SourceError, match="Its columns are: colour, weight"):
        workbook(tmp_path, ("Empty", []), ("Units", [("colour", "weight"), ("red", 1)]))


def test_a_workbook_whose_stated_size_is_wrong_is_read_whole(tmp_path):
    workbook(tmp_path, ("Units", TABLE))
    with zipfile.ZipFile(tmp_path / "units.xlsx") as good, zipfile.ZipFile(tmp_path / "bad.xlsx", "w") as bad:
        for item in good.namelist():
            bad.writestr(item, good.read(item).replace(b'<dimension ref="A1:C3"', b'<dimension ref="A1"'))
    with zipfile.ZipFile(tmp_path / "bad.xlsx") as bad:
        assert b'<dimension ref="A1"' in bad.read("xl/worksheets/sheet1.xml")
    assert list(read_file(tmp_path / "bad.xlsx")) == ROWS


def test_a_workbook_is_known_by_its_content_not_by_its_suffix(tmp_path):
    assert workbook(tmp_path, ("Units", TABLE), name="units.csv") == ROWS


def test_a_zip_file_that_is_no_workbook_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "units.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(SourceError, match="is not an Excel workbook"):
        list(read_file(tmp_path / "units.xlsx"))


def test_a_cut_workbook_is_refused(tmp_path):
    workbook(tmp_path, ("Units", TABLE))
    content = (tmp_path / "units.xlsx").read_bytes()
    assert refused(tmp_path, content[: len(content) // 2], "cut.xlsx").startswith("cut.xlsx cannot be read")


def test_an_old_workbook_is_refused_with_the_remedy(tmp_path):
    assert "Save it as plain .xlsx" in refused(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "units.xls")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ('"YZCB"00000', "YZCB00007"),
        ("[Red]000", "007"),
        ("_ 000_ ", "007"),
        (r"\A\B0000", "AB0007"),
        ('000;"-"000;"zero"', "007"),
        ('"A-"General', "A-7"),
        ("#", "7"),
        ("0.00", None),
        ("#,##0", None),
        ("0%", None),
        ("0.00E+00", None),
        ("[>5]000;0", None),
        ("yyyy-mm-dd", None),
    ],
)
def test_a_number_is_read_as_its_format_shows_it_or_refused(tmp_path, code, shown):
    book = Workbook()
    book.active.append(("sn",))
    book.active.append((7,))
    book.active["A2"].number_format = code
    book.save(tmp_path / "units.xlsx")
    (found,) = read_file(tmp_path / "units.xlsx")
    assert (found.key if isinstance(found, Row) else None) == shown


# ------------------------------------------------------------------------------------------------------------- Parquet


def parquet(tmp_path, **columns):
    pq.write_table(pa.table(columns), tmp_path / "units.parquet")
    return list(read_file(tmp_path / "units.parquet"))


def test_a_parquet_file_is_read(tmp_path):
    entries = parquet(tmp_path, order_code=["WO-1", None], SN=["YZCB04ZZR00001", "YZCB04ZZR00002"], note=["a", "b"])
    assert entries == [Row("row 1", "YZCB04ZZR00001", "WO-1"), Row("row 2", "YZCB04ZZR00002")]


def test_integers_of_parquet_are_exact(tmp_path):
    assert parquet(tmp_path, sn=pa.array([9007199254740993], pa.int64())) == [Row("row 1", "9007199254740993")]


def test_floats_of_parquet_follow_the_rule_of_lost_digits(tmp_path):
    entries = parquet(tmp_path, sn=[123456.0, 1e17, None])
    assert [type(e) for e in entries] == [Row, Refusal, Blank]


def test_dictionary_encoded_text_of_parquet_is_read(tmp_path):
    column = pa.array(["YZCB04ZZR00001", "YZCB04ZZR00001"]).dictionary_encode()
    assert [e.key for e in parquet(tmp_path, sn=column)] == ["YZCB04ZZR00001", "YZCB04ZZR00001"]


def test_parquet_without_a_serial_number_column_names_the_columns_it_has(tmp_path):
    with pytest.raises(SourceError, match="Its columns are: colour, weight"):
        parquet(tmp_path, colour=["red"], weight=[1])


def test_a_cut_parquet_file_is_refused(tmp_path):
    assert refused(tmp_path, b"PAR1 cut here", "units.parquet").startswith("units.parquet cannot be read as Parquet")


def test_parquet_text_that_is_not_utf_8_refuses_its_row_alone(tmp_path):
    texts, ends = b"YZCB1YZCB2\xffYZCB3", np.array([0, 5, 11, 16], np.int32)
    column = pa.Array.from_buffers(pa.string(), 3, [None, pa.py_buffer(ends), pa.py_buffer(texts)])
    assert parquet(tmp_path, sn=column) == [
        Row("row 1", "YZCB1"),
        Refusal("row 2", "b'YZCB2\\xff'", "it is binary data, not text"),
        Row("row 3", "YZCB3"),
    ]


# -------------------------------------------------------------------------------------------------------------- memory


def peak_of_reading(path):
    tracemalloc.start()
    try:
        for _ in read_file(path):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kept", [{}, {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}])
def test_a_long_text_that_parquet_holds_once_for_many_rows_is_not_in_memory_for_all_of_them(tmp_path, kept):
    pq.write_table(pa.table({"sn": ["x" * 1_000_000] * 150}), tmp_path / "units.parquet", **kept)
    assert peak_of_reading(tmp_path / "units.parquet") < 50_000_000


def test_a_row_group_that_does_not_fit_into_memory_is_refused(tmp_path):
    column, file = pa.array(["x" * 1_000_000] * 70), tmp_path / "units.parquet"
    pq.write_table(pa.table({"sn": column, "note": column}), file, use_dictionary=False, compression="zstd")
    with pytest.raises(SourceError, match=r"units\.parquet holds 70 MB of sn in one row group, more than 64 MB"):
        list(read_file(file))
    pq.write_table(pa.table({"sn": column}), file, use_dictionary=False, compression="zstd", row_group_size=35)
    assert len(list(read_file(file))) == 70


def test_ten_times_the_rows_take_no_more_memory(tmp_path):
    small, large = (
        written(
            tmp_path, delimited([("sn", "order"), *((f"YZCB{n:010d}", "WO-1") for n in range(rows))]), f"{rows}.csv"
        )
        for rows in (20_000, 200_000)
    )
    peak_of_reading(small)
    assert peak_of_reading(large) - peak_of_reading(small) < 2_000_000
