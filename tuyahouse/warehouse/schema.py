"""The schema of a database, and its migration (Alembic, without an alembic.ini)."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from tuyahouse.warehouse.errors import SchemaError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""Revision this version of tuyahouse works with."""

VERSION_TABLE = "tuyahouse_schema"
_LOCK = 7_818_119_104  # "tuyah" for pg_advisory_xact_lock: one migration at a time


def version(conn: Connection) -> str | None:
    """The revision of the database; None if it is empty.

    Raises:
        SchemaError: it holds tables that tuyahouse did not make.
    """
    tables = inspect(conn).get_table_names()
    if VERSION_TABLE in tables:
        found = conn.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        return str(found) if found is not None else None
    if tables:
        raise SchemaError(
            f"The database holds tables of something else ({', '.join(sorted(tables)[:3])} …) and is left as it is. "
            "Point TUYAHOUSE_WAREHOUSE_URL at an empty database."
        )
    return None


def check(conn: Connection) -> bool:
    """Whether the schema is that of this version; False if the database is empty.

    Raises:
        SchemaError: it is older (says how to migrate), newer or unknown.
    """
    found = version(conn)
    if found is None:
        return False
    if found == HEAD:
        return True
    if found in _known():
        raise SchemaError(
            f"The warehouse has the older schema {found}, this version needs {HEAD}: run `tuyahouse migrate`."
        )
    raise SchemaError(
        f"The warehouse has schema {found}, which this version of tuyahouse does not know (it knows up to {HEAD}). "
        "Install the newer tuyahouse that made it; nothing was changed."
    )


def migrate(conn: Connection) -> tuple[str | None, str]:
    """Bring the schema to HEAD inside the caller's transaction; returns the revisions before and after."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    before = version(conn)
    if before not in (None, HEAD, *_known()):
        check(conn)
    if before != HEAD:
        from alembic import command

        from tuyahouse.warehouse.marts import views

        config = _config()
        config.attributes["connection"] = conn
        views.drop(conn)
        command.upgrade(config, "head")
        views.create(conn)
    return before, HEAD


def _known() -> list[str]:
    from alembic.script import ScriptDirectory

    return [revision.revision for revision in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "tuyahouse:warehouse/migrations")
    return config
