"""Which functions of a device are enabled, after a run has set them."""

from collections.abc import Collection

from sqlalchemy import Connection, update

from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.tables import device_function


def store_enabled(conn: Connection, account: str, device_id: str, codes: Collection[str], run_id: str) -> None:
    """Mark these functions of a device as enabled and all others as possible only, as far as they are known."""
    table = device_function.c
    enabled = among(conn, table.function_code, sorted(codes))
    known = update(device_function).where(table.account == account, table.device_id == device_id)
    for value, which in ((True, enabled), (False, ~enabled)):
        conn.execute(known.where(which, table.enabled.is_(not value)).values(enabled=value, last_run=run_id))
