"""How the device list of each project was last read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from tuyahouse.warehouse.bulk.writer import upsert
from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.tables import ops_device_list


@dataclass(frozen=True, slots=True)
class DeviceList:
    """How a project's list was last read."""

    spelling: str | None
    first_page: int | None
    total: int | None
    devices: int | None
    swept_at: datetime | None
    tried_run: str | None


def device_list(conn: Connection, account: str, project_id: str) -> DeviceList | None:
    """How the project's list was last read; None if it never was."""
    columns = [ops_device_list.c[name] for name in DeviceList.__slots__]
    query = select(*columns).where(ops_device_list.c.account == account, ops_device_list.c.project_id == project_id)
    row = conn.execute(query).first()
    return DeviceList(*row) if row else None


def read_whole(before: DeviceList | None) -> bool:
    """Whether a project's list was ever read whole."""
    return before is not None and before.swept_at is not None


def store_list(conn: Connection, account: str, project_id: str, tried_at: datetime, **what: Any) -> None:
    """Record how a project's list was read; columns that are not given keep their value."""
    columns = ("account", "project_id", "tried_at", *what)
    upsert(conn, ops_device_list, columns, [(account, project_id, tried_at, *what.values())])


def complete_lists(conn: Connection, account: str, run_id: str, projects: Sequence[str]) -> list[tuple[str, datetime]]:
    """Those of the projects whose list was read completely in this run, with the start of that sweep.

    By the run's id, not by time, which the processes of a run may disagree about. A list whose marks another run has
    cleared since (:func:`clear_runs`) is not among them.
    """
    query = select(ops_device_list.c.project_id, ops_device_list.c.swept_at).where(
        *_lists(conn, account, projects), ops_device_list.c.swept_run == run_id
    )
    return [(project, swept_at) for project, swept_at in conn.execute(query)]


def unread_lists(conn: Connection, account: str, run_id: str) -> set[str]:
    """Projects whose list was tried in this run and not read completely."""
    query = select(ops_device_list.c.project_id).where(
        ops_device_list.c.account == account,
        ops_device_list.c.tried_run == run_id,
        ops_device_list.c.swept_run.is_distinct_from(run_id),
    )
    return set(conn.execute(query).scalars())


def clear_runs(conn: Connection, account: str) -> None:
    """No list counts as read in a run any more. To be called whenever the marks of their sweeps are cleared."""
    conn.execute(update(ops_device_list).where(ops_device_list.c.account == account).values(swept_run=None))


def lists_read_since(conn: Connection, account: str, projects: Sequence[str], now: datetime) -> datetime | None:
    """Time since which all these lists were read completely at least once; None: some never. ``now`` without any."""
    query = select(ops_device_list.c.swept_at).where(*_lists(conn, account, projects))
    swept = [at for at in conn.execute(query).scalars() if at is not None]
    return min(swept, default=now) if len(swept) == len(set(projects)) else None


def list_notes(conn: Connection, account: str, run_id: str, projects: Sequence[str]) -> list[tuple[str, str]]:
    """What was odd about each list that was last tried in this run."""
    columns = (ops_device_list.c.project_id, ops_device_list.c.note)
    query = select(*columns).where(
        *_lists(conn, account, projects), ops_device_list.c.tried_run == run_id, ops_device_list.c.note.is_not(None)
    )
    return [(project, note) for project, note in conn.execute(query.order_by(ops_device_list.c.project_id))]


def empty_lists(conn: Connection, account: str, run_id: str, projects: Sequence[str]) -> list[str]:
    """Those of the projects whose list was read in this run and is empty."""
    query = select(ops_device_list.c.project_id).where(
        *_lists(conn, account, projects), ops_device_list.c.swept_run == run_id, ops_device_list.c.devices == 0
    )
    return list(conn.execute(query.order_by(ops_device_list.c.project_id)).scalars())


def _lists(conn: Connection, account: str, projects: Sequence[str]) -> list[Any]:
    return [ops_device_list.c.account == account, among(conn, ops_device_list.c.project_id, projects)]
