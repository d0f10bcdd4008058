"""Drift: fields that Tuya sends and its documentation does not name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.dialect import insert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.tables import ops_drift

_table = ops_drift.c
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Drift:
    """A row of ``ops_drift``."""

    account: str
    kind: str
    field: str
    sample: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    answers: int


def record(conn: Connection, account: str, kind: str, fields: Mapping[str, tuple[int, str]], at: datetime) -> None:
    """Count undocumented fields. ``fields``: name → (number of answers with it, an example value)."""
    if not fields:
        return
    new = insert(conn, ops_drift)
    again = {"last_seen_at": new.excluded.last_seen_at, "answers": _table.answers + new.excluded.answers}
    rows = [
        {
            "account": account,
            "kind": kind,
            "field": clean_text(SECRETS.text(field))[:_LONGEST],
            "sample": clean_text(SECRETS.text(sample)),
            "first_seen_at": at,
            "last_seen_at": at,
            "answers": answers_with,
        }
        for field, (answers_with, sample) in sorted(fields.items())
    ]
    conn.execute(new.on_conflict_do_update(index_elements=["account", "kind", "field"], set_=again), rows)


def listing(conn: Connection, account: str | None = None) -> list[Drift]:
    """All undocumented fields received so far, the newest first."""
    wanted = select(ops_drift).order_by(_table.first_seen_at.desc(), _table.kind, _table.field)
    if account is not None:
        wanted = wanted.where(_table.account == account)
    return [Drift(**row._mapping) for row in conn.execute(wanted)]
