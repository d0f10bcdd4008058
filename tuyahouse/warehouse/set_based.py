"""For statements over whole tables."""

from sqlalchemy import Connection, text


def join_as_sets(conn: Connection) -> None:
    """For the rest of the transaction PostgreSQL joins by hash or merge, never row by row.

    Tables that were just filled have no statistics yet, and a nested loop over them would be quadratic. SQLite always
    joins by the primary keys.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL enable_nestloop = off"))
