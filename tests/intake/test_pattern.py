"""Ranges of serial numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.sync.intake.pattern import read_pattern
from tuyahouse.sync.intake.rows import SourceError


def test_a_range_holds_both_ends_and_keeps_the_width():
    assert [row.key for row in read_pattern("P00098..P00101")] == ["P00098", "P00099", "P00100", "P00101"]


def test_a_range_of_one_is_one():
    assert [row.key for row in read_pattern("P1..P1")] == ["P1"]


def test_of_several_groups_of_digits_the_last_one_counts():
    assert [row.key for row in read_pattern("YZCB04ZZR00009..YZCB04ZZR00010")] == ["YZCB04ZZR00009", "YZCB04ZZR00010"]


def test_text_after_the_digits_is_kept():
    assert [row.key for row in read_pattern("P08-A..P10-A")] == ["P08-A", "P09-A", "P10-A"]


def test_blanks_around_the_ends_do_not_matter():
    assert [row.key for row in read_pattern(" P1 .. P2 ")] == ["P1", "P2"]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("P00001", "write both ends"),
        ("P00001..", "write both ends"),
        ("P1..P2..P3", "write both ends"),
        ("P00001..Q00002", "differ outside their last digits"),
        ("A1B5..A2B5", "differ outside their last digits"),
        ("P01-A..P02-B", "differ outside their last digits"),
        ("P1..P10", "differ in width (1 and 10)"),
        ("P2..P1", "swap them"),
        ("PA..PB", "no digits to count"),
        ("P00000000..P10000000", "10,000,001 serial numbers, more than 10,000,000"),
        ("P\x001..P\x002", "control characters"),
    ],
)
def test_what_is_no_range_is_refused_at_once_and_in_words(pattern, words):
    with pytest.raises(SourceError) as caught:
        read_pattern(pattern)
    assert words in str(caught.value)


def test_the_largest_range_is_made_one_by_one():
    rows = read_pattern("P0000000..P9999999")
    assert next(rows).key == "P0000000"


@given(
    prefix=st.text("ABC0-", max_size=6).filter(lambda text: not text[-1:].isdigit()),
    first=st.integers(0, 9000),
    count=st.integers(1, 50),
)
def test_a_range_counts_up_without_a_gap(prefix, first, count):
    sns = [row.key for row in read_pattern(f"{prefix}{first:05d}..{prefix}{first + count - 1:05d}")]
    assert sns == [f"{prefix}{n:05d}" for n in range(first, first + count)]
