"""Reads dead messages again: the secret was corrected, their time has come, or tuyahouse knows their format now.

Nothing is asked of Tuya: the messages are stored as received.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from tuyahouse.messages.reading import DEAD, MessageReader
from tuyahouse.messages.sources.source import Received
from tuyahouse.settings import Account
from tuyahouse.sync.messages.land import write_facts
from tuyahouse.sync.messages.rows import RAW, build_rows
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.bulk.halves import land_in_halves
from tuyahouse.warehouse.bulk.writer import update
from tuyahouse.warehouse.errors import ValueRefused, WarehouseError
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.messages import ledger
from tuyahouse.warehouse.messages.ledger import StoredMessage
from tuyahouse.warehouse.warehouse import Warehouse

PAGE = 200
PAGE_BYTES = 16 << 20
"""Most dead messages in one transaction, and bytes of payload after which it closes."""

_READ_AGAIN = ("message_id", "envelope", "protocol", "pushed_at", "signature", "format", "verdict")
_PLACES = [RAW.index(name) for name in _READ_AGAIN]


@dataclass(slots=True)
class Redriven:
    """``tried`` dead messages, of which ``landed`` can be used now."""

    tried: int = 0
    landed: int = 0


def redrive_messages(warehouse: Warehouse, account: Account, now: datetime) -> Redriven:
    """Read every dead message of the account again. Those that can be used now land; their dead letters are resolved.

    Raises:
        MessageKeyError: the access secret cannot be a message key.
    """
    done = Redriven()
    with warehouse.read() as conn:
        keys = dead_letters.open_keys(conn, account.name, "message")
        while page := list(islice(keys, PAGE)):
            reader = MessageReader(account.client_secret.get_secret_value())
            sizes = ledger.payload_sizes(conn, account.name, page)
            landed = sum(_again(warehouse, account.name, reader, keys, now) for keys in by_bytes(page, sizes))
            done = Redriven(done.tried + len(page), done.landed + landed)
    return done


def by_bytes(keys: list[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The keys in batches of at most :data:`PAGE_BYTES`; a larger one is a batch of its own."""
    batch, total = list[str](), 0
    for key in keys:
        size = sizes.get(key, 0)
        if batch and total + size > PAGE_BYTES:
            yield batch
            batch, total = [], 0
        batch.append(key)
        total += size
    if batch:
        yield batch


def _again(warehouse: Warehouse, account: str, reader: MessageReader, keys: list[str], now: datetime) -> int:
    """How many of these land now. One that the database still refuses stays dead, without stopping the others."""

    def land(part: Sequence[str], _later: Sequence[str]) -> int:
        try:
            return _landed(warehouse, account, reader, part, now)
        except WarehouseError:
            raise
        except Exception as error:
            raise ValueRefused(str(error)) from error

    return sum(land_in_halves(keys, land, lambda _key, _later, _problem: 0))


def _landed(warehouse: Warehouse, account: str, reader: MessageReader, keys: Sequence[str], now: datetime) -> int:
    with warehouse.begin() as conn:
        stored = [_received(message) for message in ledger.stored_messages(conn, account, keys)]
        readable = [one for one in stored if reader.read(one.payload, one.properties.get("em"), now).verdict != DEAD]
        rows = build_rows(account, readable, reader, now)
        update(
            conn,
            tables.raw_message,
            ("account", *_READ_AGAIN),
            [(account, *[row[place] for place in _PLACES]) for row in rows.raw],
        )
        write_facts(conn, account, rows, now)
        dead_letters.resolve(conn, account, "message", [one.message_id for one in readable], now)
    return len(readable)


def _received(message: StoredMessage) -> Received:
    named = {"em": message.cipher, "tid": message.trace_id}
    properties = {name: value for name, value in named.items() if value is not None}
    return Received(
        message.message_id,
        message.topic or "",
        message.payload,
        message.properties or properties,
        message.published_at,
    )
