"""When a task is worth retrying: the warehouse or Tuya was away, and may be back in a minute."""

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task as prefect_task
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from tuyahouse.cloud.errors import PassingFault
from tuyahouse.warehouse.errors import WaitedTooLong, WarehouseAway

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("tuyahouse.run")

retry_delays: list[float] = [5, 30, 120]


def passing(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """True for faults that pass; a wrong setting, a quota, an unbalanced chunk or too long a wait is never retried.

    A line in the log says what is waited for.
    """
    error, tries = state.data, task_run.run_count
    if not isinstance(error, WarehouseAway | PassingFault) or isinstance(error, WaitedTooLong):
        return False
    if tries <= len(retry_delays):
        log.warning(
            "%s: %s It is tried again in %g s (%d of %d).",
            task_run.name,
            error,
            retry_delays[tries - 1],
            tries,
            len(retry_delays),
        )
    return True


def retried_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A Prefect task with the usual retries; ``name`` may hold parameters in braces. Its results are not persisted."""
    return prefect_task(
        persist_result=False,
        retries=3,
        retry_delay_seconds=retry_delays,
        retry_condition_fn=passing,
        task_run_name=name,
    )
