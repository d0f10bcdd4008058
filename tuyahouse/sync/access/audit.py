"""What the audit (``ops_write``) holds of an intent, and what is recorded of it. Every method blocks and commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tuyahouse.sync.access.intent import Facts, Intent
from tuyahouse.warehouse.access import writes
from tuyahouse.warehouse.access.audit_rows import DONE, REFUSED, StoredWrite, Write
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.dialect import now_time
from tuyahouse.warehouse.errors import ValueRefused
from tuyahouse.warehouse.ledgers.runs import Run
from tuyahouse.warehouse.warehouse import Warehouse

CARRIED_OUT = "The earlier call was carried out: Tuya was asked, and it is so."
NOT_CARRIED_OUT = "The earlier call was not carried out: Tuya was asked, and it is not so."

WRITTEN_SINCE = "Whether it was carried out is unknown, and matters no more: what was wanted since is so."


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an intent.

    Attributes:
        done: this run did it before, and what that brought is still there.
        meanwhile: another run did the same while this one waited for it.
        in_doubt: earlier calls for the same or a part of it, by any run, whose outcome is unknown.
        others: calls of unknown outcome that were to write something else to the same target.
    """

    done: StoredWrite | None
    meanwhile: StoredWrite | None
    in_doubt: Sequence[StoredWrite]
    others: Sequence[StoredWrite]


def in_doubt_in_words(conn: Connection, account: str, now: datetime) -> list[str]:
    """One sentence about the writes of an account whose outcome is unknown; none if there are none."""
    found = writes.in_doubt(conn, account, now - timedelta(hours=1))
    if not found:
        return []
    what, at = found[0]
    count = "One write" if len(found) == 1 else f"{len(found):,} writes, the oldest"
    return [
        f"Whether Tuya carried it out is unknown: {count} of {at:%Y-%m-%d %H:%M} UTC ({what}). Start the same again: "
        "its outcome is looked up or reported, and it is not repeated blindly"
    ]


def _still_done(intent: Intent, row: StoredWrite) -> bool:
    return row.outcome == DONE and (intent.still is None or intent.still(row.result or {}))


class _Record(Protocol):
    def __call__(self, *, lands: bool) -> None: ...


def _landing(record: _Record) -> str:
    """Record an outcome with the rows of the intent; without them if the database refuses them, which the note says."""
    try:
        record(lands=True)
    except ValueRefused as error:
        record(lands=False)
        return f"Done, but the warehouse could not store it: {error}"
    return ""


