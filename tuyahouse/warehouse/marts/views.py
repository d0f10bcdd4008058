"""The views of a database: recreated from the definitions by every migration of its schema."""

from sqlalchemy import Connection, inspect, text

from tuyahouse.warehouse.marts.catalogue import VIEWS
from tuyahouse.warehouse.marts.definition import Mart
from tuyahouse.warehouse.marts.sql import sql_of


def drop(conn: Connection) -> None:
    """Drop every view of a mart, also those of another version, so that tables may change."""
    for name in inspect(conn).get_view_names():
        if name.startswith("mart_"):
            conn.execute(text(f"DROP VIEW IF EXISTS {name}{' CASCADE' if conn.dialect.name == 'postgresql' else ''}"))


def create(conn: Connection) -> None:
    """Create all views; on PostgreSQL with their comments."""
    sql = sql_of(conn.dialect.name)
    for mart in VIEWS:
        conn.exec_driver_sql(mart.view(sql))
        if sql.is_postgres:
            _comment(conn, mart)


def _comment(conn: Connection, mart: Mart) -> None:
    conn.exec_driver_sql(f"COMMENT ON VIEW {mart.name} IS {_quoted(mart.comment)}")
    for field in mart.fields:
        conn.exec_driver_sql(f"COMMENT ON COLUMN {mart.name}.{field.name} IS {_quoted(field.comment)}")


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"
