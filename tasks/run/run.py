"""One run of a flow: its lock, its row in ``ops_run``, its chunks, its verdict and what the operator is told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from tasks.run.artifacts import publish_failure, publish_outcome
from tasks.run.resources import Resources, open_resources
from tuyahouse.cloud.errors import BudgetReached
from tuyahouse.logs import redact
from tuyahouse.memory import rare_collections
from tuyahouse.outcome import Outcome
from tuyahouse.terminal import progress
from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared import locks

log = logging.getLogger("tuyahouse.run")

STOPPED = "Stopped"
"""Name of the Prefect state of a run that a budget ended softly."""


class RunRed(Exception):
    """The run ended, and the operator has to know: it does not balance, or something stopped it."""


class Plan(Protocol):
    """What planning found that the operator should know."""

    notes: list[str]


@dataclass(slots=True)
class Running:
    """A run under way."""

    resources: Resources
    run: runs.Run
    stopped: str = ""
    notes: list[str] = field(default_factory=list)
    parts: tuple[str, ...] = ()
    """Flows that ran inside this one, under its run key; they have the counts."""

    @property
    def account(self) -> str:
        return self.run.account

    @property
    def id(self) -> str:
        return self.run.run_id

    @property
    def key(self) -> str:
        return self.run.run_key

    @property
    def planned(self) -> bool:
        """Whether an earlier start of this run has planned it; the plan is kept, not made again."""
        return self.run.planned is not None

    def plan(self, planned: Plan) -> None:
        """Take over what the plan says."""
        self.notes += planned.notes

    @property
    def has_pms(self) -> bool:
        return self.resources.account.has_pms

    async def softly(self, work: Awaitable[object]) -> None:
        """Await work that costs calls; a budget that is reached there ends the run softly."""
        try:
            await work
        except BudgetReached as error:
            self.stopped = str(error)

    async def each_chunk(self, ask: Callable[[str, str, int], Awaitable[Outcome]]) -> None:
        """Call ``ask(account, run_id, chunk)`` for every chunk that is not done, some at once.

        A budget that is reached ends it softly; any other error ends it after the chunks under way have landed.
        """
        left = await asyncio.to_thread(runs.open_chunks, self.resources.warehouse, self.run.run_id)
        if not left:
            if self.planned:
                self.notes.append("This run was done before and nothing was left to ask. Another run_key asks anew.")
            return
        chunks, errors = iter(left), list[Exception]()

        async def worker() -> None:
            for chunk in chunks:
                if errors or self.stopped:
                    return
                try:
                    await ask(self.run.account, self.run.run_id, chunk)
                except BudgetReached as error:
                    self.stopped = str(error)
                except Exception as error:
                    errors.append(error)

        waiting = await asyncio.to_thread(runs.keys_left, self.resources.warehouse, self.run.run_id)
        with progress.of(self.run.flow, waiting):
            async with asyncio.TaskGroup() as group:
                for _ in range(self.resources.settings.chunks_at_once):
                    group.create_task(worker())
        if errors:
            raise errors[0]


def default_run_key(flow: str, at: datetime) -> str:
    """A night is named by its date, so that it goes on when it is started again; everything else is a run of its own."""
    return f"nightly/{at:%Y-%m-%d}" if flow == "nightly_sync" else f"{flow}/{at:%Y-%m-%dT%H:%M:%S}"


@asynccontextmanager
async def running(
    flow: str, account: str, run_key: str | None, parameters: Mapping[str, Any]
) -> AsyncIterator[Running]:
    """Lock the account for this flow, start or continue the run, and close it with its verdict.

    Raises:
        LockHeld: another run of this flow is at work on the account; says which, since when and until when.
        RunRed: the run does not balance.
    """
    resources = await asyncio.to_thread(open_resources, account)
    # The time it was to start stays the same when it is tried again from the UI: it goes on then.
    key = run_key or default_run_key(flow, flow_run.scheduled_start_time or datetime.now(UTC))
    name = resources.account.name
    async with _locked(resources, f"{name}/{flow}", f"run {key}"), _sparing():
        run = await asyncio.to_thread(runs.start_run, resources.warehouse, name, flow, key, parameters)
        log.info("%s of %s, run key %s: %s", flow, name, key, "goes on" if run.resumed else "starts")
        current = Running(resources, run)
        try:
            yield current
        except Exception as error:
            await publish_failure(_close(current, "failed", str(error)))
            raise
        except BaseException:
            _close(current, "interrupted", f"Interrupted. To go on: {flow} with the run key {key}")
            raise
        await _verdict(current)


async def _verdict(current: Running) -> None:
    summary = _close(current, "stopped" if current.stopped else "balanced", current.stopped)
    log.info("%s of %s: %s %s", summary.flow, summary.account, summary.status, summary.note)
    await publish_outcome(summary, await asyncio.to_thread(_parts, current) if current.parts else [])
    if summary.status == "unbalanced":
        await publish_failure(summary)
        raise RunRed(summary.note)


def _parts(current: Running) -> list[runs.Summary]:
    recent = runs.recent_runs(current.resources.warehouse, current.account)
    return [run for run in reversed(recent) if run.run_key == current.key and run.flow in current.parts]


def _close(current: Running, status: str, last_note: str) -> runs.Summary:
    """Write the verdict at once, without awaiting: it must be written on Ctrl-C too."""
    note = redact("\n".join(filter(None, [*current.notes, last_note])))
    return runs.finish_run(current.resources.warehouse, current.id, status, note)


def final_state(current: Running) -> State[Any]:
    """The Prefect state of a run that was not red: Completed, named Stopped where a budget ended it."""
    if current.stopped:
        return Completed(name=STOPPED, message=current.stopped)
    return Completed(message=f"run key {current.key}")


@asynccontextmanager
async def _sparing() -> AsyncIterator[None]:
    """Batches are coming: Python need not look for garbage all the time."""
    with rare_collections():
        yield


@asynccontextmanager
async def _locked(resources: Resources, name: str, holder: str) -> AsyncIterator[None]:
    lease = resources.settings.lock_lease
    lock = await asyncio.to_thread(locks.acquire, resources.warehouse, name, holder, lease)
    renewing = asyncio.create_task(_renew(lock, lease.total_seconds() / 3))
    try:
        yield
    finally:
        renewing.cancel()
        lock.release()


async def _renew(lock: locks.Lock, every_seconds: float) -> None:
    """Hold the lock while the run lives; a warehouse that is away for a moment is asked again at the next turn."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await asyncio.to_thread(lock.renew)
        except WarehouseAway as error:
            log.warning("The lock could not be renewed now: %s", error)
