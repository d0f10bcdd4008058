"""The chunks of a run: its plan, what is done, what is left."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, Connection, Update, bindparam, delete, func, insert, select, update

from tuyahouse.outcome import COUNTS, Outcome
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.ledgers.packing import pack, unpack_keys
from tuyahouse.warehouse.tables import ops_chunk, ops_run


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


def reopen_refused(conn: Connection, run_id: str) -> None:
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
            "excused": 0,
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
    dropped: list[int] = field(default_factory=list)
    """Chunks that were deleted."""

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
            going_on.dropped.append(chunk)
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


def refused_keys(conn: Connection, run_id: str) -> Iterator[list[str]]:
    """The keys that failed or were rejected, a chunk at a time."""
    numbers = select(ops_chunk.c.chunk).where(ops_chunk.c.run_id == run_id, ops_chunk.c.refused.is_not(None))
    for chunk in conn.execute(numbers.order_by(ops_chunk.c.chunk)).scalars().all():
        yield unpack_keys(conn.execute(select(ops_chunk.c.refused).where(*_chunk(run_id, chunk))).scalar_one())


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
    excused: int = 0,
) -> None:
    """Add the outcome of a chunk; with keys ``left`` it is partial and stays open.

    ``refused`` are the keys that ``outcome`` counts as failed or rejected: the run asks them again when it is
    continued. ``excused`` of them are nothing that a person has to see to. A chunk that was not planned (e.g. a page of
    a list) is inserted, planned with what it asked.
    """
    if refused:
        before = conn.execute(select(ops_chunk.c.refused).where(*_chunk(run_id, chunk))).scalar()
        refused = [*(unpack_keys(before) if before else []), *refused]
        conn.execute(update(ops_chunk).where(*_chunk(run_id, chunk)).values(refused=pack(list(refused))))
    counts = {name: getattr(outcome, name) for name in COUNTS} | {"excused": excused}
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
    """Replace the outcome of a chunk, for work that a continued run does again."""
    conn.execute(delete(ops_chunk).where(*_chunk(run_id, chunk)))
    finish_chunk(conn, run_id, chunk, outcome)


def add_beside(
    conn: Connection,
    run_id: str,
    chunk: int,
    at: datetime,
    *,
    left: Sequence[str] = (),
    refused: Sequence[str] = (),
    excused: int = 0,
) -> None:
    """Add keys that a chunk met beside its own: ``left`` unasked by a stop, or asked in vain; both are asked when the
    run continues.

    They have a chunk of their own, with a number below zero. See :func:`finish_chunk` for ``excused``.
    """
    if not left and not refused:
        return
    where, asked = _chunk(run_id, -1 - chunk), len(refused)
    before = conn.execute(select(ops_chunk.c["keys"], ops_chunk.c.refused).where(*where)).one_or_none()
    if before is None:
        new = {"run_id": run_id, "chunk": -1 - chunk, "status": "done", "planned": 0, "keys": pack([])}
        conn.execute(insert(ops_chunk).values(**new))
    keys = [*(unpack_keys(before._mapping["keys"]) if before else []), *left]
    refused = [*(unpack_keys(before.refused) if before and before.refused else []), *refused]
    more = {"planned": len(left) + asked, "asked": asked, "failed": asked, "excused": excused}
    fields = {
        "status": "partial" if keys else "done",
        "keys": pack(keys),
        "refused": pack(refused) if refused else None,
        "done_at": at,
    }
    counts = {name: ops_chunk.c[name] + count for name, count in more.items()}
    conn.execute(update(ops_chunk).where(*where).values(**fields, **counts))
    _plan_more(conn, run_id, len(left) + asked)


def uncount(conn: Connection, run_id: str, chunk: int, keys: int) -> None:
    """Keys of a chunk of :func:`add_beside` that were answered at last: they count with the keys that they were met
    beside, so that a run that was stopped counts what any other counts."""
    if keys:
        conn.execute(update(ops_chunk).where(*_chunk(run_id, chunk)).values(planned=ops_chunk.c.planned - keys))
        _plan_more(conn, run_id, -keys)


def _plan_more(conn: Connection, run_id: str, keys: int) -> None:
    conn.execute(update(ops_run).where(ops_run.c.run_id == run_id).values(planned=ops_run.c.planned + keys))


@cache
def _add_to_chunk() -> Update:
    """The update that :func:`finish_chunk` runs, built once."""
    names = (*COUNTS, "excused")
    sums = {name: ops_chunk.c[name] + bindparam(f"more_{name}", type_=BigInteger) for name in names}
    changed: dict[str, Any] = {name: bindparam(name) for name in ("status", "keys", "done_at")}
    where = ops_chunk.c.run_id == bindparam("of"), ops_chunk.c.chunk == bindparam("number")
    return update(ops_chunk).where(*where).values(**changed, **sums)


def _chunk(run_id: str, chunk: int) -> list[Any]:
    return [ops_chunk.c.run_id == run_id, ops_chunk.c.chunk == chunk]


def excused(conn: Connection, run_id: str) -> int:
    """How many of the refused keys of the run are nothing that a person has to see to."""
    wanted = select(func.coalesce(func.sum(ops_chunk.c.excused), 0)).where(ops_chunk.c.run_id == run_id)
    return int(conn.execute(wanted).scalar_one())


def chunk_counts(conn: Connection, run_id: str) -> Outcome:
    sums = [func.coalesce(func.sum(ops_chunk.c[name]), 0) for name in COUNTS]
    return Outcome(*map(int, conn.execute(select(*sums).where(ops_chunk.c.run_id == run_id)).one()))
