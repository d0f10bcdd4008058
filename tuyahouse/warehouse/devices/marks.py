"""Marks of the sweeps of a run: which devices were on the pages of each list, and which on none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Integer,
    Text,
    TextClause,
    bindparam,
    case,
    delete,
    distinct,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from tuyahouse.warehouse.bulk import postgres, sqlite
from tuyahouse.warehouse.database.dialect import among, among_named, listed
from tuyahouse.warehouse.tables import device, ops_sweep

PageRow = tuple[str, bytes, bool | None]
"""A device on a page: id, fingerprint of what was sent, presence (None: not sent)."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Counts of one sweep's marks, compared with the previous sweep and with all sweeps."""

    devices: int
    new: int
    changed: int
    missing: int
    known: int
    new_to_all: int


def clear_marks(conn: Connection, account: str, project_id: str | None = None) -> None:
    """Delete the marks of one project, or of all."""
    where = [ops_sweep.c.account == account]
    if project_id is not None:
        where.append(ops_sweep.c.project_id == project_id)
    conn.execute(delete(ops_sweep).where(*where))


def mark(conn: Connection, account: str, project_id: str, sweep: int, rows: Sequence[PageRow]) -> tuple[int, list[str]]:
    """Mark devices as found in this sweep; ``rows`` hold each device once.

    Returns:
        How many were not marked in this sweep yet, and the ids of those that differ from what is stored of them: new,
        changed, back, of another project, or with another presence.
    """
    _fill(conn, rows)
    values = {"account": account, "project_id": project_id}
    fresh = conn.execute(_MARK, {**values, "sweep": sweep}).rowcount
    return fresh, list(conn.execute(_news(conn.dialect.name), values).scalars())


def mark_stored(conn: Connection, account: str, project_id: str, sweep: int, ids: Sequence[str]) -> None:
    """Mark devices as found in this sweep, with their stored fingerprints; none of them may be marked in it yet."""
    values = {"of": account, "project": project_id, "number": sweep, "ids": listed(ids)}
    conn.execute(_mark_stored(conn.dialect.name), values)


def marked_elsewhere(conn: Connection, account: str, project_id: str, ids: Sequence[str]) -> set[str]:
    """Those of the devices that are on another project's list of this run too."""
    if not ids:
        return set()
    query = select(ops_sweep.c.device_id).where(
        ops_sweep.c.account == account, ops_sweep.c.project_id != project_id, among(conn, ops_sweep.c.device_id, ids)
    )
    return set(conn.execute(query).scalars())


def count_marks(conn: Connection, account: str, project_id: str, sweep: int) -> Marks:
    """Compare the marks of a sweep with those of the previous sweep and of all sweeps."""
    mark = ops_sweep.c
    devices = (
        select(
            func.max(case((mark.sweep == sweep, 1), else_=0)).label("now"),
            func.max(case((mark.sweep == sweep - 1, 1), else_=0)).label("before"),
            func.min(mark.sweep).label("first"),
            func.count(distinct(mark.fact_hash)).filter(mark.sweep >= sweep - 1).label("versions"),
        )
        .where(mark.account == account, mark.project_id == project_id, mark.sweep <= sweep)
        .group_by(mark.device_id)
        .subquery()
    )
    now, before, versions = devices.c.now == 1, devices.c.before == 1, devices.c.versions
    counts = {
        "devices": now,
        "new": now & ~before,
        "changed": now & before & (versions > 1),
        "missing": before & ~now,
        "known": devices.c.first > 0,
        "new_to_all": devices.c.first == sweep,
    }
    row = conn.execute(select(*[func.count().filter(each).label(name) for name, each in counts.items()])).one()
    return Marks(**{name: int(count) for name, count in row._mapping.items()})


def count_unmarked(conn: Connection, account: str, project_id: str, swept_at: datetime) -> int:
    """Number of devices of the project that are on no list of this run."""
    query = select(func.count()).select_from(device).where(*_unmarked(account, project_id, swept_at))
    return int(conn.execute(query).scalar_one())


def vanish(conn: Connection, account: str, project_id: str, swept_at: datetime, run_id: str) -> int:
    """Declare the devices that are on no list vanished; returns their number. Only after a complete sweep."""
    gone = update(device).where(*_unmarked(account, project_id, swept_at))
    return conn.execute(gone.values(vanished_at=swept_at, last_run=run_id)).rowcount


def _fill(conn: Connection, rows: Sequence[PageRow]) -> None:
    if conn.dialect.name == "postgresql":
        cursor = postgres.driver(conn).cursor()
        cursor.execute(_POSTGRESQL)
        cursor.execute(f"DELETE FROM {_TABLE}")
        with cursor.copy(f"COPY {_TABLE} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["text", "bytea", "bool"])
            for row in rows:
                copy.write_row(row)
        return
    file = sqlite.driver(conn)
    file.execute(_SQLITE)
    file.execute(f"DELETE FROM {_TABLE}")
    file.executemany(f"INSERT INTO {_TABLE} VALUES (?, ?, ?)", rows)


def _news(dialect: str) -> TextClause:
    differs = "IS DISTINCT FROM" if dialect == "postgresql" else "IS NOT"
    return text(f"""SELECT s.device_id FROM {_TABLE} s {_STORED[dialect]}
        WHERE d.device_id IS NULL OR d.vanished_at IS NOT NULL OR d.project_id {differs} :project_id
            OR d.answer_hash {differs} s.fact_hash OR (s.online IS NOT NULL AND d.online {differs} s.online)""")


def _unmarked(account: str, project_id: str, swept_at: datetime) -> list[Any]:
    """Devices of a project that are on no list of this run; those that changed since, by messages, are left out."""
    marked = exists().where(ops_sweep.c.account == account, ops_sweep.c.device_id == device.c.device_id)
    return [
        device.c.account == account,
        device.c.project_id == project_id,
        device.c.vanished_at.is_(None),
        or_(device.c.changed_at.is_(None), device.c.changed_at < swept_at),
        ~marked,
    ]


@cache
def _mark_stored(dialect: str) -> Insert:
    project, number = bindparam("project", type_=Text), bindparam("number", type_=Integer)
    row = (device.c.account, device.c.device_id, project, number, device.c.answer_hash)
    rows = select(*row).where(device.c.account == bindparam("of"), among_named(dialect, device.c.device_id, "ids"))
    names = ["account", "device_id", "project_id", "sweep", "fact_hash"]
    return insert(ops_sweep).from_select(names, rows.order_by(device.c.device_id))


_TABLE = "stage_device_page"

_POSTGRESQL = f"""CREATE TEMPORARY TABLE IF NOT EXISTS {_TABLE}
    (device_id text COLLATE "C", fact_hash bytea, online boolean) ON COMMIT DELETE ROWS"""

_SQLITE = f"CREATE TEMPORARY TABLE IF NOT EXISTS {_TABLE} (device_id TEXT PRIMARY KEY, fact_hash BLOB, online BOOLEAN)"


_MARK = text(f"""INSERT INTO ops_sweep (account, device_id, project_id, sweep, fact_hash)
    SELECT :account, device_id, :project_id, :sweep, fact_hash FROM {_TABLE} WHERE true ORDER BY device_id
    ON CONFLICT DO NOTHING""")


_STORED = {
    "sqlite": "LEFT JOIN device d ON d.account = :account AND d.device_id = s.device_id",
    # OFFSET 0 keeps PostgreSQL from reading the whole of device for every batch: each row is looked up by its key.
    "postgresql": """LEFT JOIN LATERAL
        (SELECT * FROM device k WHERE k.account = :account AND k.device_id = s.device_id OFFSET 0) d ON true""",
}
