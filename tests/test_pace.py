"""The law of pace, which the stores of the warehouse and of one process share."""

import time

import pytest

from tuyahouse.pace import MARGIN, Pace, slow_down, slowdown_at, steady_time, take
from tuyahouse.stores import Slots

NOW = 1_800_000_000.0


def test_slots_begin_now_when_the_line_is_free() -> None:
    assert take(Pace(NOW - 100), NOW, 10, 5) == (Slots(NOW, MARGIN / 10, 5), Pace(NOW + 0.5 * MARGIN))


def test_slots_follow_those_that_are_taken() -> None:
    assert take(Pace(NOW + 3), NOW, 10, 1)[0].first == NOW + 3


def test_a_clock_that_was_set_back_stops_calls_only_briefly() -> None:
    assert take(Pace(NOW + 86_400), NOW, 50, 1)[0].first < NOW + 120


def test_a_throttle_answer_halves_the_pace() -> None:
    slowed = slow_down(Pace(NOW), NOW)
    assert slowed == Pace(NOW, 2.0, NOW)
    assert take(slowed, NOW, 10, 1)[0].interval == pytest.approx(2 * MARGIN / 10)


def test_of_a_burst_of_throttle_answers_one_counts_a_second() -> None:
    once = slow_down(Pace(NOW), NOW)
    assert slow_down(once, NOW + 0.9) == once
    assert slow_down(once, NOW + 1.0).slowdown == 4.0


def test_the_pace_recovers_by_a_fifth_every_five_quiet_seconds_up_to_what_was_set() -> None:
    slowed = Pace(NOW, 2.0, NOW)
    assert [round(slowdown_at(slowed, NOW + s), 3) for s in (0, 4.9, 5, 10, 15, 20, 9e9)] == [
        2,
        2,
        1.6,
        1.28,
        1.024,
        1,
        1,
    ]


def test_after_a_clock_was_set_back_five_hours_slots_follow_within_seconds_and_none_overlap() -> None:
    first, pace = take(Pace(NOW + 18_000), NOW, 50, 4)
    second, _ = take(pace, NOW, 50, 4)
    assert first.first == NOW + 1 and second.first == pytest.approx(NOW + 1 + 4 * MARGIN / 50)


def test_setting_the_clock_of_the_machine_does_not_move_the_steady_time(monkeypatch: pytest.MonkeyPatch) -> None:
    before = steady_time()
    monkeypatch.setattr(time, "time", lambda: before - 18_000)
    assert before <= steady_time() < before + 60
