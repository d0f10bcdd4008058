"""One chunk of serial numbers: ask Tuya for their process steps, land what came in one transaction.

An answer's bytes are fingerprinted. If the registry has that fingerprint already, nothing changed: nothing is decoded,
and only the time of asking is written. A changed answer becomes rows of ``flow_step``, goes into the raw block of the
chunk, and decides the unit's state together with its craft line.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from tuyahouse.cloud.calls.pms import SN_FLOWS, FlowStep, decode_flow_steps
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.http.answer import stored_result
from tuyahouse.fingerprint import fingerprint
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked, ask_all
from tuyahouse.sync.chunks import count_fields, in_parts, land_what_came
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines, LastNodes, NamedNodes
from tuyahouse.sync.serial_numbers.state import State, state_of
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import dead_letters, drift, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared.landing import landing, shared_clock
from tuyahouse.warehouse.tables import flow_step
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "sn_flows"

STEP_COLUMNS = (
    "sn",
    "node",
    "happened_at",
    "order_code",
    "craft_line_code",
    "node_desc",
    "request_id",
    "status",
    "first_status",
    "extra",
)


_time_ms = attrgetter("time_ms")


class SnAnswer(NamedTuple):
    """A usable answer; ``steps`` is None if the registry knows it already."""

    body: bytes
    digest: bytes
    steps: list[FlowStep] | None
    holds_steps: bool


async def sync_chunk(
    client: TuyaClient,
    lines: CraftLines,
    chunk: int,
    *,
    workers: int,
    now: Callable[[], datetime] | None = None,
    on_key: Callable[[], None] = lambda: None,
) -> Outcome:
    """Ask the chunk of the run that ``lines`` belongs to, and land it in one transaction.

    Answers that are too large together land in several (:func:`in_parts`). What a stop leaves unasked stays in the
    chunk. A chunk that is done asks nothing.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    warehouse = lines.warehouse
    clock = await asyncio.to_thread(shared_clock, warehouse, lines.run.ahead) if now is None else now

    def sync_part(asked: Asked[SnAnswer], counted: int) -> Awaitable[Outcome]:
        return _sync_part(client, lines, chunk, asked, counted, workers, clock, on_key)

    return await in_parts(client, sync_part)


async def _sync_part(
    client: TuyaClient,
    lines: CraftLines,
    chunk: int,
    asked: Asked[SnAnswer],
    counted: int,
    workers: int,
    clock: Callable[[], datetime],
    on_key: Callable[[], None],
) -> Outcome:
    """Ask the keys left in the chunk into ``asked``, until it is full, and land it; ``counted`` calls have landed."""
    warehouse, run = lines.warehouse, lines.run
    sns = await asyncio.to_thread(run_chunks.load_chunk, warehouse, run.run_id, chunk)
    known = await asyncio.to_thread(registry.known, warehouse, run.account, sns)

    async def ask() -> None:
        await ask_steps(client, known, sns, asked, workers=workers, on_key=on_key, now=clock)
        await lines.last_nodes(client, named_nodes(asked), clock)

    def land() -> Outcome:
        calls = client.calls - counted
        return land_chunk(warehouse, run, chunk, asked, known, lines.known, calls=calls, now=clock)

    return await land_what_came(asked, ask(), land)


