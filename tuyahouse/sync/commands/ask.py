"""Asks command records, a chunk at a time: one call a record; what the API reports becomes an observation."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tuyahouse.cloud.calls.command_records import RECORD, CommandRecord, decode_record
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import NotFound
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked, ask_all
from tuyahouse.sync.chunks import in_parts, land_what_came
from tuyahouse.sync.commands.rules import word
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk.writer import Written, update, upsert
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.commands.records import KnownCommand, Reported
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.shared.landing import landing, shared_clock
from tuyahouse.warehouse.tables import command, command_observation
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "command"
OBSERVED = (
    "account",
    "command_sn",
    "source",
    "process_status",
    "happened_at",
    "device_id",
    "message",
    "extra",
    "observed_at",
)


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """A record, and the bytes that Tuya sent it in."""

    record: CommandRecord
    body: bytes


@dataclass(frozen=True, slots=True)
class Observed:
    """A record as an observation. ``again``: the API went back to a status from before the end, so it counts again.

    ``is_news``: nobody had reported that status at that time before.
    """

    record: CommandRecord
    happened_at: datetime
    again: bool
    is_news: bool


async def ask_chunk(
    client: TuyaClient,
    warehouse: Warehouse,
    run: runs.Run,
    chunk: int,
    *,
    workers: int,
    now: Callable[[], datetime] | None = None,
    on_key: Callable[[], None] = lambda: None,
) -> Outcome:
    """Ask the chunk's records and land them in one transaction; if they are too large together, in several.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    clock = await asyncio.to_thread(shared_clock, warehouse, run.ahead) if now is None else now

    async def sync_part(asked: Asked[CommandAnswer], counted: int) -> Outcome:
        numbers = await asyncio.to_thread(run_chunks.load_chunk, warehouse, run.run_id, chunk)

        def land() -> Outcome:
            return land_chunk(warehouse, run, chunk, asked, calls=client.calls - counted, now=clock)

        asking = ask_records(client, numbers, asked, workers=workers, on_key=on_key, now=clock)
        return await land_what_came(asked, asking, land)

    return await in_parts(client, sync_part)


async def ask_records(
    client: TuyaClient,
    numbers: Iterable[str],
    into: Asked[CommandAnswer],
    *,
    workers: int,
    on_key: Callable[[], None],
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Ask each record; see :func:`tuyahouse.sync.asking.ask_all` for what may stop it. An empty answer is NotFound."""

    async def ask(command_sn: str) -> CommandAnswer:
        answer = await client.call(RECORD, path={"sn": command_sn}, on_start=into.starting(command_sn, now))
        into.hold(command_sn, len(answer.body))
        record = decode_record(bytes(answer.result), command_sn)
        if record is None:
            raise NotFound("Tuya knows no such command record", endpoint=RECORD.name)
        return CommandAnswer(record, answer.body)

    await ask_all(numbers, ask, into, kind=KIND, workers=workers, on_key=on_key, in_parts=True)


def observe(record: CommandRecord, reported: Sequence[Reported], at: datetime) -> Observed:
    """A record as an observation. Without a usable time it repeats the earlier one of that status, else it is new."""
    same_status = [each.happened_at for each in reported if each.process_status == record.process_status]
    happened_at = record.happened_at or (max(same_status) if same_status else at)
    ended = any(word(each.process_status).final for each in reported)
    again = ended and not word(record.process_status).final and happened_at in same_status
    return Observed(record, happened_at, again, is_news=again or happened_at not in same_status)


def land_chunk(
    warehouse: Warehouse,
    run: runs.Run,
    chunk: int,
    asked: Asked[CommandAnswer],
    *,
    calls: int,
    now: Callable[[], datetime],
) -> Outcome:
    """Write observations, the bytes of answers with news, what is known of each command's asking, dead letters and the
    chunk's outcome.

    A record asked before another run asked it and landed it is counted and changes nothing.
    """
    outcome = asked.outcome(calls)
    left, refused = asked.left, asked.refused
    with landing(warehouse, run) as conn:
        before = run_chunks.hold_chunk(conn, run.run_id, chunk, asked.asked + len(left))
        known = records.hold(conn, run.account, asked.keys)
        at = now()
        asked = asked.without(asked.overtaken({sn: each.last_asked_at for sn, each in known.items()}))
        answered = [sn for sn, _ in asked.answers]
        reported = records.reported_by_api(conn, run.account, answered)
        times = asked.times(answered, at)
        observed = [observe(answer.record, reported.get(sn, []), times[sn]) for sn, answer in asked.answers]
        written = _write_observations(conn, run.account, observed, at)
        news = [(sn, answer.body) for (sn, answer), one in zip(asked.answers, observed, strict=True) if one.is_news]
        raw_blocks.store(conn, run.account, KIND, f"{run.run_id}/{chunk:06d}/{before:08d}", news, at)
        _write_asked(conn, run, known, asked, at)
        excused = dead_letters.record(conn, run.account, asked.dead_letters, at)
        dead_letters.resolve(conn, run.account, KIND, answered + asked.empty, at)
        outcome.inserted, outcome.updated, outcome.unchanged = written.inserted, written.updated, written.unchanged
        run_chunks.finish_chunk(conn, run.run_id, chunk, outcome, left, at, refused, excused)
    return outcome


def _write_observations(conn: Connection, account: str, observed: Sequence[Observed], at: datetime) -> Written:
    """Write observations. The first time of one counts, unless the API went back to it."""
    rows = [(each.again, _row(account, each, at)) for each in observed]
    written = upsert(
        conn, command_observation, OBSERVED, [row for again, row in rows if not again], first=("observed_at",)
    )
    back = upsert(conn, command_observation, OBSERVED, [row for again, row in rows if again])
    return Written(written.inserted + back.inserted, written.updated + back.updated, written.unchanged + back.unchanged)


def _row(account: str, observed: Observed, at: datetime) -> tuple[Any, ...]:
    record = observed.record
    return (
        account,
        record.command_sn,
        "api",
        record.process_status,
        observed.happened_at,
        record.device_id,
        record.message,
        record.extra,
        at,
    )


def _write_asked(
    conn: Connection, run: runs.Run, known: Mapping[str, KnownCommand], asked: Asked[CommandAnswer], at: datetime
) -> None:
    """Write when and how often each command was asked, and since when Tuya does not know it."""
    times = asked.times(asked.keys, at)
    rows = [asked_row(run.account, sn, known.get(sn), None, times[sn]) for sn, _ in asked.answers]
    rows += [asked_row(run.account, sn, known.get(sn), times[sn], times[sn]) for sn in asked.empty]
    for letter in asked.dead_letters:
        before = known.get(letter.key)
        unknown_since = before.unknown_since if before else None
        rows.append(asked_row(run.account, letter.key, before, unknown_since, times[letter.key]))
    columns = ("account", "command_sn", "first_asked_at", "last_asked_at", "asked_times", "unknown_since")
    update(conn, command, columns, rows)


def asked_row(
    account: str, sn: str, known: KnownCommand | None, unknown_since: datetime | None, at: datetime
) -> tuple[Any, ...]:
    """A command after it was asked; ``unknown_since`` is None if Tuya knows it."""
    since = (known and known.unknown_since) or unknown_since if unknown_since else None
    times = (known.asked_times if known else 0) + 1
    return (account, sn, (known and known.first_asked_at) or at, at, times, since)
