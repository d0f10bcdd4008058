"""What nights come to in the long run, by strategy and budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.sync.serial_numbers.outlook import Usual, outlook
from tuyahouse.sync.serial_numbers.strategies import STRATEGIES

USUAL = Usual(open=3000, again=20, counts=270, by_counts=180, open_nights=1, most_nights=6)


def ages(strategy: str, monthly: int | None) -> tuple[int, int | None, int | None, int | None]:
    found = outlook(strategy, monthly, USUAL)
    return found.calls, found.orders, found.serial_numbers, found.moved


def test_without_a_limit_all_and_stale_ask_every_open_one_each_night() -> None:
    assert ages("all", None) == ages("stale", None) == (3020, 1, 1, 1)


def test_counts_ask_what_moved_and_each_other_one_once_in_six_nights() -> None:
    assert ages("pass_counts", None) == (270 + 180 + 320 + 20, 1, 6, 1)


def test_a_trial_pays_for_counts_but_not_for_all() -> None:
    assert ages("pass_counts", 26_000) == (790, 1, 6, 1)
    assert ages("all", 26_000) == (838, 4, 4, 4)


def test_a_smaller_budget_finds_what_moved_later_and_keeps_to_the_overdue_ones() -> None:
    assert ages("pass_counts", 20_000) == (645, 1, 6, 2)
    assert ages("pass_counts", 9_300) == (300, 2, 20, 4)


def test_a_budget_of_nothing_never_asks() -> None:
    assert ages("pass_counts", 0) == (0, None, None, None)
    assert ages("all", 0) == (0, None, None, None)


usual = st.builds(
    Usual,
    open=st.integers(0, 10_000),
    again=st.integers(0, 500),
    counts=st.integers(0, 2000),
    by_counts=st.integers(0, 3000),
    open_nights=st.integers(1, 5),
    most_nights=st.integers(1, 30),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(usual, st.integers(0, 400_000), st.integers(0, 100_000))
def test_more_calls_never_make_anything_older(strategy: str, usual: Usual, monthly: int, more: int) -> None:
    less, greater = outlook(strategy, monthly, usual), outlook(strategy, monthly + more, usual)
    assert less.calls <= monthly // 31
    for age in ("orders", "serial_numbers", "moved"):
        older, younger = getattr(less, age), getattr(greater, age)
        assert older is None or (younger is not None and younger <= older)