class Audit:
    """The audit of one run."""

    def __init__(self, warehouse: Warehouse, run: Run) -> None:
        self._warehouse = warehouse
        self._run = run

    def now(self) -> datetime:
        """The time by the clock of the audit."""
        with self._warehouse.read() as conn:
            return now_time(conn)

    def known(self, intent: Intent, since: datetime | None = None) -> Known:
        """What is known of the intent; ``since`` is when this run began to wait for other writers."""
        account, key = self._run.account, self._key(intent)
        with self._warehouse.read() as conn:
            mine = writes.find(conn, account, key)
            doubtful = writes.doubtful(conn, account, intent.target, self._run.run_id)
            meanwhile = writes.done_since(conn, account, intent.target, intent.content, since) if since else None
        in_doubt = [row for row in doubtful if intent.repeats(row)]
        others = [row for row in doubtful if row not in in_doubt and row.settled_at is None]
        return Known(mine if mine and _still_done(intent, mine) else None, meanwhile, in_doubt, others)

    def doubtful(self, target: str) -> list[StoredWrite]:
        """The writes to the target that this run must not repeat: they may have been carried out."""
        with self._warehouse.read() as conn:
            return writes.doubtful(conn, self._run.account, target, self._run.run_id)

    def last_doubt(self, target: str) -> datetime | None:
        """When the last call to the target was asked that may have been carried out."""
        with self._warehouse.read() as conn:
            return writes.last_doubt(conn, self._run.account, target)

    def begin(self, intent: Intent, in_doubt: Sequence[StoredWrite]) -> int:
        """Record the intent as pending, and the calls in doubt as repeated; returns the number of the attempt."""
        run, key = self._run, self._key(intent)
        with self._warehouse.begin() as conn:
            for row in in_doubt:
                if row.intent_key != key:
                    writes.settle(conn, run.account, row.intent_key, "Repeated by a later run.", by=run.run_id)
            return writes.begin(conn, self._row(intent))

    def done(self, intent: Intent, attempt: int, facts: Facts) -> str:
        """Record the outcome ``done`` and land the rows of the intent; returns a note for the operator, or ""."""
        return _landing(lambda *, lands: self._done(intent, attempt, facts, lands=lands))

    def failed(self, intent: Intent, attempt: int, outcome: str, code: str, words: str) -> None:
        """Record the outcome ``refused`` or ``unknown``."""
        run = self._run
        with self._warehouse.begin() as conn:
            key = self._key(intent)
            writes.end(conn, run.account, key, outcome, by=run.run_id, attempt=attempt, code=code, note=words)

    def carried_out(self, intent: Intent, in_doubt: Sequence[StoredWrite], facts: Facts) -> str:
        """Record that the calls in doubt were carried out, and land the rows of the intent; returns a note, or ""."""
        return _landing(lambda *, lands: self._carried_out(intent, in_doubt, facts, lands=lands))

    def not_carried_out(self, in_doubt: Sequence[StoredWrite]) -> None:
        """Record that the calls in doubt were not carried out."""
        run = self._run
        with self._warehouse.begin() as conn:
            for row in in_doubt:
                writes.end(conn, run.account, row.intent_key, REFUSED, by=run.run_id, note=NOT_CARRIED_OUT)

    def report(self, intent: Intent, in_doubt: Sequence[StoredWrite], words: str) -> None:
        """Record that the calls in doubt were reported: they stay unknown, and no longer block runs of other keys."""
        run, row_of_this_run = self._run, self._row(intent)
        with self._warehouse.begin() as conn:
            for row in in_doubt:
                writes.settle(conn, run.account, row.intent_key, row.note or words, by=run.run_id)
            if all(row.intent_key != row_of_this_run.intent_key for row in in_doubt):
                writes.report(conn, row_of_this_run, in_doubt[0].asked_at, words)

    def settle(self, intent: Intent) -> None:
        """Record that the intent is done: what it replaces is no longer in doubt."""
        with self._warehouse.begin() as conn:
            self._settle(conn, intent)

    def _done(self, intent: Intent, attempt: int, facts: Facts, *, lands: bool) -> None:
        run = self._run
        with self._warehouse.begin() as conn:
            if lands and intent.land:
                intent.land(conn, facts, now_time(conn))
            key = self._key(intent)
            if writes.end(conn, run.account, key, DONE, by=run.run_id, attempt=attempt, result=facts):
                self._settle(conn, intent)

    def _carried_out(self, intent: Intent, in_doubt: Sequence[StoredWrite], facts: Facts, *, lands: bool) -> None:
        run = self._run
        with self._warehouse.begin() as conn:
            for row in in_doubt:
                key = row.intent_key
                writes.end(conn, run.account, key, DONE, by=run.run_id, note=CARRIED_OUT, result=facts)
            if lands and intent.land:
                intent.land(conn, facts, now_time(conn))
            self._settle(conn, intent)

    def _settle(self, conn: Connection, intent: Intent) -> None:
        run = self._run
        for row in writes.doubtful(conn, run.account, intent.target, run.run_id):
            if row.settled_at is None and intent.settles(row):
                writes.settle(conn, run.account, row.intent_key, WRITTEN_SINCE, by=run.run_id)

    def _row(self, intent: Intent) -> Write:
        return Write(
            account=self._run.account,
            intent_key=self._key(intent),
            call=intent.call.name,
            target=intent.target,
            content=intent.content,
            what=intent.what,
            request=intent.request,
            run_id=self._run.run_id,
        )

    def _key(self, intent: Intent) -> str:
        return intent.key(self._run.run_key)
