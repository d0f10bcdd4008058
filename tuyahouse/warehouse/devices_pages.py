"""Rows of a device list against what is stored, many at once: which sweep they belong to, and which of them are news."""

from collections.abc import Sequence

from sqlalchemy import Connection, TextClause, text

from tuyahouse.warehouse.bulk import postgres, sqlite

PageRow = tuple[str, bytes, bool | None]
"""A device on a page: id, fingerprint of what was sent, presence (None: not sent)."""

_TABLE = "stage_device_page"
_POSTGRESQL = f"""CREATE TEMPORARY TABLE IF NOT EXISTS {_TABLE}
    (device_id text COLLATE "C", fact_hash bytea, online boolean) ON COMMIT DELETE ROWS"""
_SQLITE = f"CREATE TEMPORARY TABLE IF NOT EXISTS {_TABLE} (device_id TEXT PRIMARY KEY, fact_hash BLOB, online BOOLEAN)"

_MARK = text(f"""INSERT INTO ops_sweep (account, device_id, project_id, sweep, fact_hash)
    SELECT :account, device_id, :project_id, :sweep, fact_hash FROM {_TABLE} WHERE true ORDER BY device_id
    ON CONFLICT DO NOTHING""")


def mark(conn: Connection, account: str, project_id: str, sweep: int, rows: Sequence[PageRow]) -> tuple[int, list[str]]:
    """Mark devices as met in this sweep; ``rows`` hold each device once.

    Returns:
        How many were not marked in this sweep yet, and the ids of those that are not exactly what the project's list
        said of them before: new, changed, back, of another project, or online where they were not.
    """
    _fill(conn, rows)
    values = {"account": account, "project_id": project_id}
    fresh = conn.execute(_MARK, {**values, "sweep": sweep}).rowcount
    return fresh, list(conn.execute(_news(conn.dialect.name), values).scalars())


def _fill(conn: Connection, rows: Sequence[PageRow]) -> None:
    if conn.dialect.name == "postgresql":
        cursor = postgres.driver(conn).cursor()
        cursor.execute(_POSTGRESQL)
        cursor.execute(f"DELETE FROM {_TABLE}")
        with cursor.copy(f"COPY {_TABLE} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["text", "bytea", "bool"])
            for row in rows:
                copy.write_row(row)
        return
    file = sqlite.driver(conn)
    file.execute(_SQLITE)
    file.execute(f"DELETE FROM {_TABLE}")
    file.executemany(f"INSERT INTO {_TABLE} VALUES (?, ?, ?)", rows)


def _news(dialect: str) -> TextClause:
    differs = "IS DISTINCT FROM" if dialect == "postgresql" else "IS NOT"
    return text(f"""SELECT s.device_id FROM {_TABLE} s {_STORED[dialect]}
        WHERE d.device_id IS NULL OR d.vanished_at IS NOT NULL OR d.project_id {differs} :project_id
            OR d.answer_hash {differs} s.fact_hash OR (s.online IS NOT NULL AND d.online {differs} s.online)""")


_STORED = {
    "sqlite": "LEFT JOIN device d ON d.account = :account AND d.device_id = s.device_id",
    # OFFSET 0 keeps PostgreSQL from reading the whole of device for every batch: each row is looked up by its key.
    "postgresql": """LEFT JOIN LATERAL
        (SELECT * FROM device k WHERE k.account = :account AND k.device_id = s.device_id OFFSET 0) d ON true""",
}
