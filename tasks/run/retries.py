"""When a task is worth trying again: the warehouse was away, or Tuya was, and both may be back in a minute."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from tuyahouse.cloud.errors import PassingFault
from tuyahouse.warehouse.errors import WarehouseAway

retry_delays: list[float] = [5, 30, 120]


def passing(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """True for faults that pass; a wrong setting, a quota or an unbalanced chunk is never tried again."""
    return isinstance(state.data, WarehouseAway | PassingFault)
