"""When a unit is finished."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.sync.serial_numbers.state import State, state_of


@dataclass(frozen=True)
class Step:
    node: str
    status: bool | None
    time_ms: int


def test_a_unit_that_passed_the_last_node_is_finished():
    assert state_of([Step("weld", True, 1), Step("pack", True, 2)], "pack") == State.FINISHED


def test_a_unit_before_the_last_node_is_open():
    assert state_of([Step("weld", True, 1)], "pack") == State.OPEN


@pytest.mark.parametrize("status", [False, None])
def test_a_unit_that_did_not_pass_the_last_node_is_open(status):
    assert state_of([Step("pack", status, 1)], "pack") == State.OPEN


def test_the_newest_step_at_the_last_node_counts_wherever_it_stands_in_the_list():
    passed_after_rework = [Step("pack", True, 3), Step("pack", False, 2)]
    assert state_of(passed_after_rework, "pack") == State.FINISHED
    assert state_of(passed_after_rework[::-1], "pack") == State.FINISHED


def test_a_finished_unit_that_fails_the_last_node_later_is_open_again():
    assert state_of([Step("pack", True, 2), Step("pack", False, 3)], "pack") == State.OPEN


def test_rework_at_an_earlier_node_leaves_a_finished_unit_finished():
    assert state_of([Step("pack", True, 2), Step("weld", False, 3)], "pack") == State.FINISHED


def test_of_two_steps_at_the_same_time_the_later_one_in_the_list_counts():
    assert state_of([Step("pack", False, 2), Step("pack", True, 2)], "pack") == State.FINISHED
    assert state_of([Step("pack", True, 2), Step("pack", False, 2)], "pack") == State.OPEN


def test_a_unit_without_steps_is_unknown():
    assert state_of([], "pack") == State.UNKNOWN


def test_a_unit_whose_craft_line_is_not_known_is_open():
    assert state_of([Step("pack", True, 1)], None) == State.OPEN


steps = st.lists(
    st.builds(Step, st.sampled_from(["weld", "test", "pack"]), st.sampled_from([True, False, None]), st.integers(0, 5)),
    unique_by=lambda step: (step.node, step.time_ms),
)


@given(steps, st.randoms(use_true_random=False))
def test_the_order_of_steps_does_not_matter_when_their_times_differ(some, random):
    shuffled = list(some)
    random.shuffle(shuffled)
    assert state_of(shuffled, "pack") == state_of(some, "pack")


@given(steps)
def test_passing_the_last_node_after_everything_always_finishes(some):
    assert state_of([*some, Step("pack", True, 6)], "pack") == State.FINISHED


@given(steps)
def test_nothing_is_finished_without_a_pass_at_the_last_node(some):
    passed = any(step.node == "pack" and step.status for step in some)
    assert passed or state_of(some, "pack") != State.FINISHED
