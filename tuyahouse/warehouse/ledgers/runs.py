"""Runs: their rows, how they begin and how they end. Their chunks are in :mod:`tuyahouse.warehouse.ledgers.run_chunks`.

A run is named by account, flow and run key; its id is computed from them, so a run that is interrupted and
continued writes the same rows as one that was not.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from tuyahouse.outcome import COUNTS, Outcome
from tuyahouse.redaction import SECRETS
from tuyahouse.verdict import GREEN
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import now_time, upsert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.errors import LockLost
from tuyahouse.warehouse.held_lock import HeldLock
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.ledgers.dead_letters import StoredDeadLetter
from tuyahouse.warehouse.ledgers.run_chunks import chunk_counts, excused, refused_keys, reopen_refused
from tuyahouse.warehouse.tables import ops_run


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way. ``planned`` is None until it has a plan; ``resumed`` is true if it was started before."""

    account: str
    flow: str
    run_key: str
    run_id: str
    planned: int | None = None
    resumed: bool = False
    outcome: Outcome = field(default_factory=Outcome)
    starts: int | None = None
    """Which start of the run this is, from 1; None where that does not matter."""
    locks: tuple[HeldLock, ...] = ()
    """The locks under which this start works; every transaction that lands checks them."""
    ahead: timedelta = timedelta(0)
    """How far the run's present is ahead of the clock, if it was given a time as its present."""

    def present(self) -> datetime:
        """The time that the run uses as the present; it advances with the clock."""
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Summary:
    """A run as stored in ``ops_run``."""

    account: str
    flow: str
    run_key: str
    run_id: str
    status: str
    note: str
    planned: int | None
    outcome: Outcome
    started_at: datetime
    ended_at: datetime | None
    starts: int
    parameters: Mapping[str, Any]
    wrong: str = ""
    """What is wrong, of a run that :func:`finish_run` has just found to be red; its note says it too."""


