"""Runs and their chunks: what was planned, what is done, how it ended.

A run is named by account, flow and run key; its id is computed from them, so a run that is interrupted and
continued writes the same rows as one that was not.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Update, bindparam, delete, func, insert, select, update

from tuyahouse.outcome import COUNTS, Outcome
from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import now_time, upsert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.fence import Holding
from tuyahouse.warehouse.ledgers.packing import pack, unpack_keys
from tuyahouse.warehouse.tables import ops_chunk, ops_run


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
    locks: tuple[Holding, ...] = ()
    """The locks under which this start works; every transaction that lands checks them."""
    ahead: timedelta = timedelta(0)
    """How far the run's present is ahead of the clock, where it was told what time to take for the present."""

    def present(self) -> datetime:
        """The time that the run takes for the present; it goes on from there as the clock does."""
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
    locks: Sequence[Holding] = (),
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
    _reopen_refused(conn, run_id)
    row = conn.execute(select(ops_run).where(ops_run.c.run_id == run_id)).one()
    counts, resumed = _chunk_counts(conn, run_id), row.starts > 1
    ahead = now - clock if now else timedelta(0)
    return Run(account, flow, run_key, run_id, row.planned, resumed, counts, row.starts, tuple(locks), ahead)


def add_chunks(conn: Connection, run_id: str, chunks: Iterable[Sequence[str]], first: int = 0) -> int:
    """Store the plan of a run, chunk by chunk as the iterator yields them; returns the number of keys.

    Runs in the caller's transaction: a plan is stored whole or not at all. ``first`` is the number of the first chunk.
    """
    numbered = enumerate(chunks, first)
    planned = 0
    while batch := list(islice(numbered, 20)):
        rows = [
            {"run_id": run_id, "chunk": number, "status": "planned", "planned": len(keys), "keys": pack(list(keys))}
            for number, keys in batch
        ]
        conn.execute(ops_chunk.insert(), rows)
        planned += sum(len(keys) for _, keys in batch)
    total = func.coalesce(ops_run.c.planned, 0) + planned
    conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(planned=total))
    return planned


def _reopen_refused(conn: Connection, run_id: str) -> None:
    """Move refused keys, and keys of their chunks not asked yet, into new chunks; the old ones count only the rest."""
    column = ops_chunk.c
    with_refused = select(column.chunk, column["keys"], column.refused).where(
        column.run_id == run_id, column.refused.is_not(None)
    )
    first = next_chunk(conn, run_id)
    for number, (chunk, keys, refused) in enumerate(conn.execute(with_refused.order_by(column.chunk)).all(), first):
        again, left = unpack_keys(refused), unpack_keys(keys)
        fewer = {
            "planned": column.planned - len(again) - len(left),
            "asked": column.asked - len(again),
            "failed": 0,
            "rejected": 0,
        }
        closed = update(ops_chunk).where(*_chunk(run_id, chunk))
        conn.execute(closed.values(status="done", keys=pack([]), refused=None, **fewer))
        row = {"status": "refused", "planned": len(again) + len(left), "keys": pack([*left, *again])}
        conn.execute(insert(ops_chunk).values(run_id=run_id, chunk=number, **row))


def next_chunk(conn: Connection, run_id: str) -> int:
    """The number after the run's last chunk."""
    last = conn.execute(select(func.max(ops_chunk.c.chunk)).where(ops_chunk.c.run_id == run_id)).scalar()
    return 0 if last is None else int(last) + 1


@dataclass(slots=True)
class Continued:
    """Where the plan of a run continues. ``begun`` is None for a run without a plan, else its first start.

    ``kept`` are the keys that it still has to ask, due or not; ``planned`` counts these and the keys already asked.
    """

    begun: datetime | None = None
    kept: set[str] = field(default_factory=set)
    planned: int = 0
    first: int = 0
    """The number of the next chunk."""

    def is_new(self, key: str, asked_at: datetime | None) -> bool:
        """Whether the key, last asked at ``asked_at`` by any run, must be added to the plan."""
        return key not in self.kept and (self.begun is None or asked_at is None or asked_at < self.begun)


def continue_plan(
    conn: Connection, run_id: str, keep: Callable[[Sequence[str]], bool] = lambda keys: False
) -> Continued:
    """Delete the chunks that were not begun: what is due now is planned in their place.

    Chunks that were begun, that hold refused keys, or for whose keys ``keep`` is true, stay. Call it in the transaction
    that adds the new chunks.
    """
    run = conn.execute(select(ops_run.c.planned, ops_run.c.started_at).where(ops_run.c.run_id == run_id)).one()
    if run.planned is None:
        return Continued(first=next_chunk(conn, run_id))
    going_on = Continued(run.started_at, planned=run.planned)
    untouched = select(ops_chunk.c.chunk).where(ops_chunk.c.run_id == run_id, ops_chunk.c.status == "planned")
    planned = set(conn.execute(untouched).scalars())
    for chunk, keys in open_keys(conn, run_id):
        if chunk not in planned or keep(keys):
            going_on.kept.update(keys)
        else:
            conn.execute(delete(ops_chunk).where(*_chunk(run_id, chunk)))
            going_on.planned -= len(keys)
    conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(planned=going_on.planned))
    going_on.first = next_chunk(conn, run_id)
    return going_on


