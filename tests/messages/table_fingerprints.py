"""Everything that messages leave in a warehouse, but for the times of our own clock: equal for equal streams."""

from typing import Any

import psycopg

_OWN_CLOCK = {
    "raw_message": ("received_at",),
    "command_observation": ("observed_at",),
    "command": ("added_at",),
    "ops_dead_letter": ("first_seen_at", "last_seen_at"),
    "ops_drift": ("first_seen_at", "last_seen_at"),
    "device_event": (),
    "device_presence": (),
    "device_binding": (),
}


def fingerprints(database: str) -> dict[str, tuple[int, str]]:
    """Rows and fingerprint of each table of a PostgreSQL database."""
    with psycopg.connect(database) as connection:
        return {table: _fingerprint(connection, table, left_out) for table, left_out in _OWN_CLOCK.items()}


def _fingerprint(connection: "psycopg.Connection[Any]", table: str, left_out: tuple[str, ...]) -> tuple[int, str]:
    rows = f"SELECT to_jsonb(t) - %s::text[] AS row FROM {table} t"
    query = (
        f"SELECT count(*), md5(coalesce(string_agg(md5(row::text), '' ORDER BY md5(row::text)), '')) FROM ({rows}) s"
    )
    found = connection.execute(query, [list(left_out)]).fetchone()
    assert found is not None
    return int(found[0]), str(found[1])
