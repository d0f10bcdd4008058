"""The calls of a chunk are shown while they are made, not when it ends."""

from types import SimpleNamespace
from typing import Any, cast

from tasks.run.meter import Meter
from tuyahouse.terminal import progress


def test_the_progress_line_counts_calls_and_failures_key_by_key() -> None:
    client = SimpleNamespace(calls=0, failures=0)
    meter = Meter(cast(Any, client))
    with progress.of("chunk", 3) as tracker:
        client.calls, client.failures = 3, 1  # two for tokens
        meter.key()
        assert (tracker.done, tracker.calls, tracker.failures) == (1, 3, 1)
        client.calls = 4
        meter.key()
        client.calls, client.failures = 6, 2
        meter.tell()
    assert (tracker.done, tracker.calls, tracker.failures) == (2, 6, 2)


def test_keys_that_an_attempt_did_not_commit_are_taken_back() -> None:
    first, second = (Meter(cast(Any, SimpleNamespace(calls=0, failures=0))) for _ in range(2))
    with progress.of("chunk", 5) as tracker:
        for _ in range(4):
            first.key()
        first.keep(1)
        assert tracker.done == 1
        for _ in range(4):
            second.key()
    assert tracker.done == 5
