"""Tuya's time, from its answers."""

import pytest

from tuyahouse.cloud.clock import ServerClock, milliseconds


def clock(now=1_700_000_000.0):
    return ServerClock(lambda: now)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (1616551774, 1616551774000),
        (1616551774002, 1616551774002),
        (1616551774002123, 1616551774002),
        (1616551774002123456, 1616551774002),
        (0, 0),
    ],
)
def test_times_are_read_by_their_magnitude(sent, expected):
    assert milliseconds(sent) == expected


def test_an_uncorrected_clock_is_the_local_one():
    assert clock().now_ms() == 1_700_000_000_000


def test_a_clock_that_is_ten_minutes_off_is_corrected_and_says_by_how_much():
    ours = clock()
    assert ours.observe(1_700_000_600_000)
    assert ours.now_ms() == 1_700_000_600_000
    assert ours.offset_seconds == 600


def test_a_second_correction_adds_to_the_first():
    ours = clock()
    ours.observe(1_700_000_600_000)
    ours.observe(1_700_000_000_000)
    assert ours.offset_seconds == 0


def test_a_few_seconds_are_left_alone():
    ours = clock()
    assert not ours.observe(1_700_000_005_000)
    assert ours.offset_seconds == 0


def test_a_few_seconds_count_when_tuya_refused_the_time():
    ours = clock()
    assert ours.observe(1_700_000_005_000, refused=True)
    assert ours.offset_seconds == 5


def test_an_answer_without_time_corrects_nothing():
    assert not clock().observe(None, refused=True)
