"""Answers as Tuya sent them: the changed ones of a chunk in one compressed block."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, select

from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.ledgers.packing import pack, unpack_answers, unpacked
from tuyahouse.warehouse.tables import raw_block

_COLUMNS = ("account", "kind", "block_id", "stored_at", "answers", "keys", "body")
_table = raw_block.c

LARGEST_BLOCK = 64_000_000
"""Bytes of answers in a block, before packing. A reader holds a block in memory; SQLite allows values of 10^9 bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block: (key, answer as sent) pairs, committed at ``stored_at``."""

    block_id: str
    stored_at: datetime
    answers: list[tuple[str, bytes]]

    @property
    def run_id(self) -> str:
        """The run that stored it; rows rebuilt from the block carry its id."""
        return _run_of(self.block_id)


@dataclass(frozen=True, slots=True)
class Found:
    """The newest answer of one key."""

    block_id: str
    stored_at: datetime
    body: bytes

    @property
    def run_id(self) -> str:
        """The run that stored it."""
        return _run_of(self.block_id)


def _run_of(block_id: str) -> str:
    return block_id.partition("/")[0]


def store(
    conn: Connection, account: str, kind: str, block_id: str, answers: Sequence[tuple[str, bytes]], at: datetime
) -> None:
    """Store the answers of one chunk; without answers no block is made. Storing a block again changes nothing.

    A block closes at ``LARGEST_BLOCK`` bytes of answers; the ids of the following ones end in ``.0001`` and so on.
    The client has taken the secrets out of them when they arrived.
    """
    for place, part in enumerate(_blocks_of(answers)):
        keys = [key for key, _ in part]
        name = f"{block_id}.{place:04d}" if place else block_id
        insert_new(conn, raw_block, _COLUMNS, [(account, kind, name, at, len(part), pack(keys), pack(part))])


def _blocks_of(answers: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    if answers and sum([len(body) for _, body in answers]) <= LARGEST_BLOCK:
        yield answers
        return
    part: list[tuple[str, bytes]] = []
    size = 0
    for key, body in answers:
        if part and size + len(body) > LARGEST_BLOCK:
            yield part
            part, size = [], 0
        part.append((key, body))
        size += len(body)
    if part:
        yield part


def blocks(conn: Connection, account: str, kind: str) -> Iterator[Block]:
    """All blocks, the oldest first, one at a time in memory."""
    wanted = _blocks(account, kind, _table.block_id, _table.stored_at, _table.body)
    wanted = wanted.order_by(_table.stored_at, _table.block_id)
    for row in conn.execute(wanted, execution_options={"yield_per": 1}):
        yield Block(row.block_id, row.stored_at, unpack_answers(row.body))


def find(conn: Connection, account: str, kind: str, key: str) -> Found | None:
    """The newest stored answer of a key."""
    needle = msgspec.msgpack.encode(key)
    wanted = _blocks(account, kind, _table.block_id, _table["keys"]).order_by(
        _table.stored_at.desc(), _table.block_id.desc()
    )
    for row in conn.execute(wanted, execution_options={"yield_per": 100}):
        if needle in unpacked(row.keys) and (found := _in_block(conn, account, kind, row.block_id, key)):
            return found
    return None


def prune(conn: Connection, account: str, before: datetime) -> int:
    """Delete the blocks stored before that time; returns how many."""
    return conn.execute(delete(raw_block).where(_table.account == account, _table.stored_at < before)).rowcount


def _blocks(account: str, kind: str, *columns: Any) -> Select[Any]:
    return select(*columns).where(_table.account == account, _table.kind == kind)


def _in_block(conn: Connection, account: str, kind: str, block_id: str, key: str) -> Found | None:
    wanted = _blocks(account, kind, _table.stored_at, _table.body).where(_table.block_id == block_id)
    row = conn.execute(wanted).one()
    bodies = [body for name, body in unpack_answers(row.body) if name == key]
    return Found(block_id, row.stored_at, bodies[-1]) if bodies else None
