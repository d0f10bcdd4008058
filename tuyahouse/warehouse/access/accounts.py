"""Authorized accounts and the rooms that were granted to them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from tuyahouse.warehouse.bulk.writer import Written, upsert
from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.tables import authorization_grant, authorized_account

LISTED = (
    "account",
    "uid",
    "login_name",
    "nick_name",
    "role_code",
    "role_name",
    "remark",
    "create_date",
    "admin_id",
    "extra",
    "vanished_at",
    "first_run",
    "last_run",
)
"""Columns that the list of accounts fills."""


def store_listed(conn: Connection, account: str, listed: Sequence[Sequence[Any]], run_id: str) -> Written:
    """Store accounts as Tuya lists them: (uid, login_name, …, extra) each."""
    rows = [(account, *each, None, run_id, run_id) for each in listed]
    return upsert(conn, authorized_account, LISTED, rows, first=("first_run",), stamp=("last_run",))


def declare_vanished(conn: Connection, account: str, listed: Collection[str], at: datetime, run_id: str) -> int:
    """Mark the accounts that a complete list does not hold; returns how many those are."""
    table = authorized_account.c
    there = select(table.uid).where(table.account == account, table.vanished_at.is_(None))
    gone = sorted(set(conn.execute(there).scalars()) - set(listed))
    if gone:
        vanished = update(authorized_account).where(table.account == account, among(conn, table.uid, gone))
        conn.execute(vanished.values(vanished_at=at, last_run=run_id))
    return len(gone)


def changes_of_run(conn: Connection, account: str, run_id: str, limit: int) -> list[dict[str, str]]:
    """The accounts that a run found new or changed, or declared vanished, for people to read."""
    table = authorized_account.c
    wanted = select(table.login_name, table.nick_name, table.uid, table.role_name, table.vanished_at, table.first_run)
    changed = wanted.where(table.account == account, table.last_run == run_id).order_by(table.login_name, table.uid)
    return [
        {
            "account": row.login_name or "",
            "name": row.nick_name or "",
            "uid": row.uid,
            "role": row.role_name or "",
            "change": "vanished" if row.vanished_at else "new" if row.first_run == run_id else "changed",
        }
        for row in conn.execute(changed.limit(limit))
    ]


def count(conn: Connection, account: str) -> int:
    """How many accounts are there."""
    table = authorized_account.c
    there = select(func.count()).where(table.account == account, table.vanished_at.is_(None))
    return int(conn.execute(there).scalar_one())


def store_authorized(
    conn: Connection, account: str, uid: str, login_name: str, country_code: str, nick_name: str | None, run_id: str
) -> None:
    """Store an account that was authorized just now, before the list shows it."""
    columns = ("account", "uid", "login_name", "country_code", "nick_name", "vanished_at", "first_run", "last_run")
    row = (account, uid, login_name, country_code, nick_name, None, run_id, run_id)
    upsert(conn, authorized_account, columns, [row], keep=("nick_name",), first=("first_run",), stamp=("last_run",))


def countries_of(conn: Connection, account: str, uids: Collection[str]) -> dict[str, str]:
    """The country code of each of these accounts, as far as it is known."""
    table = authorized_account.c
    wanted = select(table.uid, table.country_code).where(
        table.account == account, among(conn, table.uid, uids), table.country_code.is_not(None)
    )
    return {uid: country for uid, country in conn.execute(wanted)}  # noqa: C416 - rows, not tuples


def granted_rooms(conn: Connection, account: str, uid: str, project_id: str) -> set[str]:
    """The rooms of a project that were granted to an account."""
    table = authorization_grant.c
    wanted = select(table.room_id).where(table.account == account, table.uid == uid, table.project_id == project_id)
    return set(conn.execute(wanted).scalars())


def store_granted(
    conn: Connection,
    account: str,
    uid: str,
    login_name: str,
    project_id: str,
    room_ids: Sequence[str],
    at: datetime,
    run_id: str,
) -> None:
    """Store the rooms that Tuya confirmed just now."""
    columns = ("account", "uid", "project_id", "room_id", "login_name", "granted_at", "first_run", "last_run")
    rows = [(account, uid, project_id, room, login_name, at, run_id, run_id) for room in room_ids]
    upsert(conn, authorization_grant, columns, rows, first=("first_run",), stamp=("last_run",))
