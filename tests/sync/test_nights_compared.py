"""A night beside those before it."""

from tuyahouse.sync.nights_compared import Compared, compare
from tuyahouse.warehouse.ledgers.nights import Night


def night(asked: int = 600, moved: int = 200, dead_letters: int = 0, calls: int = 640) -> Night:
    return Night("nightly/x", asked, moved, dead_letters, calls)


BEFORE = [night(calls=630), night(calls=700, moved=180), night(calls=650, asked=590)]


def test_a_night_like_those_before_it_has_nothing_unusual() -> None:
    assert compare(night(), BEFORE) == [
        Compared("asked", 600, 590, 600, 600, ""),
        Compared("moved", 200, 180, 200, 200, ""),
        Compared("dead letters", 0, 0, 0, 0, ""),
        Compared("calls", 640, 630, 650, 700, ""),
    ]


def test_a_count_outside_of_all_of_them_is_unusual() -> None:
    found = {one.title: one.unusual for one in compare(night(asked=20, moved=1, dead_letters=4), BEFORE)}
    assert found == {
        "asked": "less than in any of them",
        "moved": "less than in any of them",
        "dead letters": "more than in any of them",
        "calls": "",
    }


def test_two_nights_are_no_custom() -> None:
    assert {one.unusual for one in compare(night(dead_letters=100), BEFORE[:2])} == {""}


def test_the_first_night_is_compared_with_nothing() -> None:
    assert compare(night(), []) == []