def is_planned(conn: Connection, run_id: str) -> bool:
    """Whether the run has a plan."""
    return conn.execute(select(ops_run.c.planned).where(ops_run.c.run_id == run_id)).scalar() is not None


def open_keys(conn: Connection, run_id: str) -> Iterator[tuple[int, list[str]]]:
    """The keys that each open chunk still has to ask, a chunk at a time, ascending."""
    numbers = select(ops_chunk.c.chunk).where(ops_chunk.c.run_id == run_id, ops_chunk.c.status != "done")
    for chunk in conn.execute(numbers.order_by(ops_chunk.c.chunk)).scalars().all():
        yield chunk, unpack_keys(conn.execute(select(ops_chunk.c["keys"]).where(*_chunk(run_id, chunk))).scalar_one())


def open_chunks(database: Database, run_id: str) -> list[int]:
    """Numbers of the chunks that are not done, ascending."""
    wanted = select(ops_chunk.c.chunk).where(ops_chunk.c.run_id == run_id, ops_chunk.c.status != "done")
    with database.read() as conn:
        return list(conn.execute(wanted.order_by(ops_chunk.c.chunk)).scalars())


def keys_left(database: Database, run_id: str) -> int:
    """Number of planned keys that have not been asked."""
    left = func.coalesce(func.sum(ops_chunk.c.planned - ops_chunk.c.asked), 0)
    with database.read() as conn:
        return int(conn.execute(select(left).where(ops_chunk.c.run_id == run_id)).scalar_one())


def load_chunk(database: Database, run_id: str, chunk: int) -> list[str]:
    """The keys that this chunk still has to ask; an empty list if it is done.

    Raises:
        WarehouseError: there is no such run or chunk.
    """
    with database.read() as conn:
        keys = conn.execute(select(ops_chunk.c["keys"]).where(*_chunk(run_id, chunk))).scalar()
    if keys is None:
        raise _no_chunk(run_id, chunk)
    return unpack_keys(keys)


def _no_chunk(run_id: str, chunk: int) -> WarehouseError:
    return WarehouseError(f"The warehouse holds no chunk {chunk} of the run {run_id}. Start the run again.")


def hold_chunk(conn: Connection, run_id: str, chunk: int, keys: int) -> int:
    """Hold the chunk until the end of the transaction; returns how many of its keys were asked and committed earlier.

    Raises:
        LockLost: it was loaded with ``keys`` left to ask, and another process has landed some of them since.
        WarehouseError: there is no such chunk.
    """
    columns = (ops_chunk.c.planned, ops_chunk.c.asked)
    row = conn.execute(select(*columns).where(*_chunk(run_id, chunk)).with_for_update()).one_or_none()
    if row is None:
        raise _no_chunk(run_id, chunk)
    if row.planned - row.asked != keys:
        raise LockLost(
            f"Another process took over and landed chunk {chunk} of this run. What this one asked was not written."
        )
    return int(row.asked)


def asked_before(conn: Connection, run_id: str, chunk: int) -> int:
    """Number of keys of the chunk that were asked and committed earlier."""
    return conn.execute(select(ops_chunk.c.asked).where(*_chunk(run_id, chunk))).scalar() or 0


def finish_chunk(
    conn: Connection,
    run_id: str,
    chunk: int,
    outcome: Outcome,
    left: Sequence[str] = (),
    at: datetime | None = None,
    refused: Sequence[str] = (),
) -> None:
    """Add the outcome of a chunk; with keys ``left`` it is partial and stays open.

    ``refused`` are the keys that ``outcome`` counts as failed or rejected: the run asks them again when it is
    continued. A chunk that was not planned (e.g. a page of a list) is inserted, planned with what it asked.
    """
    if refused:
        before = conn.execute(select(ops_chunk.c.refused).where(*_chunk(run_id, chunk))).scalar()
        refused = [*(unpack_keys(before) if before else []), *refused]
        conn.execute(update(ops_chunk).where(*_chunk(run_id, chunk)).values(refused=pack(list(refused))))
    counts = {name: getattr(outcome, name) for name in COUNTS}
    fields = {
        "status": "partial" if left else "done",
        "keys": pack(list(left)),
        "done_at": at or datetime.now(UTC),
    }
    added = {"of": run_id, "number": chunk, **fields, **{f"more_{name}": count for name, count in counts.items()}}
    if not conn.execute(_add_to_chunk(), added).rowcount:
        planned = outcome.asked + len(left)
        conn.execute(insert(ops_chunk).values(run_id=run_id, chunk=chunk, planned=planned, **fields, **counts))


def replace_chunk(conn: Connection, run_id: str, chunk: int, outcome: Outcome) -> None:
    """Store the outcome of a chunk in place of an earlier one, for work that a continued run begins anew."""
    conn.execute(delete(ops_chunk).where(*_chunk(run_id, chunk)))
    finish_chunk(conn, run_id, chunk, outcome)


