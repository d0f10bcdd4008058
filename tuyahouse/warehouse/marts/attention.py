"""The serial numbers that a person should look at in the morning."""

from typing import NamedTuple

from sqlalchemy import Connection, text

NAMED = 5
"""Serial numbers that are named of each kind; the marts hold all."""


class Named(NamedTuple):
    """How many serial numbers of a kind there are, and the first of them, each with what is known about it."""

    found: int
    first: list[tuple[str, str]]


_DEAD_LETTERS = """
    SELECT l.key, l.reason, COUNT(*) OVER () AS found FROM ops_dead_letter l
    WHERE l.account = :account AND l.kind = 'sn_flows' AND l.resolved_at IS NULL AND l.dismissed_at IS NULL
    ORDER BY l.last_seen_at DESC, l.key LIMIT :named"""
_FAILED = """
    SELECT u.sn, u.last_node || ', ' || u.order_code, COUNT(*) OVER () AS found FROM mart_unit u
    WHERE u.account = :account AND u.is_current AND u.state = 'open' AND u.last_result = 'failed'
    ORDER BY u.last_step_at DESC, u.sn LIMIT :named"""
_STUCK = """
    SELECT s.sn, s.last_node || ', ' || s.order_code, COUNT(*) OVER () AS found FROM mart_stuck_unit s
    WHERE s.account = :account ORDER BY s.silent_h DESC, s.sn LIMIT :named"""


def dead_letters(conn: Connection, account: str) -> Named:
    """Those that ended as dead letters which are still open, the newest first, each with the reason."""
    return _named(conn, account, _DEAD_LETTERS)


def failed(conn: Connection, account: str) -> Named:
    """Those whose newest step failed, the newest first, each with its node and work order."""
    return _named(conn, account, _FAILED)


def stuck(conn: Connection, account: str) -> Named:
    """Those of which nothing was heard for STUCK_AFTER, the longest first, each with its node and work order."""
    return _named(conn, account, _STUCK)


def _named(conn: Connection, account: str, query: str) -> Named:
    rows = conn.execute(text(query), {"account": account, "named": NAMED}).all()
    return Named(rows[0].found if rows else 0, [(row[0], row[1]) for row in rows])
