"""A task that is retried says in the log what it waits for."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks.run.retries import passing
from tuyahouse.cloud.errors import PassingFault
from tuyahouse.warehouse.errors import WaitedTooLong, WarehouseAway, WarehouseError

AWAY = WarehouseAway("The warehouse w.db cannot be read or written: the disk reports an error.")


def retried(error: Exception, run: int) -> bool:
    task_run, state = SimpleNamespace(name="chunk 3", run_count=run), SimpleNamespace(data=error)
    return passing(cast(Any, None), cast(Any, task_run), cast(Any, state))


@pytest.mark.parametrize(("run", "seconds"), [(1, "5 s (1 of 3)"), (3, "120 s (3 of 3)")])
def test_the_log_names_the_fault_and_when_it_is_tried_again(
    caplog: pytest.LogCaptureFixture, run: int, seconds: str
) -> None:
    assert retried(AWAY, run)
    assert caplog.messages == [f"chunk 3: {AWAY} It is tried again in {seconds}."]


@pytest.mark.parametrize("error", [WarehouseError("It is full."), WaitedTooLong("It was locked."), ValueError("x")])
def test_what_does_not_pass_is_not_tried_again(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    assert not retried(error, 1) and caplog.messages == []


def test_after_the_last_retry_nothing_is_promised(caplog: pytest.LogCaptureFixture) -> None:
    assert retried(PassingFault("Tuya is busy", endpoint="x"), 4) and caplog.messages == []
