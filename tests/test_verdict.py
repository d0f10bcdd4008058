"""How a run ended, in one sentence."""

import pytest

from tuyahouse.outcome import Outcome
from tuyahouse.verdict import in_one_sentence


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (Outcome(asked=3, answered=2, empty=1), "Good: 3 asked, 2 answered, 1 unknown to Tuya."),
        (Outcome(asked=200, failed=200), "Done, with dead letters: 200 asked, 200 failed."),
        (Outcome(asked=2, answered=1, rejected=1), "Done, with dead letters: 2 asked, 1 answered, 1 rejected."),
        (Outcome(), "Good: Nothing was due."),
    ],
)
def test_a_balanced_run_is_good_only_if_nothing_was_refused(outcome: Outcome, sentence: str) -> None:
    assert in_one_sentence("balanced", outcome.asked, outcome) == sentence


def test_a_red_run_with_refused_keys_is_red() -> None:
    assert in_one_sentence("failed", 3, Outcome(asked=2, failed=2)) == "Red: 2 asked, 2 failed."
