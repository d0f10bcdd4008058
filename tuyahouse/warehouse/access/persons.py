"""Persons with permission on devices, as far as this account's runs added or removed them."""

from datetime import datetime

from sqlalchemy import Connection, select

from tuyahouse.warehouse.bulk.writer import upsert
from tuyahouse.warehouse.tables import device_person


def added_at(conn: Connection, account: str, device_id: str, person_id: str) -> datetime | None:
    """When a run added the person to the device, if none has removed it since; else None."""
    table = device_person.c
    wanted = select(table.added_at).where(
        table.account == account,
        table.device_id == device_id,
        table.person_id == person_id,
        table.removed_at.is_(None),
    )
    return conn.execute(wanted).scalar()


def store_added(conn: Connection, account: str, device_id: str, person_id: str, at: datetime, run_id: str) -> None:
    """Store that Tuya confirmed the person on the device just now."""
    columns = ("account", "device_id", "person_id", "added_at", "removed_at", "first_run", "last_run")
    row = (account, device_id, person_id, at, None, run_id, run_id)
    upsert(conn, device_person, columns, [row], first=("first_run",), stamp=("last_run",))


def store_removed(conn: Connection, account: str, device_id: str, person_id: str, at: datetime, run_id: str) -> None:
    """Store that Tuya confirmed the removal just now."""
    columns = ("account", "device_id", "person_id", "removed_at", "first_run", "last_run")
    row = (account, device_id, person_id, at, run_id, run_id)
    upsert(conn, device_person, columns, [row], first=("first_run",), stamp=("last_run",))
