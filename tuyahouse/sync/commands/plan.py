"""Command records of an account: which ones a run asks, and how numbers are learnt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from tuyahouse.settings import Account, CommandPolicy
from tuyahouse.sync.chunks import calls_left
from tuyahouse.sync.commands.reconcile import learn_observed
from tuyahouse.sync.commands.rules import ask_steps
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.messages import gaps as message_gaps
from tuyahouse.warehouse.warehouse import Warehouse


@dataclass(slots=True)
class Planned:
    """What was planned, and what the operator should know of it."""

    learnt: int = 0
    keys: int = 0
    notes: list[str] = field(default_factory=list)


def plan_asking(
    warehouse: Warehouse,
    account: Account,
    run_id: str,
    policy: CommandPolicy,
    *,
    command_sns: Sequence[str] | None,
    limit: int | None,
    chunk_size: int,
    now: datetime,
) -> Planned:
    """Learn the commands that messages told of, add those given, and plan the due ones, longest waiting first.

    Given ones are asked whether due or not. While a gap in the message stream is open every command still followed is
    asked, whatever its waiting time: its message may be lost. What the month's calls do not pay for is left for later.
    """
    given = list(dict.fromkeys(sn.strip() for sn in command_sns or () if sn.strip()))
    planned = Planned(learnt=learn_observed(warehouse, account.name, run_id))
    left = calls_left(warehouse, account, now)
    with warehouse.begin() as conn:
        planned.learnt += records.add(conn, account.name, [(sn, None) for sn in given], "given", now, run_id)
        gaps = message_gaps.open_gaps(conn, account.name)
        if gaps:
            planned.notes.append(f"{len(gaps)} gaps in the message stream: every open command is asked.")
        due = records.due(conn, account.name, ask_steps(policy), now, everything=bool(gaps))
        bounds = [bound for bound in (limit, left) if bound is not None]
        keys = islice(_first(given, due), min(bounds, default=None))
        runs.add_chunks(conn, run_id, _chunks(keys, chunk_size, planned))
    if left is not None and planned.keys >= left:
        planned.notes.append(f"The month's calls pay for {left:,} more: commands that are due beyond that wait.")
    return planned


def _first(given: Sequence[str], due: Iterator[str]) -> Iterator[str]:
    """The given ones, then the others."""
    yield from given
    asked = set(given)
    yield from (sn for sn in due if sn not in asked)


def _chunks(keys: Iterator[str], size: int, planned: Planned) -> Iterator[list[str]]:
    while chunk := list(islice(keys, size)):
        planned.keys += len(chunk)
        yield chunk
