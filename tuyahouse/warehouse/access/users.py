"""Users of the account's app that were written."""

from datetime import datetime

from sqlalchemy import Connection

from tuyahouse.warehouse.bulk.writer import upsert
from tuyahouse.warehouse.tables import app_user

_COLUMNS = (
    "account",
    "app_schema",
    "country_code",
    "username",
    "username_type",
    "nick_name",
    "uid",
    "written_at",
    "first_run",
    "last_run",
)


def store_written(
    conn: Connection,
    account: str,
    schema: str,
    country_code: str,
    username: str,
    *,
    username_type: str,
    nick_name: str | None,
    uid: str,
    at: datetime,
    run_id: str,
) -> None:
    """Store a user that Tuya confirmed just now. A nickname that was not sent stays as it was."""
    row = (account, schema, country_code, username, username_type, nick_name, uid, at, run_id, run_id)
    upsert(conn, app_user, _COLUMNS, [row], first=("first_run",), stamp=("last_run",), keep=("nick_name",))
