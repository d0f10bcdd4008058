"""Where the chunks of a run are asked: in this process, or on a Dask cluster (`TASK_RUNNER`)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from prefect.client.schemas.objects import State
from prefect.tasks import Task

from tasks.run.flow import RunRed
from tuyahouse.outcome import Outcome
from tuyahouse.settings import Settings, SettingsError
from tuyahouse.terminal import progress
from tuyahouse.warehouse.ledgers.runs import Run

Ask = Callable[[Run, int], Awaitable[Outcome]]


@asynccontextmanager
async def chunk_runner(settings: Settings, ask: Ask) -> AsyncIterator[Ask]:
    """The task ``ask`` to be called for each chunk, where the settings want it to run.

    Raises:
        SettingsError: prefect-dask is not installed, or the cluster does not answer.
    """
    if settings.task_runner == "process" or not isinstance(ask, Task):
        yield ask
        return
    runner = await asyncio.to_thread(_start, settings)
    try:
        yield lambda run, chunk: _on_dask(runner, ask, run, chunk)
    finally:
        await asyncio.to_thread(runner.__exit__, None, None, None)


def _start(settings: Settings) -> Any:
    try:
        import dask.config
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise SettingsError("TASK_RUNNER=dask needs prefect-dask: pip install 'tuyahouse[dask]'.") from None
    # Its way of ending is full of warnings and tracebacks, here and in the processes of a cluster of our own.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    dask.config.set({"distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical"})
    own = {"n_workers": settings.chunks_at_once, "threads_per_worker": 1, "dashboard_address": None}
    where = {"address": settings.dask_address} if settings.dask_address else {"cluster_kwargs": own}
    runner: Any = DaskTaskRunner(**where)
    runner.__enter__()
    try:
        _ = runner.client  # connects
    except OSError as error:
        runner.__exit__(None, None, None)
        raise SettingsError(f"The Dask cluster at {settings.dask_address} does not answer: {error}") from None
    return runner


async def _on_dask(runner: Any, ask: Task[Any, Any], run: Run, chunk: int) -> Outcome:
    """Ask a chunk on the cluster. If this is cancelled, a chunk that has not begun there never does.

    Raises:
        RunRed: the cluster lost the chunk; what it committed of it stays.
    """
    future = runner.submit(ask, parameters={"run": run, "chunk": chunk}).wrapped_future
    try:
        state: State[Outcome] = await asyncio.to_thread(future.result)
    except asyncio.CancelledError:
        future.cancel()
        raise
    except Exception as error:  # whatever Dask raises: a process died, the scheduler is away
        raise RunRed(f"The Dask cluster lost chunk {chunk}: {error}") from error
    outcome = await state.aresult()
    progress.spend(outcome.calls)
    progress.advance(outcome.asked)
    return outcome
