"""Which serial number a device carries, by source."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, distinct, exists, func, insert, literal, select

from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.devices.inventory import vendor_ids
from tuyahouse.warehouse.tables import (
    device,
    device_serial_number,
    serial_number,
)

LINK_SOURCES = ("pms", "factory_infos", "cid")
"""Sources of links between devices and serial numbers."""


def known_links(conn: Connection, account: str, ids: Collection[str]) -> set[tuple[str, str, str]]:
    """(device, serial number, source) of all links of these devices."""
    if not ids:
        return set()
    link = device_serial_number.c
    query = select(link.device_id, link.sn, link.source).where(
        link.account == account, among(conn, link.device_id, ids)
    )
    return {(device_id, sn, source) for device_id, sn, source in conn.execute(query)}


def link_hints(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, set[str]]:
    """Serial numbers that other sources than PMS name for these devices."""
    hints: dict[str, set[str]] = {device_id: set() for device_id in ids}
    for device_id, cid in vendor_ids(conn, account, ids).items():
        hints[device_id] |= {cid} if cid else set()
    for device_id, sn, source in known_links(conn, account, ids):
        hints[device_id] |= {sn} if source != "pms" else set()
    return hints


def contradictions(conn: Connection, account: str, limit: int) -> tuple[int, list[dict[str, str]]]:
    """How many devices have more than one serial number, and what each source names for the newest of them."""
    link = device_serial_number.c
    several = (
        select(link.device_id, func.max(link.seen_at, type_=UtcTime).label("newest"))
        .where(link.account == account)
        .group_by(link.device_id)
        .having(func.count(distinct(link.sn)) > 1)
        .subquery()
    )
    count = int(conn.execute(select(func.count()).select_from(several)).scalar_one())
    shown = select(several).order_by(several.c.newest.desc(), several.c.device_id).limit(limit).subquery()
    query = (
        select(link.device_id, link.source, link.sn)
        .join(shown, shown.c.device_id == link.device_id)
        .where(link.account == account)
        .order_by(shown.c.newest.desc(), link.device_id, link.seen_at, link.sn)
    )
    rows: dict[str, dict[str, str]] = {}
    for device_id, source, sn in conn.execute(query):
        row = rows.setdefault(device_id, {"device": device_id} | dict.fromkeys(LINK_SOURCES, ""))
        row[source] = f"{row[source]}, {sn}" if row.get(source) else sn
    return count, list(rows.values())


def link_by_cid(conn: Connection, account: str, run_id: str, at: datetime) -> int:
    """Link devices whose vendor id is a registered serial number; returns how many links are new."""
    link = device_serial_number
    linked = exists().where(
        link.c.account == device.c.account,
        link.c.device_id == device.c.device_id,
        link.c.sn == device.c.cid,
        link.c.source == "cid",
    )
    runs = (literal("cid"), literal(at, UtcTime), literal(run_id), literal(run_id))
    rows = (
        select(device.c.account, device.c.device_id, device.c.cid, *runs)
        .join(serial_number, and_(serial_number.c.account == device.c.account, serial_number.c.sn == device.c.cid))
        .where(device.c.account == account, ~linked)
    )
    columns = ("account", "device_id", "sn", "source", "seen_at", "first_run", "last_run")
    statement = insert(link).from_select(columns, rows).execution_options(preserve_rowcount=True)
    return conn.execute(statement).rowcount
