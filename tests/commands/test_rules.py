"""The table of verdicts, cell by cell, and how words are read from reports."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.commands.reference import word_of
from tuyahouse.settings import CommandPolicy
from tuyahouse.sync.commands.rules import (
    BACK_AFTER,
    CELLS,
    SETTLED,
    VERDICTS,
    Age,
    Word,
    ask_steps,
    cell,
    settled,
    verdict,
)

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
LETTERS = {
    "M": "matched",
    "a": "api_ahead",
    "m": "message_ahead",
    "C": "conflict",
    "S": "stuck",
    "?": "unknown",
}
# columns: what messages say - nothing, 1, 2, 3, 4, 5, another status, contradiction
YOUNG = {
    Word.NONE: "? m m m m ? ? C",
    Word.SENDING: "a M m m m ? ? C",
    Word.SENT: "a a M m m ? ? C",
    Word.SUCCEEDED: "a a a M C a a C",
    Word.FAILED: "a a a C M a a C",
    Word.UNCLEAR: "? ? ? m m ? ? C",
    Word.OTHER: "? ? ? m m ? ? C",
    Word.CONTRADICTION: "C C C C C C C C",
}
OLD = {
    Word.NONE: "? S S m m S S C",
    Word.SENDING: "S S S m m S S C",
    Word.SENT: "S S S m m S S C",
    Word.SUCCEEDED: "a a a M C a a C",
    Word.FAILED: "a a a C M a a C",
    Word.UNCLEAR: "S S S m m S S C",
    Word.OTHER: "S S S m m S S C",
    Word.CONTRADICTION: "C C C C C C C C",
}
TABLE = {Age.YOUNG: YOUNG, Age.OVERDUE: OLD, Age.GIVEN_UP: OLD}


@pytest.mark.parametrize(("api", "message", "age"), CELLS, ids=lambda each: each.name.lower())
def test_each_cell_of_the_table_has_its_verdict(api: Word, message: Word, age: Age) -> None:
    expected = LETTERS[TABLE[age][api].split()[message]]
    assert verdict(api, message, age) == expected


def test_each_cell_stands_in_the_generated_lists_exactly_once() -> None:
    assert sorted(number for cells in VERDICTS.values() for number in cells) == list(range(8 * 8 * 3))


def test_the_generated_lists_say_what_the_function_says() -> None:
    for api, message, age in CELLS:
        assert cell(api, message, age) in VERDICTS[verdict(api, message, age)]
        assert (cell(api, message, age) in SETTLED) == settled(api, age)


@pytest.mark.parametrize(
    ("api", "age", "expected"),
    [
        (Word.SUCCEEDED, Age.YOUNG, True),
        (Word.FAILED, Age.OVERDUE, True),
        (Word.CONTRADICTION, Age.YOUNG, True),
        (Word.SENT, Age.OVERDUE, False),
        (Word.UNCLEAR, Age.YOUNG, False),
        (Word.NONE, Age.OVERDUE, False),
        (Word.NONE, Age.GIVEN_UP, True),
        (Word.SENT, Age.GIVEN_UP, True),
    ],
)
def test_a_command_is_followed_until_the_api_calls_it_ended_or_it_is_given_up(
    api: Word, age: Age, expected: bool
) -> None:
    assert settled(api, age) is expected


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], Word.NONE),
        ([(1, at(0))], Word.SENDING),
        ([(1, at(0)), (2, at(5))], Word.SENT),
        ([(2, at(5)), (1, at(0))], Word.SENT),
        ([(5, at(0)), (2, at(5))], Word.SENT),
        ([(1, at(0)), (2, at(0))], Word.SENT),
        ([(1, at(0)), (3, at(5))], Word.SUCCEEDED),
        ([(4, at(5)), (4, at(9))], Word.FAILED),
        ([(9, at(5))], Word.OTHER),
        ([(-1, at(5))], Word.OTHER),
    ],
)
def test_a_source_says_its_final_or_else_its_newest_status(said: list[tuple[int, datetime]], expected: Word) -> None:
    assert word_of(said, BACK_AFTER) is expected


def test_a_source_that_says_succeeded_and_failed_contradicts_itself() -> None:
    assert word_of([(3, at(0)), (4, at(60))], BACK_AFTER) is Word.CONTRADICTION


def test_a_source_that_goes_back_from_final_contradicts_itself() -> None:
    assert word_of([(3, at(0)), (2, at(60))], BACK_AFTER) is Word.CONTRADICTION


def test_an_open_status_stamped_a_second_after_the_final_one_is_out_of_order_and_no_step_back() -> None:
    assert word_of([(3, at(0)), (2, at(1))], BACK_AFTER) is Word.SUCCEEDED


def test_an_open_record_is_asked_ever_more_rarely() -> None:
    policy = CommandPolicy(ask_after=timedelta(minutes=5), ask_factor=2, ask_at_most=timedelta(minutes=30))
    assert [wait / timedelta(minutes=1) for wait in ask_steps(policy)] == [0, 5, 10, 20, 30]


def test_a_factor_of_one_keeps_the_waiting_time() -> None:
    assert ask_steps(CommandPolicy(ask_factor=1)) == [timedelta(0), timedelta(minutes=5)]


def test_an_extreme_factor_does_not_overflow() -> None:
    assert ask_steps(CommandPolicy(ask_factor=1e300))[-1] == timedelta(days=1)


def test_a_tiny_factor_makes_a_ladder_of_bounded_length() -> None:
    assert len(ask_steps(CommandPolicy(ask_factor=1.000001))) == 64
