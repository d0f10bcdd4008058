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

LARGEST_BLOCK = 16_000_000
"""Bytes of answers in a block, before packing. A reader holds a block in memory; SQLite allows values of 10^9 bytes."""

LARGEST_PART = 8_000_000
"""Bytes of the answers of a block that are handed over together: decoded, they take some fifteen times that."""

Answer = tuple[str, bytes]
"""A key and its answer as sent."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block or a part of one: (key, answer as sent) pairs, committed at ``stored_at``."""

    block_id: str
    stored_at: datetime
    answers: Sequence[Answer]

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
    conn: Connection,
    account: str,
    kind: str,
    block_id: str,
    answers: Sequence[tuple[str, bytes]],
    at: datetime,
    together: int = 1,
) -> None:
    """Store the answers of one chunk; without answers no block is made. Storing a block again changes nothing.

    A block closes at ``LARGEST_BLOCK`` bytes of answers; the ids of the following ones end in ``.0001`` and so on.
    So many as are ``together``, such as the three of a device, stay in one block. The client has taken the secrets out
    of them when they arrived.
    """
    for place, part in enumerate(_parts(answers, LARGEST_BLOCK, together)):
        keys = [key for key, _ in part]
        name = f"{block_id}.{place:04d}" if place else block_id
        insert_new(conn, raw_block, _COLUMNS, [(account, kind, name, at, len(part), pack(keys), pack(part))])


def _parts(answers: Sequence[Answer], most: int, together: int) -> Iterator[Sequence[Answer]]:
    """The answers in parts of ``most`` bytes; ``together`` of them that belong together may have more."""
    if answers and sum([len(body) for _, body in answers]) <= most:
        yield answers
        return
    begin = size = 0
    for place in range(0, len(answers), together):
        more = sum(len(body) for _, body in answers[place : place + together])
        if begin < place and size + more > most:
            yield answers[begin:place]
            begin, size = place, 0
        size += more
    if answers:
        yield answers[begin:]


def blocks(conn: Connection, account: str, kind: str, together: int = 1) -> Iterator[Block]:
    """All blocks, the oldest first, one at a time in memory; a large one in parts (see :func:`store`)."""
    wanted = _blocks(account, kind, _table.block_id, _table.stored_at, _table.body)
    wanted = wanted.order_by(_table.stored_at, _table.block_id)
    for row in conn.execute(wanted, execution_options={"yield_per": 1}):
        for part in _parts(unpack_answers(row.body), LARGEST_PART, together):
            yield Block(row.block_id, row.stored_at, part)


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
