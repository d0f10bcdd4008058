"""Visual tokens that were issued: fingerprint, expiry and where each is kept. The tokens themselves are never here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from tuyahouse.warehouse.bulk.writer import upsert
from tuyahouse.warehouse.tables import visual_token

LOOKED_UP_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as it was issued last; ``expires_at`` is None where nothing says when it expires."""

    issued_at: datetime
    expires_at: datetime | None
    kept_in: str


def find(conn: Connection, account: str, devices: Sequence[tuple[str, str]]) -> dict[tuple[str, str], StoredToken]:
    """The tokens of these devices (product key, device name), as far as any were issued."""
    table, found = visual_token.c, dict[tuple[str, str], StoredToken]()
    wanted = select(table.product_key, table.device_name, table.issued_at, table.expires_at, table.kept_in)
    for start in range(0, len(devices), LOOKED_UP_AT_ONCE):
        some = [tuple(device) for device in devices[start : start + LOOKED_UP_AT_ONCE]]
        named = tuple_(table.product_key, table.device_name).in_(some)
        for key, name, issued_at, expires_at, kept_in in conn.execute(wanted.where(table.account == account, named)):
            found[key, name] = StoredToken(issued_at, expires_at, kept_in or "")
    return found


def store(
    conn: Connection,
    account: str,
    issued: Sequence[tuple[str, str, str, datetime | None, str]],
    at: datetime,
    run_id: str,
) -> None:
    """Store tokens that were issued just now: (product key, device name, fingerprint, expires at, kept in) each."""
    columns = (
        "account",
        "product_key",
        "device_name",
        "fingerprint",
        "issued_at",
        "expires_at",
        "kept_in",
        "first_run",
        "last_run",
    )
    rows = [
        (account, key, name, fingerprint, at, expires_at, kept_in, run_id, run_id)
        for key, name, fingerprint, expires_at, kept_in in issued
    ]
    upsert(conn, visual_token, columns, rows, first=("first_run",), stamp=("last_run",))
