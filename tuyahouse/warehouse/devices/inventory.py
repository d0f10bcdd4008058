"""SQL that only the device inventory needs: what is known of devices, which are due, where they were made."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, delete, distinct, exists, func, insert, literal, or_, select

from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.tables import (
    DEVICE_COLUMNS,
    UtcTime,
    device,
    device_function,
    device_serial_number,
    ops_dead_letter,
    serial_number,
)

FETCH = 10_000

LINK_SOURCES = ("pms", "factory_infos", "cid")
"""Who may say under which serial number a device was made."""

DETAILS = "device_details"
"""Kind of the dead letters of devices whose details could not be had."""


class Known(NamedTuple):
    """What decides whether a device on a page is news."""

    project_id: str | None
    answer_hash: bytes | None
    online: bool | None
    online_at: datetime | None
    vanished_at: datetime | None
    source: str | None


def begun(
    conn: Connection, account: str, ids: Sequence[str], *, project_id: str, run_id: str, at: datetime
) -> set[str]:
    """Those of the devices that the reading of this project's list stored for the first time, in this run and at that time."""
    where = device.c.account == account, among(conn, device.c.device_id, ids)
    ours = device.c.project_id == project_id, device.c.first_run == run_id, device.c.changed_at == at
    return set(conn.execute(select(device.c.device_id).where(*where, *ours)).scalars())


def known(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, Known]:
    """What is known of these devices; new ones are missing."""
    if not ids:
        return {}
    columns = [device.c[name] for name in Known._fields]
    query = select(device.c.device_id, *columns).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {row[0]: Known(*row[1:]) for row in conn.execute(query)}


def facts(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The stored facts of these devices, by column."""
    columns = [device.c[name] for name in DEVICE_COLUMNS]
    query = select(device.c.device_id, *columns).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {row[0]: dict(zip(DEVICE_COLUMNS, row[1:], strict=True)) for row in conn.execute(query)}


def vendor_ids(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, str | None]:
    """The vendors' own ids of these devices."""
    query = select(device.c.device_id, device.c.cid).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {device_id: cid for device_id, cid in conn.execute(query)}  # noqa: C416 - rows, not tuples


def detail_hashes(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, bytes | None]:
    """The fingerprints of what details and functions last said of these devices."""
    query = select(device.c.device_id, device.c.detail_hash).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {device_id: digest for device_id, digest in conn.execute(query)}  # noqa: C416 - rows, not tuples


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
    """How many devices have more than one serial number, and what each source says of the newest of them."""
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


def forget_functions(conn: Connection, account: str, ids: Collection[str]) -> None:
    """Delete all functions of these devices, for a replay that writes them anew."""
    if ids:
        table = device_function.c
        conn.execute(delete(device_function).where(table.account == account, among(conn, table.device_id, ids)))


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


def due_for_details(conn: Connection, account: str, project_ids: Sequence[str], older_than: datetime) -> Iterator[str]:
    """Devices whose details were never read, are older than their newest change, or than a time; never read ones first."""
    query = (
        select(device.c.device_id)
        .where(
            device.c.account == account,
            among(conn, device.c.project_id, project_ids),
            device.c.vanished_at.is_(None),
            or_(
                device.c.detail_at.is_(None), device.c.changed_at > device.c.detail_at, device.c.detail_at < older_than
            ),
        )
        .order_by(device.c.detail_at.asc().nulls_first(), device.c.device_id)
    )
    rows = conn.execute(query, execution_options={"yield_per": FETCH})
    return (str(device_id) for (device_id,) in rows)


def details_asked_since(conn: Connection, account: str, project_ids: Sequence[str], now: datetime) -> datetime | None:
    """Since when the details of every device of these projects were asked at least once; None: not of all ever.

    ``now`` without any device. What could not be had was asked for when its dead letter was last written.
    """
    letter = ops_dead_letter.c
    refused = (
        select(letter.key, func.max(letter.last_seen_at, type_=UtcTime).label("at"))
        .where(letter.account == account, letter.kind == DETAILS, letter.resolved_at.is_(None))
        .group_by(letter.key)
        .subquery()
    )
    read, tried = device.c.detail_at, refused.c.at
    asked_at = case((or_(read.is_(None), tried > read), tried), else_=read)
    query = (
        select(func.count(), func.count(asked_at), func.min(asked_at, type_=UtcTime))
        .outerjoin_from(device, refused, refused.c.key == device.c.device_id)
        .where(
            device.c.account == account, among(conn, device.c.project_id, project_ids), device.c.vanished_at.is_(None)
        )
    )
    there, asked, first = conn.execute(query).one()
    if not there:
        return now
    since: datetime | None = first if asked == there else None
    return since


def count_devices(conn: Connection, account: str) -> dict[str, int]:
    """Devices that are there, by project ("" where it is not known)."""
    query = (
        select(func.coalesce(device.c.project_id, ""), func.count())
        .where(device.c.account == account, device.c.vanished_at.is_(None))
        .group_by(device.c.project_id)
    )
    return {str(project): int(count) for project, count in conn.execute(query)}
