"""One run of a flow: its lock, its row in ``ops_run``, its chunks, its verdict and its notes for the operator."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from tasks.run import calls, prefect_watch
from tasks.run.artifacts import publish_failure, publish_outcome, publish_refusal, resolve_note
from tasks.run.chunk_runner import Ask, chunk_runner
from tasks.run.flow import Refusal, RunRed, with_what_to_do
from tasks.run.locked import locked
from tasks.run.morning import in_the_morning
from tasks.run.resources import Resources, open_resources, open_warehouse
from tasks.run.shown_progress import shown_progress
from tuyahouse.cloud.errors import BudgetReached
from tuyahouse.logs import redact
from tuyahouse.memory import rare_collections
from tuyahouse.settings import SettingsError, load_settings
from tuyahouse.sync.given_keys import names_keys
from tuyahouse.sync.serial_numbers.progress import progress_in
from tuyahouse.sync.serial_numbers.registered import unknown_in_words
from tuyahouse.terminal import progress
from tuyahouse.verdict import GREEN, in_one_sentence
from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.ledgers.refusals import record_refusal
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.shared.landing import fenced
from tuyahouse.warehouse.shared.locks import Lock
from tuyahouse.warehouse.warehouse import Warehouse

log = logging.getLogger("tuyahouse.run")

STOPPED = "Stopped"
"""Name of the Prefect state of a run that a budget ended softly."""


class Plan(Protocol):
    """What planning found that the operator should know."""

    notes: list[str]
    problems: list[str]


@dataclass(slots=True)
class Running:
    """A run under way."""

    resources: Resources
    run: runs.Run
    parameters: Mapping[str, Any]
    stopped: str = ""
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What makes it red, once it has done all the rest."""
    parts: tuple[str, ...] = ()
    """Flows that ran inside this one, under its run key; they have the counts."""
    came_to: str = ""
    """What the strategy of a run of what is due came to."""
    nothing_left: bool = False
    """No chunk was open when they were to be asked."""
    verdict: str = ""
    """How it ended, in a sentence; empty while it is under way."""

    @property
    def account(self) -> str:
        return self.run.account

    @property
    def id(self) -> str:
        return self.run.run_id

    @property
    def key(self) -> str:
        return self.run.run_key

    def asked_nothing(self) -> bool:
        """Whether an earlier start of this run has asked everything, so that this one made no call."""
        return self.nothing_left and self.run.planned is not None and not calls.made(self.id)

    def plan(self, planned: Plan) -> None:
        """Take over what the plan says."""
        self.notes += planned.notes
        self.problems += planned.problems

    @property
    def has_pms(self) -> bool:
        return self.resources.account.has_pms

    async def softly(self, work: Awaitable[object]) -> None:
        """Await work that costs calls; a budget that is reached there ends the run softly."""
        try:
            await work
        except BudgetReached as error:
            self.stopped = str(error)

    async def requires(self, work: Awaitable[str]) -> None:
        """Await work that says what is wrong, if anything is: the run is red then, once it has done all the rest."""
        if problem := await work:
            self.problems.append(problem)

    async def each_chunk(self, ask: Ask) -> None:
        """Call ``ask(run, chunk)`` for every chunk that is not done, several at once.

        A budget that is reached ends it softly; any other error ends it after the chunks under way have landed.
        """
        left = await asyncio.to_thread(run_chunks.open_chunks, self.resources.warehouse, self.run.run_id)
        self.nothing_left = not left
        if not left:
            return
        chunks, errors = iter(left), list[Exception]()

        async def worker(ask: Ask) -> None:
            for chunk in chunks:
                if errors or self.stopped:
                    return
                try:
                    await ask(self.run, chunk)
                except BudgetReached as error:
                    self.stopped = str(error)
                except Exception as error:
                    errors.append(error)

        settings = self.resources.settings
        waiting = await asyncio.to_thread(run_chunks.keys_left, self.resources.warehouse, self.run.run_id)
        with progress.of(self.run.flow, waiting):
            async with chunk_runner(settings, ask) as ask_there, asyncio.TaskGroup() as group:
                for _ in range(settings.chunks_at_once):
                    group.create_task(worker(ask_there))
        if errors:
            raise errors[0]


def default_run_key(flow: str, at: datetime) -> str:
    """A night is named by its date, so that it continues if it is started again. Every other start is a new run."""
    return f"nightly/{at:%Y-%m-%d}" if flow == "nightly_sync" else f"{flow}/{at:%Y-%m-%dT%H:%M:%S.%f}"


@asynccontextmanager
async def running(
    flow: str,
    account: str | None,
    run_key: str | None,
    parameters: Mapping[str, Any],
    *,
    keys: Sequence[str] = (),
    now: datetime | None = None,
) -> AsyncIterator[Running]:
    """Lock the account for this flow, start or continue the run, and close it with its verdict.

    ``keys`` are the parameters that name keys. A run that was given some, now or at an earlier start, locks its run key
    alone: it runs beside those that choose what is due, and beside others. ``now`` is what it takes for the present.

    Raises:
        Refusal: it did not begin: a setting is wrong, the warehouse is away, or another run holds the account.
        RunRed: the run does not balance.
    """
    # A retry from the UI keeps the scheduled start, so it continues the same run.
    key = run_key or default_run_key(flow, now or flow_run.scheduled_start_time or datetime.now(UTC))
    name = account or ""
    if now is not None:
        parameters = {**parameters, "now": now.isoformat()}
    async with AsyncExitStack() as held:
        try:
            resources = await asyncio.to_thread(open_resources, account)
            name = resources.account.name
            of_key = locks.of_run(name, flow, key)
            named = await asyncio.to_thread(_names_keys, resources, flow, key, parameters, keys)
            names = [of_key] if named else [locks.of_what_is_due(name, flow), of_key]
            taken = await held.enter_async_context(locked(resources, names, f"run {key}"))
            run = await asyncio.to_thread(_begin, resources.warehouse, taken, name, flow, key, parameters, now)
        except (SettingsError, WarehouseError) as error:
            await _refuse(flow, name, key, parameters, redact(str(error)))
            raise with_what_to_do(Refusal(str(error)), key) from error
        log.info("%s of %s, run key %s: %s", flow, name, key, "goes on" if run.resumed else "starts")
        current = Running(resources, run, parameters)
        try:
            with rare_collections():
                async with shown_progress(flow, name):
                    yield current
            await asyncio.to_thread(_require_locks, current)
        except Exception as error:
            with _unless_started_anew():
                await _publish(current, _close(current, "failed", str(error)))
            with_what_to_do(error, key)
            raise
        except BaseException:
            with _unless_started_anew():
                _close(current, "interrupted", prefect_watch.lost)  # `tuyahouse status` says how to continue
            raise
        await _verdict(current)


