"""SQL that only the device inventory needs: what is known of devices, and which are due."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, delete, func, or_, select

from tuyahouse.warehouse.database.dialect import among, if_past
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.tables import (
    DEVICE_COLUMNS,
    device,
    device_function,
    ops_dead_letter,
)

FETCH = 10_000


DETAIL_SUFFIXES = ("", "/functions", "/function-pool")
DETAILS = "device_details"
"""Kind of the dead letters of devices whose details could not be fetched."""


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
    """Those of the devices that were first stored from this project's list, by this run and at that time."""
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
    """The stored facts of these devices by column, and ``changed_at``, when one of them last changed."""
    names = (*DEVICE_COLUMNS, "changed_at")
    query = select(device.c.device_id, *[device.c[name] for name in names]).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in conn.execute(query)}


def vendor_ids(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, str | None]:
    """The vendors' own ids of these devices."""
    query = select(device.c.device_id, device.c.cid).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {device_id: cid for device_id, cid in conn.execute(query)}  # noqa: C416 - rows, not tuples


def detail_hashes(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, bytes | None]:
    """The fingerprints of the newest details and functions of these devices."""
    query = select(device.c.device_id, device.c.detail_hash).where(
        device.c.account == account, among(conn, device.c.device_id, ids)
    )
    return {device_id: digest for device_id, digest in conn.execute(query)}  # noqa: C416 - rows, not tuples


class Detailed(NamedTuple):
    """When the details of a device were last asked, and the fingerprint of what they said."""

    detail_at: datetime | None
    detail_hash: bytes | None


def hold_details(conn: Connection, account: str, ids: Collection[str]) -> dict[str, Detailed]:
    """What the details of these devices are now, locked against changes by others until the transaction ends.

    ``detail_at`` is None where it lies in the future: then no later asking is known.
    """
    columns = (device.c.device_id, if_past(conn, device.c.detail_at), device.c.detail_hash)
    query = select(*columns).where(device.c.account == account, among(conn, device.c.device_id, ids))
    rows = conn.execute(query.order_by(device.c.device_id).with_for_update(key_share=True))
    return {device_id: Detailed(at, digest) for device_id, at, digest in rows}


def delete_functions(conn: Connection, account: str, ids: Collection[str]) -> None:
    """Delete all functions of these devices, for a replay that rewrites them."""
    if ids:
        table = device_function.c
        conn.execute(delete(device_function).where(table.account == account, among(conn, table.device_id, ids)))


def due_for_details(conn: Connection, account: str, project_ids: Sequence[str], older_than: datetime) -> Iterator[str]:
    """Devices whose details are older than their newest change or than ``older_than``; never read ones first."""
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
    """Time since which the details of every device of these projects were asked at least once; None: some never.

    ``now`` without any device. Details that could not be fetched were asked when their dead letter was last written.
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
    """Number of present devices by project ("" if it is not known)."""
    query = (
        select(func.coalesce(device.c.project_id, ""), func.count())
        .where(device.c.account == account, device.c.vanished_at.is_(None))
        .group_by(device.c.project_id)
    )
    return {str(project): int(count) for project, count in conn.execute(query)}
