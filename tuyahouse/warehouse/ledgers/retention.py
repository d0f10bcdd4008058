"""Deletion of what has reached the configured age."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from tuyahouse.warehouse.ledgers import raw_blocks
from tuyahouse.warehouse.tables import ops_chunk, ops_dead_letter, ops_run, raw_message, station_pass_count


def prune(conn: Connection, account: str, before: datetime) -> dict[str, int]:
    """Delete raw answers, raw messages, pass counts, chunks of ended runs and resolved dead letters older than that.

    Returns the number of rows by table. Core tables, runs and open dead letters stay. A replay can read only the raw
    answers that are left.
    """
    ended = select(ops_run.c.run_id).where(ops_run.c.account == account, ops_run.c.ended_at < before)
    dead_letters = delete(ops_dead_letter).where(
        ops_dead_letter.c.account == account, ops_dead_letter.c.resolved_at < before
    )
    messages = delete(raw_message).where(raw_message.c.account == account, raw_message.c.received_at < before)
    counts = delete(station_pass_count).where(
        station_pass_count.c.account == account, station_pass_count.c.checked_at < before
    )
    return {
        "station_pass_count": conn.execute(counts).rowcount,
        "raw_block": raw_blocks.prune(conn, account, before),
        "raw_message": conn.execute(messages).rowcount,
        "ops_chunk": conn.execute(delete(ops_chunk).where(ops_chunk.c.run_id.in_(ended))).rowcount,
        "ops_dead_letter": conn.execute(dead_letters).rowcount,
    }