def _begin(
    warehouse: Warehouse,
    held: Sequence[Lock],
    account: str,
    flow: str,
    key: str,
    parameters: Mapping[str, Any],
    now: datetime | None,
) -> runs.Run:
    held_locks = [lock.held for lock in held]
    with fenced(warehouse, held_locks) as conn:
        run = runs.begin_run(conn, account, flow, key, parameters, locks=held_locks, now=now)
    begun_here[run.run_id] = run
    calls.begin(run.run_id)
    return run


begun_here: dict[str, runs.Run] = {}
"""The newest start of each run in this process."""


def _require_locks(current: Running) -> None:
    """Raise LockLost when another run has taken over, although nothing was left to land."""
    with fenced(current.resources.warehouse, current.run.locks):
        pass


@contextmanager
def _unless_started_anew() -> Iterator[None]:
    """Leave the row of a run alone that another process has started again since: its end is that one's."""
    try:
        yield
    except LockLost as error:
        log.error("%s", error)


def _names_keys(resources: Resources, flow: str, key: str, parameters: Mapping[str, Any], keys: Sequence[str]) -> bool:
    before = runs.find_run(resources.warehouse, resources.account.name, flow, key)
    return names_keys(parameters, keys) or (before is not None and names_keys(before.parameters, keys))


async def _refuse(flow: str, account: str, key: str, parameters: Mapping[str, Any], why: str) -> None:
    """Leave a note and, if there are an account and a warehouse, a row."""
    log.error("%s of %s did not begin.", flow, account or "no account")

    def record() -> None:
        record_refusal(open_warehouse(load_settings()), account, flow, key, parameters, why)

    with suppress(SettingsError, WarehouseError):
        if account:
            await asyncio.to_thread(record)
    await publish_refusal(flow, account, key, why)


async def _verdict(current: Running) -> None:
    current.notes += await asyncio.to_thread(
        unknown_in_words, current.resources.warehouse, current.account, current.parameters.get("sns") or ()
    )
    if current.asked_nothing():
        current.notes.append("This run was done before and nothing was left to ask for. Another run_key asks anew.")
    summary = _close(current, "stopped" if current.stopped else "balanced", current.stopped, current.problems)
    await _publish(current, summary)
    if summary.status not in GREEN:
        raise with_what_to_do(RunRed(summary.wrong), current.key)


async def _publish(current: Running, summary: runs.Summary) -> None:
    """Publish the table of counts, and a note: what is wrong, or that the cause of the last note is gone."""
    parts = await asyncio.to_thread(_parts, current) if current.parts else []
    counted = sum((part.outcome for part in parts), summary.outcome)
    current.verdict, more = in_one_sentence(summary.status, None if parts else summary.planned, counted), ""
    if current.parts:
        moved, more = await in_the_morning(current.resources, summary)
        current.verdict = " ".join(filter(None, (current.verdict, moved)))
    log.info("%s of %s: %s. %s", summary.flow, summary.account, summary.status, current.verdict)
    came_to = [current.came_to, *(progress_in(part.parameters).came_to for part in parts)]
    await publish_outcome(summary, current.verdict, parts, more, came_to)
    if summary.status in GREEN:
        await resolve_note(summary)
    else:
        await publish_failure(summary)


def _parts(current: Running) -> list[runs.Summary]:
    recent = runs.recent_runs(current.resources.warehouse, current.account)
    return [run for run in reversed(recent) if run.run_key == current.key and run.flow in current.parts]


def _close(current: Running, status: str, last_note: str, problems: Sequence[str] = ()) -> runs.Summary:
    note = "\n".join(filter(None, [*current.notes, last_note]))
    return close_run(current.resources.warehouse, current.run, status, note, problems)


def close_run(
    warehouse: Warehouse, run: runs.Run, status: str, note: str, problems: Sequence[str] = ()
) -> runs.Summary:
    """Write the verdict at once, without awaiting: it must be written on Ctrl-C too. The note is redacted.

    Raises:
        LockLost: another process has taken the run over and started it again.
    """
    at = run.present() if run.ahead else None
    problems = [redact(each) for each in problems]
    return runs.finish_run(warehouse, run.run_id, status, redact(note), at, starts=run.starts, problems=problems)


def final_state(current: Running) -> State[Any]:
    """The Prefect state of a run that was not red: Completed, or Stopped if a budget ended it. Verdict first."""
    said = (current.verdict, current.came_to, current.stopped, f"Run key: {current.key}")
    message = " ".join(filter(None, said))
    return Completed(name=STOPPED, message=message) if current.stopped else Completed(message=message)
