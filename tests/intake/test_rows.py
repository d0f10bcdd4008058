"""One cell becomes one serial number, or a reason why not."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tuyahouse.sync.intake.rows import Blank, Refusal, Row, entry, id_text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("YZCB04ZZR00001", "YZCB04ZZR00001"),
        ("  YZCB04ZZR00001\t", "YZCB04ZZR00001"),
        ("\u00a0YZCB04ZZR00001\u3000", "YZCB04ZZR00001"),
        ("\ufeffYZCB\u200b04ZZR00001", "YZCB04ZZR00001"),
        ("00012345", "00012345"),
        ('="00012345"', "00012345"),
        ("'00012345", "00012345"),
        ("12345.0", "12345"),
        ("12.50", "12.50"),
        ("12E5", "12E5"),
        ("9007199254740993", "9007199254740993"),
        ("12345678901234567890", "12345678901234567890"),
        (b"YZCB04ZZR00001", "YZCB04ZZR00001"),
        (12345, "12345"),
        (12345.0, "12345"),
        (9007199254740993, "9007199254740993"),
        (9007199254740991.0, "9007199254740991"),
        (Decimal("12345678901234567890"), "12345678901234567890"),
        (None, ""),
        ("", ""),
        (" \u00a0\u200b ", ""),
        (float("nan"), ""),
        ("A" * 128, "A" * 128),
    ],
)
def test_a_cell_becomes_the_text_of_its_serial_number(cell, text):
    assert id_text(cell) == text


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1.23457E+12", "last digits are lost"),
        ("1.23457e+12", "last digits are lost"),
        ("1E+20", "last digits are lost"),
        ("12345678901234567890.0", "last digits are lost"),
        ("9007199254740992.0", "last digits are lost"),
        (9007199254740992.0, "last digits are lost"),
        (1.5, "fraction"),
        (-5, "negative"),
        ("A" * 129, "longer than 128"),
        ("YZ\x00CB", "control characters"),
        ("YZ\x9fCB", "control characters"),
        ("YZ\ufffdCB", "damaged text"),
        ("YZCB04\nYZCB05", "unclosed quote"),
        ("#N/A", "spreadsheet formula"),
        (True, "bool"),
        (datetime(2026, 11, 21, tzinfo=UTC).replace(tzinfo=None), "datetime"),
        (b"\xff\xfe", "binary data"),
    ],
)
def test_a_cell_that_cannot_be_trusted_says_why(cell, reason):
    with pytest.raises(ValueError, match=reason):
        id_text(cell)


def test_an_integer_of_a_spreadsheet_is_a_float_underneath_and_refused_when_it_is_too_large():
    assert id_text(9007199254740991, exact_integers=False) == "9007199254740991"
    with pytest.raises(ValueError, match="last digits are lost"):
        id_text(9007199254740992, exact_integers=False)


def test_a_row_carries_its_work_order():
    assert entry("row 2", "YZCB04ZZR00001", " WO-1 ") == Row("row 2", "YZCB04ZZR00001", "WO-1")


def test_a_row_with_an_empty_work_order_has_none():
    assert entry("row 2", "YZCB04ZZR00001", "  ") == Row("row 2", "YZCB04ZZR00001", None)


def test_a_row_without_a_serial_number_is_blank():
    assert entry("row 2", " ", "WO-1") == Blank("row 2")


def test_a_bad_work_order_refuses_the_row():
    refused = entry("row 2", "YZCB04ZZR00001", "1.5E+12")
    assert isinstance(refused, Refusal)
    assert refused.value == "YZCB04ZZR00001"


def test_a_refusal_shows_the_cell_cut_and_printable():
    refused = entry("row 2", "A\x07" + "B" * 200)
    assert isinstance(refused, Refusal)
    assert refused.value == "A\ufffd" + "B" * 58 + "…"
