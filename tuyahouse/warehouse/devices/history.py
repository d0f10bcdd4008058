"""device_history follows device: whatever changed a device, these statements bring its history up to date.

They read only the two tables, so they can run again at any time (after a crash too) and then change nothing. Presence
has no history: ``online`` of a row is what it was when the row began. ``extra`` is kept, but not compared.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from tuyahouse.warehouse.database.dialect import among, among_named, listed
from tuyahouse.warehouse.tables import DEVICE_COLUMNS, device, device_binding, device_history

HISTORY_FACTS = tuple(name for name in DEVICE_COLUMNS if name not in ("online", "extra"))
"""The facts whose change opens a new row."""
_BEGUN: dict[str, Any] = {
    "account": device.c.account,
    "device_id": device.c.device_id,
    "valid_from": device.c.changed_at,
    **{name: device.c[name] for name in DEVICE_COLUMNS},
    "first_run": device.c.last_run,
    "last_run": device.c.last_run,
}
"""Values of a new row of history."""


def follow(conn: Connection, account: str, ids: Sequence[str] | None = None) -> None:
    """Bring the history of these devices (None: of all) up to date with the device table.

    If a device is gone, its open row is closed; if its facts differ, it is closed and a new one opened; if it has none,
    one is opened. If a device changed twice in the same instant, its open row is corrected instead.
    """
    _end_gone(conn, account, ids)
    _correct(conn, account, ids)
    _end_changed(conn, account, ids)
    _open(conn, account, ids)


def begin(conn: Connection, account: str, ids: Sequence[str]) -> None:
    """Open the first row of new devices: as :func:`follow`, but without looking for rows that cannot exist."""
    conn.execute(_begin(conn.dialect.name), {"of": account, "ids": listed(ids)})


@cache
def _begin(dialect: str) -> Insert:
    has_one = exists().where(
        device_history.c.account == device.c.account, device_history.c.device_id == device.c.device_id
    )
    where = device.c.account == bindparam("of"), among_named(dialect, device.c.device_id, "ids"), ~has_one
    return insert(device_history).from_select(list(_BEGUN), select(*_BEGUN.values()).where(*where))


def complete(conn: Connection, account: str, ids: Sequence[str], columns: Sequence[str] = HISTORY_FACTS) -> int:
    """Fill in what the open rows of these devices lack, without opening new ones; returns how many rows changed."""
    missing = [and_(device_history.c[name].is_(None), device.c[name].is_not(None)) for name in columns]
    filled = {name: func.coalesce(device_history.c[name], device.c[name]) for name in columns}
    return _change_open(conn, account, ids, or_(*missing), filled)


def changes_of_run(conn: Connection, account: str, run_id: str, limit: int) -> list[dict[str, str]]:
    """What a run found changed, newest first: each device and what happened to it, without values."""
    rows = device_history
    ended = and_(rows.c.last_run == run_id, rows.c.ended_by.in_(("vanished", "unbound")))
    begun = and_(rows.c.first_run == run_id, rows.c.valid_to.is_(None))
    query = (
        select(rows.c.device_id, rows.c.device_name, rows.c.project_id, rows.c.changed_columns, rows.c.ended_by)
        .where(rows.c.account == account, or_(ended, begun))
        .order_by(func.coalesce(rows.c.valid_to, rows.c.valid_from).desc(), rows.c.device_id)
        .limit(limit)
    )
    return [
        {
            "device": row.device_id,
            "name": row.device_name or "",
            "project": row.project_id or "",
            "what": _happened(row),
        }
        for row in conn.execute(query)
    ]


def _happened(row: Any) -> str:
    if row.ended_by:
        return str(row.ended_by)
    if row.changed_columns is None:
        return "new"
    return f"changed: {row.changed_columns}" if row.changed_columns else "back"


def _end_gone(conn: Connection, account: str, ids: Sequence[str] | None) -> None:
    unbound = exists().where(
        device_binding.c.account == device.c.account,
        device_binding.c.device_id == device.c.device_id,
        device_binding.c.event.in_(("unbound", "gateway_unbound")),
        device_binding.c.happened_at == device.c.vanished_at,
    )
    ended_by = case((unbound, "unbound"), else_="vanished")
    _change_open(
        conn, account, ids, device.c.vanished_at.is_not(None), {"valid_to": device.c.vanished_at, "ended_by": ended_by}
    )


def _correct(conn: Connection, account: str, ids: Sequence[str] | None) -> None:
    same_instant = device.c.changed_at <= device_history.c.valid_from
    _change_open(conn, account, ids, and_(_differs(), same_instant), {name: device.c[name] for name in HISTORY_FACTS})


def _end_changed(conn: Connection, account: str, ids: Sequence[str] | None) -> None:
    _change_open(conn, account, ids, _differs(), {"valid_to": device.c.changed_at, "ended_by": literal("changed")})


def _open(conn: Connection, account: str, ids: Sequence[str] | None) -> None:
    before, other = device_history.alias("before"), device_history.alias("other")
    newest = (
        select(func.max(other.c.valid_from))
        .where(other.c.account == device.c.account, other.c.device_id == device.c.device_id)
        .scalar_subquery()
    )
    has_open = exists().where(
        other.c.account == device.c.account, other.c.device_id == device.c.device_id, other.c.valid_to.is_(None)
    )
    rows = (
        select(*_BEGUN.values(), case((before.c.account.is_(None), null()), else_=_changed_columns(before)))
        .outerjoin_from(
            device,
            before,
            and_(
                before.c.account == device.c.account,
                before.c.device_id == device.c.device_id,
                before.c.valid_from == newest,
            ),
        )
        .where(*_of(conn, device, account, ids), device.c.vanished_at.is_(None), ~has_open)
    )
    conn.execute(insert(device_history).from_select([*_BEGUN, "changed_columns"], rows))


def _changed_columns(before: Any) -> ColumnElement[Any]:
    """Names of the facts that differ from the row before, comma-separated."""
    parts = [case((device.c[name].is_distinct_from(before.c[name]), f"{name},"), else_="") for name in HISTORY_FACTS]
    together: Any = parts[0]
    for part in parts[1:]:
        together = together.concat(part)
    return func.rtrim(together, ",")


def _differs() -> ColumnElement[bool]:
    return or_(*[device.c[name].is_distinct_from(device_history.c[name]) for name in HISTORY_FACTS])


def _change_open(
    conn: Connection, account: str, ids: Sequence[str] | None, where: ColumnElement[bool], values: dict[str, Any]
) -> int:
    """Change the open rows of these devices where a condition on device and device_history holds."""
    statement = (
        update(device_history)
        .where(
            *_of(conn, device, account, ids),
            *_of(conn, device_history, account, ids),
            device_history.c.device_id == device.c.device_id,
            device_history.c.valid_to.is_(None),
            where,
        )
        .values(**values, last_run=device.c.last_run)
    )
    return conn.execute(statement).rowcount


def _of(conn: Connection, table: Table, account: str, ids: Sequence[str] | None) -> list[ColumnElement[bool]]:
    chosen = [table.c.account == account]
    if ids is not None:
        chosen.append(among(conn, table.c.device_id, ids))
    return chosen
