"""Rebuild functions of devices and links to serial numbers from stored answers, without a call.

Blocks are read oldest first and land as they did originally. A serial number from the PMS list is linked if another
source names the same pair, as it was then; so links of the other sources are rebuilt first.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from tuyahouse.cloud.calls.device_origin import decode_factory_infos, decode_sn, decode_sns
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.cloud.http.answer import stored_result
from tuyahouse.outcome import Outcome
from tuyahouse.sync.devices import details
from tuyahouse.sync.devices.details import Changed, read_details, write_functions
from tuyahouse.sync.devices.links import (
    FACTORY_INFOS_KIND,
    PMS,
    SN_KIND,
    SN_LIST_KIND,
    Link,
    LinkAnswer,
    factory_info_links,
    pair,
    write_links,
)
from tuyahouse.sync.devices.masking import masked
from tuyahouse.warehouse.bulk.halves import write_in_halves
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.key_set import KeySet
from tuyahouse.warehouse.devices import inventory
from tuyahouse.warehouse.devices.links import link_hints
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.ledgers.raw_blocks import Block
from tuyahouse.warehouse.warehouse import Warehouse

ReadLinks = Callable[[Any, str, list[str], bytes], list[Link]]
"""Connection, account, devices that were asked for, result → links."""


def replay_devices(
    warehouse: Warehouse,
    source: Any,
    conn: Connection,
    account: str,
    at: datetime,
    on_answers: Callable[[int], object] = lambda count: None,
) -> Outcome:
    """Rebuild functions and links of the account's devices; what has no stored answer keeps what it has.

    A stored answer that today's code cannot read, or that the database refuses, becomes a dead letter (``rejected``)
    and changes nothing.
    """
    outcome = Outcome()
    with KeySet() as known_keys:
        for block in raw_blocks.blocks(source, account, details.KIND, together=len(details.SUFFIXES)):
            changed, unusable = _read_details(block)
            written = _write_details(warehouse, conn, _run(account, block), block, changed, unusable, known_keys)
            outcome += _landed(conn, account, written, unusable, at, on_answers)
    for kind, read in _LINKS.items():
        for block in raw_blocks.blocks(source, account, kind):
            outcome += _replay_links(warehouse, conn, account, kind, block, read, at, on_answers)
    return outcome


def _read_details(block: Block) -> tuple[list[tuple[str, Changed]], list[DeadLetter]]:
    changed: list[tuple[str, Changed]] = []
    unusable: list[DeadLetter] = []
    for device_id, bodies in _by_device(block.answers):
        try:
            read = read_details(device_id, [stored_result(body) for body in bodies], bodies, None)
        except TuyaError as error:
            unusable.append(_letter(details.KIND, device_id, error, bodies[0]))
        else:
            if read.changed:
                changed.append((device_id, read.changed))
    return changed, unusable


def _write_details(
    warehouse: Warehouse,
    conn: Connection,
    run: runs.Run,
    block: Block,
    changed: Sequence[tuple[str, Changed]],
    unusable: list[DeadLetter],
    known_keys: KeySet,
) -> int:
    """Write functions; returns of how many devices. Those that the database refuses are added to ``unusable``."""
    met_first = known_keys.add([device_id for device_id, _ in changed])

    def write(part: Sequence[tuple[str, Changed]]) -> int:
        inventory.delete_functions(conn, run.account, [each for each, _ in part if each in met_first])
        write_functions(conn, run, part, block.stored_at)
        return len(part)

    def refuse(one: tuple[str, Changed], problem: str) -> int:
        raw = masked(b"\n".join(one[1].bodies))
        unusable.append(DeadLetter(details.KIND, one[0], "not_storable", "", problem, raw))
        return 0

    return sum(write_in_halves(warehouse, conn, changed, write, refuse))


def _by_device(answers: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """Each device with its answers, which follow each other."""
    size = len(details.SUFFIXES)
    for start in range(0, len(answers), size):
        yield answers[start][0], [body for _, body in answers[start : start + size]]


def _replay_links(
    warehouse: Warehouse,
    conn: Connection,
    account: str,
    kind: str,
    block: Block,
    read: ReadLinks,
    at: datetime,
    on_answers: Callable[[int], object],
) -> Outcome:
    answers: list[LinkAnswer] = []
    unusable: list[DeadLetter] = []
    for key, body in block.answers:
        try:
            links = read(conn, account, key.split(","), stored_result(body))
        except TuyaError as error:
            unusable.append(_letter(kind, key, error, body))
        else:
            answers.append(LinkAnswer(kind, key, body, links))

    def write(part: Sequence[LinkAnswer]) -> None:
        links = [link for answer in part for link in answer.links]
        write_links(conn, _run(account, block), links, block.stored_at)

    def refuse(answer: LinkAnswer, problem: str) -> None:
        unusable.append(DeadLetter(kind, answer.key, "not_storable", "", problem, masked(answer.body)))

    write_in_halves(warehouse, conn, answers, write, refuse)
    return _landed(conn, account, len(block.answers) - len(unusable), unusable, at, on_answers)


def _landed(
    conn: Connection,
    account: str,
    answered: int,
    unusable: list[DeadLetter],
    at: datetime,
    on_answers: Callable[[int], object],
) -> Outcome:
    dead_letters.record(conn, account, unusable, at)
    asked = answered + len(unusable)
    on_answers(asked)
    return Outcome(asked=asked, answered=answered, rejected=len(unusable))


def _from_factory_infos(conn: Connection, account: str, asked: list[str], result: bytes) -> list[Link]:
    return factory_info_links(asked, decode_factory_infos(result))


def _from_pms(conn: Connection, account: str, asked: list[str], result: bytes) -> list[Link]:
    sn = decode_sn(result)
    return [Link(asked[0], sn, PMS)] if sn else []


def _from_pms_list(conn: Connection, account: str, asked: list[str], result: bytes) -> list[Link]:
    paired, _ = pair(decode_sns(result), link_hints(conn, account, asked))
    return [Link(device_id, sn, PMS) for device_id, sn in paired.items()]


_LINKS: dict[str, ReadLinks] = {
    FACTORY_INFOS_KIND: _from_factory_infos,
    SN_KIND: _from_pms,
    SN_LIST_KIND: _from_pms_list,
}


def _run(account: str, block: Block) -> runs.Run:
    return runs.Run(account, "replay", "", block.run_id)


def _letter(kind: str, key: str, error: TuyaError, body: bytes) -> DeadLetter:
    return DeadLetter(kind, key, "unusable_answer", error.code, str(error), masked(body))