def run_id_of(account: str, flow: str, run_key: str) -> str:
    """The run's id: 16 letters and digits."""
    digest = hashlib.sha256("\0".join((account, flow, run_key)).encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


def start_run(
    database: Database,
    account: str,
    flow: str,
    run_key: str,
    parameters: Mapping[str, Any],
    at: datetime | None = None,
) -> Run:
    """:func:`begin_run` in a transaction of its own, under no lock."""
    with database.begin() as conn:
        return begin_run(conn, account, flow, run_key, parameters, at)


def begin_run(
    conn: Connection,
    account: str,
    flow: str,
    run_key: str,
    parameters: Mapping[str, Any],
    at: datetime | None = None,
    locks: Sequence[HeldLock] = (),
    now: datetime | None = None,
) -> Run:
    """Start the run, or continue it if it was started before; its refused keys are then asked again.

    ``parameters`` are stored and must hold no secrets. ``locks`` are those under which this start works. ``now`` is the
    time that the run takes for the present; without it that is the clock.
    """
    clock = now_time(conn)
    run_id = run_id_of(account, flow, run_key)
    again = {"status": "running", "ended_at": None, "note": None, "starts": ops_run.c.starts + 1}
    statement = upsert(conn, ops_run, ("account", "flow", "run_key"), again).values(
        account=account,
        flow=flow,
        run_key=run_key,
        run_id=run_id,
        status="running",
        parameters=dict(parameters),
        started_at=at or now or clock,
    )
    conn.execute(statement)
    reopen_refused(conn, run_id)
    row = conn.execute(select(ops_run).where(ops_run.c.run_id == run_id)).one()
    counts, resumed = chunk_counts(conn, run_id), row.starts > 1
    ahead = now - clock if now else timedelta(0)
    return Run(account, flow, run_key, run_id, row.planned, resumed, counts, row.starts, tuple(locks), ahead)


def finish_run(
    database: Database,
    run_id: str,
    status: str,
    note: str = "",
    at: datetime | None = None,
    *,
    starts: int | None = None,
    problems: Sequence[str] = (),
) -> Summary:
    """Add the chunks up and close the run; its calls are counted as they are reserved.

    ``balanced`` becomes ``unbalanced``, with a note, unless asked = answered + empty + failed + rejected and all that
    was planned was asked. ``balanced`` and ``stopped`` become ``failed`` when there are ``problems``, or when more than
    a few keys ended as dead letters (:func:`too_many_refused`). The note then ends with what is wrong. The other
    statuses (failed, interrupted) are stored as given.

    Raises:
        LockLost: the run was started again since (``starts`` is not its newest start), and belongs to that start.
    """
    with database.begin() as conn:
        outcome = chunk_counts(conn, run_id)
        planned = conn.execute(select(ops_run.c.planned).where(ops_run.c.run_id == run_id)).scalar()
        wrong = list(problems)
        if status in GREEN:
            uneven = imbalance(outcome, planned) if status == "balanced" else ""
            wrong += filter(None, (uneven, _refusals(conn, run_id, outcome)))
            status = "unbalanced" if uneven else "failed" if wrong else status
        note = "\n".join(filter(None, (note, *wrong)))
        counts = {name: getattr(outcome, name) for name in COUNTS if name != "calls"}
        mine = [ops_run.c.run_id == run_id] + ([] if starts is None else [ops_run.c.starts == starts])
        ended = {
            "status": status,
            "note": clean_text(SECRETS.text(note)) or None,
            "ended_at": at or now_time(conn),
            **counts,
        }
        if not conn.execute(update(ops_run).where(*mine).values(ended)).rowcount:
            raise LockLost("Another process took over and started this run again: how it ends is that one's to say.")
        row = conn.execute(select(ops_run).where(ops_run.c.run_id == run_id)).one()
        return replace(_summary(row), wrong="\n".join(wrong))


def set_parent(database: Database, account: str, run_key: str, flows: Sequence[str], parent: str) -> None:
    """Note that the runs of these flows under this run key are parts of the run ``parent``."""
    parts = ops_run.c.account == account, ops_run.c.run_key == run_key, ops_run.c.flow.in_(flows)
    with database.begin() as conn:
        conn.execute(update(ops_run).where(*parts).values(parent_run=parent))


def imbalance(outcome: Outcome, planned: int | None) -> str:
    """A sentence about what does not add up; empty if everything does."""
    ends = outcome.answered + outcome.empty + outcome.failed + outcome.rejected
    if outcome.asked != ends:
        return (
            f"{outcome.asked} keys were asked, but {ends} are accounted for. Report this: it is a mistake of tuyahouse."
        )
    if planned is not None and planned != outcome.asked:
        return (
            f"{planned} keys were planned, but {outcome.asked} were asked. Start the run again with the same run key."
        )
    return ""


A_FEW = 10


def too_many_refused(refused: int, asked: int) -> bool:
    """Whether more keys ended as dead letters than a run may leave and still be done.

    That is ten or one in a hundred, whichever is more, but never more than half: a run that could read nothing, or
    little, of what it was to read is not done.
    """
    return refused > max(min(A_FEW, asked // 2), asked // 100)


def refusals_in_words(account: str, refused: int, asked: int, what: str, like: StoredDeadLetter | None) -> str:
    """A sentence: these are more dead letters than a few; the newest as an example, and where to find all."""
    all_of = f"All {asked:,}" if refused == asked else f"{refused:,} of {asked:,}"
    example = f" The newest is that of {like.key}: {like.message.rstrip('. ')}." if like and like.message else ""
    return (
        f"{all_of} {what} ended as dead letters, which is more than a few.{example} "
        f"`tuyahouse dead-letters list -a {account}` shows them."
    )


def _refusals(conn: Connection, run_id: str, outcome: Outcome) -> str:
    """A sentence if too many keys ended as dead letters; those that need no work do not count."""
    refused = outcome.failed + outcome.rejected - excused(conn, run_id)
    if not too_many_refused(refused, outcome.asked):
        return ""
    account = conn.execute(select(ops_run.c.account).where(ops_run.c.run_id == run_id)).scalar_one()
    found = (dead_letters.newest_of(conn, account, _bare(keys)) for keys in refused_keys(conn, run_id))
    like = next((letter for letter in found if letter), None)
    return refusals_in_words(account, refused, outcome.asked, "keys", like)


def _bare(keys: Sequence[str]) -> list[str]:
    """The keys, and what follows the colon in those that were met beside others (``link:…``)."""
    return [*keys, *(key.partition(":")[2] for key in keys if ":" in key)]


def recent_runs(database: Database, account: str | None = None, limit: int = 20) -> list[Summary]:
    """The newest runs, newest first, including those under way and those killed (status running)."""
    wanted = select(ops_run).order_by(ops_run.c.started_at.desc(), ops_run.c.run_id).limit(limit)
    if account is not None:
        wanted = wanted.where(ops_run.c.account == account)
    with database.read() as conn:
        return [_summary(row) for row in conn.execute(wanted)]


def newest_of(
    conn: Connection, account: str, flow: str, since: datetime, before: datetime, limit: int
) -> list[Summary]:
    """The newest runs of a flow that were started first between these times, newest first."""
    started = ops_run.c.started_at
    wanted = select(ops_run).where(ops_run.c.account == account, ops_run.c.flow == flow)
    wanted = wanted.where(started >= since, started < before).order_by(started.desc(), ops_run.c.run_id).limit(limit)
    return [_summary(row) for row in conn.execute(wanted)]


def accounts(database: Database) -> list[str]:
    """The accounts that have runs, or starts that were refused."""
    with database.read() as conn:
        return list(conn.execute(select(ops_run.c.account).distinct().order_by(ops_run.c.account)).scalars())


def parameters_of(conn: Connection, run_id: str) -> dict[str, Any]:
    """The parameters that the run was started with; empty if there is no such run."""
    return dict(conn.execute(select(ops_run.c.parameters).where(ops_run.c.run_id == run_id)).scalar() or {})


def started_at(conn: Connection, run_id: str) -> datetime:
    """When the run was started first, by its own present."""
    found: datetime = conn.execute(select(ops_run.c.started_at).where(ops_run.c.run_id == run_id)).scalar_one()
    return found


def set_parameters(conn: Connection, run_id: str, parameters: Mapping[str, Any]) -> None:
    """Replace the parameters of the run."""
    conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(parameters=dict(parameters)))


def find_run(database: Database, account: str, flow: str, run_key: str) -> Summary | None:
    """The run, or None if it was never started."""
    with database.read() as conn:
        wanted = select(ops_run).where(ops_run.c.run_id == run_id_of(account, flow, run_key))
        row = conn.execute(wanted).one_or_none()
        return _summary(row) if row else None


def _summary(row: Row[Any]) -> Summary:
    return Summary(
        row.account,
        row.flow,
        row.run_key,
        row.run_id,
        row.status,
        row.note or "",
        row.planned,
        Outcome(*(getattr(row, name) for name in COUNTS)),
        row.started_at,
        row.ended_at,
        row.starts,
        row.parameters or {},
    )
