"""How many rows a run of writes has stored: they are stamped with the runs that inserted and last changed them."""

from sqlalchemy import Connection, func, select

from tuyahouse.warehouse.tables import (
    app_user,
    authorization_grant,
    authorized_account,
    command,
    device_function,
    device_person,
    visual_token,
)

_TABLES = (app_user, authorization_grant, authorized_account, command, device_function, device_person, visual_token)


def rows_of_run(conn: Connection, account: str, run_id: str) -> tuple[int, int]:
    """Rows that the run has inserted, and others that it was the last one to change."""
    inserted = updated = 0
    for table in _TABLES:
        mine = select(func.count()).select_from(table).where(table.c.account == account)
        inserted += conn.execute(mine.where(table.c.first_run == run_id)).scalar_one()
        changed = table.c.last_run == run_id, table.c.first_run != run_id
        updated += conn.execute(mine.where(*changed)).scalar_one()
    return inserted, updated
