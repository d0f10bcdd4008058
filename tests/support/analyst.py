"""An analyst at work in the warehouse: a session of its own that holds a lock until it is released."""

import os
import sqlite3
from typing import Any

import psycopg


class Analyst:
    """Locks ``table`` on PostgreSQL by an ALTER TABLE that is not committed, on SQLite the file by a write transaction.

    ``known_as`` is what others find of it.
    """

    def __init__(self, url: str, table: str) -> None:
        self._connection: Any
        if url.startswith("sqlite"):
            self._connection = sqlite3.connect(
                url.removeprefix("sqlite:///"), timeout=60, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("BEGIN IMMEDIATE")
            self.known_as = [f"process {os.getpid()}"]
            return
        self._connection = psycopg.connect(url, application_name="ana's notebook")
        self._connection.execute(f"ALTER TABLE {table} ADD COLUMN looked_at text DEFAULT 'a secret of hers'")
        pid = self._connection.info.backend_pid
        self.known_as = [f"session {pid}", "ana's notebook", f"ALTER TABLE {table} ADD COLUMN looked_at", "UTC"]

    def let_go(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()
