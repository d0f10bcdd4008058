"""Finds who holds a lock that one of our statements waits for, on PostgreSQL, and names the holder in the log.

The server ends a wait that lasts too long (``lock_timeout``). A process that is ending (see :mod:`.patience`) has its
waiting statements cancelled from here. The sessions of a process are known by their ``application_name``: the process
ids that a pooler such as pgbouncer shows are not the server's.
"""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.engine import Connection

from tuyahouse.foreign_text import plain
from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.address import shown
from tuyahouse.warehouse.database.patience import FIRST_WARNING, Wait, is_ending, is_over

log = logging.getLogger("tuyahouse.warehouse")

PAUSED_SECONDS = 60.0
"""A session of tuyahouse's that others wait for, and that has waited so long for more of a COPY, is ended: its process
is paused, and PostgreSQL itself counts only sessions between two statements as idle."""

_SECONDS_BETWEEN = 1.0
_LONGEST_QUERY = 80
_LITERAL = re.compile(r"'(?:[^']|'')*'?|\$(\w*)\$.*?(?:\$\1\$|$)", re.DOTALL)
_LONGEST_NAME = 63

_WAITING = "application_name = :ours AND datname = current_database() AND wait_event_type = 'Lock'"
_HOLDERS = text(f"""
    SELECT w.pid, b.pid AS holder, h.usename, h.application_name, h.xact_start, h.state, h.query,
        (SELECT coalesce(max(relation::regclass::text), max(locktype)) FROM pg_locks l
            WHERE l.pid = w.pid AND NOT granted)
    FROM (SELECT pid FROM pg_stat_activity WHERE {_WAITING}) w
    CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b (pid)
    LEFT JOIN pg_stat_activity h ON h.pid = b.pid""")
_END_PAUSED = text(f"""
    SELECT pg_terminate_backend(h.pid)
    FROM (SELECT pid FROM pg_stat_activity WHERE {_WAITING}) w
    CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b (pid)
    JOIN pg_stat_activity h ON h.pid = b.pid
    WHERE h.usename = current_user AND h.query LIKE 'COPY stage_%' AND h.wait_event = 'ClientRead'
        AND h.state_change < clock_timestamp() - make_interval(secs => :seconds)""")
_CANCEL = text(f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {_WAITING}")


class Holder(NamedTuple):
    """A session that others wait for. What the user may not see (``pg_read_all_stats``) is None."""

    waiting_pid: int
    pid: int
    user: str | None
    application: str | None
    since: datetime | None
    state: str | None
    query: str | None
    lock: str | None

    def __str__(self) -> str:
        if not self.pid:
            return "a prepared transaction (see pg_prepared_xacts)"
        words = [f"user {self.user}"] if self.user else []
        words += [f"application {self.application}"] if self.application else []
        words += [f"since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"] if self.since else []
        words += [self.state] if self.state else []
        words += [f"query {shortened(self.query)}"] if self.query else []
        return plain(SECRETS.text(f"session {self.pid} ({', '.join(words)})"))


def shortened(query: str) -> str:
    """The beginning of a statement in one line, without its literals, which are data."""
    line = " ".join(_LITERAL.sub("'…'", query).split())
    return line if len(line) <= _LONGEST_QUERY else f"{line[:_LONGEST_QUERY]}…"


def name_of_this_process(given: str | None) -> str:
    """The ``application_name`` of this process's sessions, e.g. ``tuyahouse worker-1:4711``."""
    return f"{given or 'tuyahouse'} {socket.gethostname()}:{os.getpid()}".encode()[:_LONGEST_NAME].decode(
        errors="ignore"
    )


class PostgresLockWatch:
    """Watches the sessions of this process while any of them works; looks only when one works for some seconds."""

    def __init__(
        self, url: URL, connect_args: dict[str, Any], bound: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._where, self._ours, self._bound, self._now = shown(url), connect_args["application_name"], bound, now
        # Its own sessions have another name: they never wait for a lock themselves.
        self._url, self._connect_args = url, {**connect_args, "application_name": "tuyahouse watch"}
        self._lock = threading.Lock()
        self._busy: dict[int, float] = {}
        self._thread: threading.Thread | None = None
        self._waits: dict[int, Wait] = {}
        self._held_by = ""
        self._held_at = float("-inf")

    def begin(self, session: int) -> None:
        """A session begins to work."""
        with self._lock:
            self._busy[session] = self._now()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="lock watch", daemon=True)
                self._thread.start()

    def end(self, session: int) -> None:
        with self._lock:
            self._busy.pop(session, None)

    def holder(self) -> str:
        """The holder of the lock that a session of this process waited for last; empty if it is not known."""
        return self._held_by if self._now() - self._held_at < 5 * _SECONDS_BETWEEN else ""

    def _watch(self) -> None:
        engine = self._engine()
        try:
            while self._works():
                time.sleep(_SECONDS_BETWEEN)
                with suppress(Exception):  # the sessions themselves say what is wrong with the server
                    self._turn(engine)
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        return create_engine(
            self._url,
            pool_size=1,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args=self._connect_args,
        )

    def _works(self) -> bool:
        """Whether any session works; without one the thread ends, and the next session begins another."""
        with self._lock:
            if not self._busy:
                self._thread = None
            return bool(self._busy)

    def _turn(self, engine: Engine) -> None:
        with self._lock:
            longest = self._now() - min(self._busy.values(), default=self._now())
        if longest < FIRST_WARNING - _SECONDS_BETWEEN and not is_ending():
            return
        with engine.connect() as conn:
            self.look(conn)
            if is_over():
                conn.execute(_CANCEL, {"ours": self._ours})
            conn.execute(_END_PAUSED, {"ours": self._ours, "seconds": PAUSED_SECONDS})

    def look(self, conn: Connection) -> None:
        """Find the holders now, and name those in the log that hold up a statement for long."""
        found = [Holder(*row) for row in conn.execute(_HOLDERS, {"ours": self._ours})]
        waiting = {holder.waiting_pid for holder in found}
        holders = {holder.pid: holder for holder in found if holder.pid not in waiting}
        now = self._now()
        self._waits = {pid: self._waits.get(pid) or Wait(now) for pid in holders}
        if holders:
            self._held_by, self._held_at = " and ".join(map(str, holders.values())), now
        for pid, holder in holders.items():
            if self._waits[pid].is_due(now):
                log.warning(
                    "The warehouse %s: waiting for a lock (%s), held by %s. Work continues when that transaction "
                    "ends, if it does within %.0f s (LOCK_WAIT).",
                    self._where,
                    holder.lock,
                    holder,
                    self._bound,
                )