def add_refused(conn: Connection, run_id: str, chunk: int, keys: Sequence[str], at: datetime) -> None:
    """Count keys that a chunk met beside its own and asked in vain; the run asks them again when it is continued.

    They have a chunk of their own, with a number below zero.
    """
    if not keys:
        return
    where, more = _chunk(run_id, -1 - chunk), len(keys)
    before = conn.execute(select(ops_chunk.c.refused).where(*where)).one_or_none()
    if before is None:
        new = {"run_id": run_id, "chunk": -1 - chunk, "status": "done", "planned": 0, "keys": pack([])}
        conn.execute(insert(ops_chunk).values(**new))
    refused = [*(unpack_keys(before.refused) if before and before.refused else []), *keys]
    counts = {name: ops_chunk.c[name] + more for name in ("planned", "asked", "failed")}
    conn.execute(update(ops_chunk).where(*where).values(refused=pack(refused), done_at=at, **counts))
    conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(planned=ops_run.c.planned + more))


@cache
def _add_to_chunk() -> Update:
    """The update that :func:`finish_chunk` runs, built once."""
    sums = {name: ops_chunk.c[name] + bindparam(f"more_{name}", type_=BigInteger) for name in COUNTS}
    changed: dict[str, Any] = {name: bindparam(name) for name in ("status", "keys", "done_at")}
    where = ops_chunk.c.run_id == bindparam("of"), ops_chunk.c.chunk == bindparam("number")
    return update(ops_chunk).where(*where).values(**changed, **sums)


def finish_run(
    database: Database,
    run_id: str,
    status: str,
    note: str = "",
    at: datetime | None = None,
    *,
    starts: int | None = None,
) -> Summary:
    """Add the chunks up and close the run; its calls are what :func:`add_calls` added.

    ``balanced`` becomes ``unbalanced``, with a note, unless asked = answered + empty + failed + rejected and all that
    was planned was asked. The other statuses (stopped, failed, interrupted) are stored as given.

    Raises:
        LockLost: the run was started again since (``starts`` is not its newest start), and belongs to that start.
    """
    with database.begin() as conn:
        outcome = _chunk_counts(conn, run_id)
        planned = conn.execute(select(ops_run.c.planned).where(ops_run.c.run_id == run_id)).scalar()
        if status == "balanced" and (wrong := imbalance(outcome, planned)):
            status, note = "unbalanced", "\n".join(filter(None, (note, wrong)))
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
        return _summary(conn.execute(select(ops_run).where(ops_run.c.run_id == run_id)).one())


def set_parent(database: Database, account: str, run_key: str, flows: Sequence[str], parent: str) -> None:
    """Note that the runs of these flows under this run key are parts of the run ``parent``."""
    parts = ops_run.c.account == account, ops_run.c.run_key == run_key, ops_run.c.flow.in_(flows)
    with database.begin() as conn:
        conn.execute(update(ops_run).where(*parts).values(parent_run=parent))


def add_calls(database: Database, run_id: str, calls: int) -> None:
    """Add calls to the run: all that its clients made, for logins and craft lines too.

    Under no lock: they were made, whoever the run belongs to by now.
    """
    with database.begin() as conn:
        conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(calls=ops_run.c.calls + calls))


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


def recent_runs(database: Database, account: str | None = None, limit: int = 20) -> list[Summary]:
    """The newest runs, newest first, including those under way and those killed (status running)."""
    wanted = select(ops_run).order_by(ops_run.c.started_at.desc(), ops_run.c.run_id).limit(limit)
    if account is not None:
        wanted = wanted.where(ops_run.c.account == account)
    with database.read() as conn:
        return [_summary(row) for row in conn.execute(wanted)]


def accounts(database: Database) -> list[str]:
    """The accounts that have runs, or starts that were refused."""
    with database.read() as conn:
        return list(conn.execute(select(ops_run.c.account).distinct().order_by(ops_run.c.account)).scalars())


def parameters_of(conn: Connection, run_id: str) -> dict[str, Any]:
    """The parameters that the run was started with; empty if there is no such run."""
    return dict(conn.execute(select(ops_run.c.parameters).where(ops_run.c.run_id == run_id)).scalar() or {})


def set_parameters(conn: Connection, run_id: str, parameters: Mapping[str, Any]) -> None:
    """Replace the parameters of the run."""
    conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(parameters=dict(parameters)))


def find_run(database: Database, account: str, flow: str, run_key: str) -> Summary | None:
    """The run, or None if it was never started."""
    with database.read() as conn:
        wanted = select(ops_run).where(ops_run.c.run_id == run_id_of(account, flow, run_key))
        row = conn.execute(wanted).one_or_none()
        return _summary(row) if row else None


def _chunk(run_id: str, chunk: int) -> list[Any]:
    return [ops_chunk.c.run_id == run_id, ops_chunk.c.chunk == chunk]


def _chunk_counts(conn: Connection, run_id: str) -> Outcome:
    sums = [func.coalesce(func.sum(ops_chunk.c[name]), 0) for name in COUNTS]
    return Outcome(*map(int, conn.execute(select(*sums).where(ops_chunk.c.run_id == run_id)).one()))


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