async def ask_steps(
    client: TuyaClient,
    known: Mapping[str, registry.Known],
    sns: Iterable[str],
    into: Asked[SnAnswer],
    *,
    workers: int,
    on_key: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Ask the steps of each serial number; see :func:`tuyahouse.sync.asking.ask_all` for what may stop it."""

    async def ask(sn: str) -> SnAnswer:
        answer = await client.call(SN_FLOWS, body={"sn": sn}, on_start=into.starting(sn, now))
        into.hold(sn, len(answer.body))
        return read_news(answer.result, answer.body, known.get(sn))

    await ask_all(sns, ask, into, kind=KIND, workers=workers, on_key=on_key, in_parts=True)


def read_news(result: bytes | msgspec.Raw, body: bytes, known: registry.Known | None) -> SnAnswer:
    """:func:`read_answer` against what the registry knows of the serial number."""
    read = read_answer(result, body, known.answer_hash if known else None)
    if known and known.state == State.UNKNOWN and read.holds_steps:
        return read_answer(result, body, None)  # Tuya knows it again: the old answer changes its state
    return read


def read_answer(result: bytes | msgspec.Raw, body: bytes, known: bytes | None) -> SnAnswer:
    """Fingerprint an answer's ``result`` (the envelope around it holds times) and decode it unless it is ``known``.

    Raises:
        UnusableAnswer: the result has another shape than a list of steps.
    """
    digest = fingerprint(result)
    if digest == known:
        return SnAnswer(body, digest, None, bytes(result).strip() not in (b"[]", b"null", b""))
    steps = decode_flow_steps(result)
    return SnAnswer(body, digest, steps, bool(steps))


def named_nodes(asked: Asked[SnAnswer]) -> NamedNodes:
    """The work orders and nodes that the changed answers name."""
    return NamedNodes([step for _, answer in asked.answers if answer.steps for step in answer.steps])


def land_chunk(
    warehouse: Warehouse,
    run: runs.Run,
    chunk: int,
    asked: Asked[SnAnswer],
    known: Mapping[str, registry.Known],
    last_nodes: LastNodes,
    *,
    calls: int,
    now: Callable[[], datetime],
) -> Outcome:
    """Write everything that a chunk brought, its outcome in the run included, in one transaction.

    An answer that was asked before one that has landed meanwhile is counted but changes nothing. The others bring rows
    of changed answers, the raw block, times of asking and states of the registry, dead letters (new ones recorded, old
    ones of answered serial numbers resolved) and drift. Last comes the chunk's outcome with the keys still left.
    """
    account = run.account
    outcome = count(asked, calls)
    with landing(warehouse, run) as conn:
        before = run_chunks.hold_chunk(conn, run.run_id, chunk, asked.asked + len(asked.left))
        held = registry.hold(conn, account, asked.keys)
        # Taken once the rows are held: blocks of a serial number are then stored in the order in which they count.
        at = now()
        news = _news(asked, known, held)
        written = _write(conn, run, f"{run.run_id}/{chunk:06d}/{before:08d}", news, held, last_nodes, at)
        outcome.inserted, outcome.updated = written.inserted, written.updated + written.retired
        excused = dead_letters.record(conn, account, news.dead_letters, at)
        run_chunks.finish_chunk(conn, run.run_id, chunk, outcome, asked.left, at, asked.refused, excused)
    return outcome


def _news(
    asked: Asked[SnAnswer], known: Mapping[str, registry.Known], held: Mapping[str, registry.Known]
) -> Asked[SnAnswer]:
    """What is still news: without keys that were asked again later, compared with what other runs landed meanwhile."""
    if held == known:
        return asked  # nothing has landed since before the asking
    news = asked.without(asked.overtaken({sn: each.last_asked_at for sn, each in held.items()}))
    news.answers = [
        (sn, answer if _unmoved(known.get(sn), held.get(sn)) else _read_again(answer, held.get(sn)))
        for sn, answer in news.answers
    ]
    return news


def _unmoved(known: registry.Known | None, held: registry.Known | None) -> bool:
    return known is held or bool(known and held and (known.answer_hash, known.state) == (held.answer_hash, held.state))


def _read_again(answer: SnAnswer, held: registry.Known | None) -> SnAnswer:
    return read_news(stored_result(answer.body), answer.body, held)


def _write(
    conn: Connection,
    run: runs.Run,
    block: str,
    asked: Asked[SnAnswer],
    held: Mapping[str, registry.Known],
    last_nodes: LastNodes,
    at: datetime,
) -> writer.Written:
    account = run.account
    changed = [(sn, answer) for sn, answer in asked.answers if answer.steps is not None]
    same = [sn for sn, answer in asked.answers if answer.steps is None and answer.holds_steps]
    unknown = [sn for sn, answer in asked.answers if answer.steps is None and not answer.holds_steps] + asked.empty
    rows = [row for sn, answer in changed for row in step_rows(sn, answer.steps or ())]
    written = write_steps(conn, run, rows, [sn for sn, _ in changed], at)
    raw_blocks.store(conn, account, KIND, block, [(sn, answer.body) for sn, answer in changed], at)
    registry.mark_changed(conn, account, registry_changes(changed, held, last_nodes, at, asked.asked_at))
    orders = (held[sn].order_code for sn, _ in changed if sn in held)
    marks.mark_units(conn, account, [sn for sn, _ in changed], block, orders)
    registry.mark_asked(conn, account, asked.times([*same, *(letter.key for letter in asked.dead_letters)], at))
    registry.mark_unknown(conn, account, asked.times(unknown, at))
    registry.forget(conn, account, [*unknown, *(sn for sn, answer in changed if not answer.holds_steps)])
    dead_letters.resolve(conn, account, KIND, [sn for sn, _ in asked.answers] + asked.empty, at)
    drift.record(conn, account, KIND, drifted(changed), at)
    return written


def count(asked: Asked[SnAnswer], calls: int) -> Outcome:
    """The counts. An answer without steps means that Tuya does not know the serial number."""
    return asked.outcome(
        calls,
        unchanged=sum(answer.steps is None for _, answer in asked.answers),
        empty_answers=sum(not answer.holds_steps for _, answer in asked.answers),
    )


def step_rows(sn: str, steps: Iterable[FlowStep]) -> list[tuple[Any, ...]]:
    """Rows of ``flow_step`` in the order of ``STEP_COLUMNS``, times in milliseconds as the writer takes them.

    The asked serial number is the key; if Tuya spells it differently, that spelling is kept in ``extra``.
    """
    return [
        (
            sn,
            step.node,
            step.time_ms,
            step.order_code,
            step.craft_line_code,
            step.node_desc,
            step.request_id,
            step.status,
            step.status,
            step.extra if step.sn == sn or step.sn is None else {**(step.extra or {}), "sn": step.sn},
        )
        for step in steps
    ]


def write_steps(
    conn: Connection, run: runs.Run, rows: Sequence[tuple[Any, ...]], sns: Sequence[str], at: datetime
) -> writer.Written:
    """Make ``rows`` the steps of these serial numbers; steps that are not among them get ``gone_at``."""
    return writer.replace_set(
        conn,
        flow_step,
        STEP_COLUMNS,
        rows,
        scope=("account", "sn"),
        scopes=[(run.account, sn) for sn in sns],
        gone="gone_at",
        at=at,
        first=("first_run", "first_status", "seen_at"),
        stamp=("last_run",),
        gone_stamp={"last_run": run.run_id},
        same={"account": run.account, "first_run": run.run_id, "last_run": run.run_id, "seen_at": at},
    )


def registry_changes(
    changed: Iterable[tuple[str, SnAnswer]],
    known: Mapping[str, registry.Known],
    last_nodes: LastNodes,
    at: datetime,
    asked_at: Mapping[str, datetime] | None = None,
) -> list[registry.Change]:
    """What the registry should know of each serial number whose answer changed; ``at`` where ``asked_at`` is silent."""
    changes = []
    for sn, answer in changed:
        steps = answer.steps or []
        before = known.get(sn)
        newest = max(steps, key=_time_ms, default=None)
        order = (newest and newest.order_code) or (before and before.order_code)
        state = state_of(steps, last_nodes.get(order or ""))
        changes.append(
            registry.Change(
                sn=sn,
                order_code=order or None,
                craft_line_code=newest.craft_line_code if newest else None,
                state=state,
                unknown_times=0 if steps else (before.unknown_times if before else 0) + 1,
                answer_hash=answer.digest,
                at=(asked_at or {}).get(sn, at),
            )
        )
    return changes


def drifted(changed: Iterable[tuple[str, SnAnswer]]) -> dict[str, tuple[int, str]]:
    """Undocumented fields of the changed answers: in how many, and an example value."""
    return count_fields(
        {name: value for step in answer.steps or () if step.extra for name, value in step.extra.items()}
        for _, answer in changed
    )
