"""Command records of an account: which ones a run asks, and where their numbers come from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from tuyahouse.settings import Account, CommandPolicy
from tuyahouse.sync.chunks import calls_left, chunked, unpaid
from tuyahouse.sync.commands.intake import KIND
from tuyahouse.sync.commands.reconcile import learn_observed
from tuyahouse.sync.commands.rules import ask_steps
from tuyahouse.sync.given_keys import left_by_limit, unusable_in_words, usable, with_those_given_before
from tuyahouse.sync.intake.rows import Row
from tuyahouse.sync.intake.take_in import take_in
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.messages import gaps as message_gaps
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

LOOKED_UP_AT_ONCE = 1000


@dataclass(slots=True)
class Planned:
    """What was planned, and what the operator should know about it."""

    learnt: int = 0
    keys: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was named and cannot be asked: the run is red once it has asked the rest."""


def plan_asking(
    warehouse: Warehouse,
    account: Account,
    run: runs.Run,
    policy: CommandPolicy,
    *,
    command_sns: Sequence[str] | None,
    limit: int | None,
    chunk_size: int,
    now: datetime,
) -> Planned:
    """Learn the commands that messages report, add those given, and plan the due ones, longest waiting first.

    If some are given, now or at an earlier start, only they are asked, due or not; what cannot be a record number is
    the run's problem. A run that continues plans anew what it has not asked since its first start. While a gap in
    the message stream is open, every command still followed is asked, due or not: its message may be lost. What the
    month's calls do not pay for is planned too, and reported in the notes: the run stops when they are used up, and its
    run key continues once there are more.
    """
    planned = Planned(learnt=learn_observed(warehouse, run))
    with landing(warehouse, run) as conn:
        named = with_those_given_before(conn, run.run_id, {"command_sns": command_sns})["command_sns"]
    given = None if named is None else _follow_given(warehouse, account, run, named, now, planned)
    planned.problems += unusable_in_words("record numbers", command_sns or named or ())
    left = calls_left(warehouse, account, now)
    with landing(warehouse, run) as conn:
        gaps = message_gaps.open_gaps(conn, account.name)
        if gaps:
            planned.notes.append(f"{len(gaps)} gaps in the message stream: every open command is asked.")
        going_on = run_chunks.continue_plan(conn, run.run_id)
        wanted: Iterable[str] = given or ()
        if given is None:
            wanted = records.due(conn, account.name, ask_steps(policy), now, everything=bool(gaps))
        new = _new(conn, account.name, wanted, going_on)
        keys = islice(new, None if limit is None else max(0, limit - going_on.planned))
        run_chunks.add_chunks(conn, run.run_id, _chunks(keys, chunk_size, planned), going_on.first)
        if given is not None:
            planned.notes += left_by_limit(limit, new)
    planned.notes += unpaid(account, planned.keys, left)
    return planned


def _follow_given(
    warehouse: Warehouse, account: Account, run: runs.Run, numbers: Sequence[str], now: datetime, planned: Planned
) -> list[str]:
    """Follow the commands that were given by hand; those that can be any, each once."""

    def add(conn: Connection, rows: list[Row], at: datetime) -> int:
        return records.add(conn, account.name, [(row.key, None) for row in rows], "given", at, run.run_id)

    asked = usable(numbers)
    taken = take_in(warehouse, account.name, (Row("", sn) for sn in asked), "asked for", KIND, add, now=lambda: now)
    planned.learnt += taken.added
    return asked


def _new(conn: Connection, account: str, numbers: Iterable[str], going_on: run_chunks.Continued) -> Iterator[str]:
    """Those that the run has yet to ask, in batches."""
    for some in chunked(numbers, LOOKED_UP_AT_ONCE):
        asked_at = records.asked_at(conn, account, some) if going_on.begun else {}
        yield from (sn for sn in some if going_on.is_new(sn, asked_at.get(sn)))


def _chunks(keys: Iterator[str], size: int, planned: Planned) -> Iterator[list[str]]:
    while chunk := list(islice(keys, size)):
        planned.keys += len(chunk)
        yield chunk
