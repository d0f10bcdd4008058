"""What is deleted when it is old enough."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from tuyahouse.warehouse.ledgers import raw_blocks
from tuyahouse.warehouse.tables import ops_chunk, ops_dead_letter, ops_run, raw_message


def prune(conn: Connection, account: str, before: datetime) -> dict[str, int]:
    """Delete what is older, by table: raw answers, raw messages, chunks of ended runs, resolved dead letters.

    Rows of the core, runs themselves and open dead letters stay. Replay covers what raw answers are left.
    """
    ended = select(ops_run.c.run_id).where(ops_run.c.account == account, ops_run.c.ended_at < before)
    letters = delete(ops_dead_letter).where(
        ops_dead_letter.c.account == account, ops_dead_letter.c.resolved_at < before
    )
    messages = delete(raw_message).where(raw_message.c.account == account, raw_message.c.received_at < before)
    return {
        "raw_block": raw_blocks.prune(conn, account, before),
        "raw_message": conn.execute(messages).rowcount,
        "ops_chunk": conn.execute(delete(ops_chunk).where(ops_chunk.c.run_id.in_(ended))).rowcount,
        "ops_dead_letter": conn.execute(letters).rowcount,
    }
