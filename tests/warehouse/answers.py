"""The answers that raw blocks hold, for tests to look at."""

from collections.abc import Iterator

from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import raw_blocks


def stored_answers(conn: Connection, account: str, kind: str) -> Iterator[tuple[str, bytes]]:
    """(key, answer as sent) of all blocks, the oldest first, so the last answer of a key is its newest."""
    for block in raw_blocks.blocks(conn, account, kind):
        yield from block.answers
