"""From the field back to the factory: which serial number each device was made under, from every source there is.

The PMS list call answers serial numbers without saying which device each belongs to (docs/tuya.md), and their order
proves nothing. So a serial number from it counts for a device only if another source names the same pair and no two
devices share it. All other devices are asked one by one, unless the list had no serial number left for them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar

from tuyahouse.cloud.answer_excerpt import beginning
from tuyahouse.cloud.calls.device_origin import (
    AT_ONCE,
    FACTORY_INFOS,
    SN_OF_DEVICE,
    SNS_OF_DEVICES,
    decode_factory_infos,
    decode_sn,
    decode_sns,
    factory_infos_query,
)
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, NotFound, TuyaError, UnusableAnswer
from tuyahouse.dead_letter_reasons import Reason
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import STOPPING
from tuyahouse.sync.devices.masking import masked
from tuyahouse.warehouse.bulk.halves import write_in_halves
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.devices.links import known_links
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.tables import device_serial_number
from tuyahouse.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Link:
    """A source says that a device was made under a serial number."""

    device_id: str
    sn: str
    source: str


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """An answer as sent, and the links drawn from it. ``key`` is what was asked: a device, or several with commas."""

    kind: str
    key: str
    body: bytes
    links: list[Link]


@dataclass(slots=True)
class Links:
    """The serial numbers found for the devices of a chunk, and the errors met."""

    answers: list[LinkAnswer] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    """Devices of which every source was asked and none refused."""
    refused: set[str] = field(default_factory=set)
    """Devices that were asked about in vain; those neither here nor in ``done`` were not asked about."""
    barred: set[str] = field(default_factory=set)
    """Of the refused ones, those that lack nothing but a source that the account may not use."""
    sources: set[str] = field(default_factory=set)
    """Sources that answered, by the names of their endpoints."""

    def without(self, devices: Collection[str]) -> "Links":
        """The same without what was found for these devices."""
        rests = [(answer, [link for link in answer.links if link.device_id not in devices]) for answer in self.answers]
        answers = [replace(answer, links=links) for answer, links in rests if links]
        letters = [one for one in self.dead_letters if one.key not in devices]
        done, refused, barred = (each.difference(devices) for each in (self.done, self.refused, self.barred))
        return Links(answers, letters, done, refused, barred, self.sources)


KIND = "device_factory"
LINK_KEY = "link:"
"""What the key of a run begins with by which a device's links alone are asked; the device follows."""
FACTORY_INFOS_KIND, SN_LIST_KIND, SN_KIND = "device_factory_infos", "device_sn_list", "device_sn"
"""Kinds under which answers are kept, if they brought a new link."""

FACTORY_INFOS_SOURCE, PMS = "factory_infos", "pms"
"""Sources of links."""

LARGEST_LINK_ANSWER = 65_536
"""Bytes of an answer about serial numbers of up to twenty devices, which has some three thousand; the answers of a
whole chunk are held together."""

T = TypeVar("T", covariant=True)


async def ask_links(client: TuyaClient, cids: Mapping[str, str | None], into: Links, with_pms: bool) -> None:
    """Ask the factory's sources about these devices (id → vendor's own id), 20 at a time.

    A source that the project may not use is a dead letter of its own and asked no further; it never stops a run. Its
    devices are not ``done``.

    Raises:
        TuyaError: one that every further call would meet too (quota, budget, refused login).
    """
    sources = _Sources(client, into)
    for group in _groups(list(cids), AT_ONCE):
        sources.refused.clear()
        sources.failed.clear()
        infos = await sources.factory_infos(group)
        if with_pms:
            hints = {each: {sn for sn in (infos.get(each), cids[each]) if sn} for each in group}
            for device_id in await sources.pms_list(group, hints):
                await sources.pms(device_id)
        into.done.update(set(group) - sources.refused)
        into.refused.update(sources.refused)
        into.barred.update(sources.refused - sources.failed)


def pair(listed: Sequence[str], hints: Mapping[str, set[str]]) -> tuple[dict[str, str], list[str]]:
    """Assign listed serial numbers to devices if another source names the pair.

    ``hints`` are the serial numbers that other sources name for each device asked.

    Returns:
        Serial number by device, and the devices to ask one by one.
    """
    there = set(listed)
    named: dict[str, list[str]] = {}
    for device_id, sns in hints.items():
        for sn in sns & there:
            named.setdefault(sn, []).append(device_id)
    paired = {ids[0]: sn for sn, ids in named.items() if len(ids) == 1 and len(hints[ids[0]] & there) == 1}
    rest = [device_id for device_id in hints if device_id not in paired]
    return paired, rest if there - set(paired.values()) else []


def _groups(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def factory_info_links(group: Collection[str], infos: Mapping[str, str]) -> list[Link]:
    """The links that the factory infos name for the devices that were asked for."""
    return [Link(device_id, sn, FACTORY_INFOS_SOURCE) for device_id, sn in infos.items() if device_id in group]


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """An answer, read and as sent."""

    value: T
    body: bytes


class _Sources:
    """The calls of the sources; remembers which of them the project may not use."""

    def __init__(self, client: TuyaClient, into: Links) -> None:
        self._client = client
        self._into = into
        self._barred: set[str] = set()
        self.refused: set[str] = set()
        """Devices of the group under way of which a source did not answer."""
        self.failed: set[str] = set()
        """Of these, the ones of which a source did not answer that the project may use."""

    async def factory_infos(self, group: Sequence[str]) -> dict[str, str]:
        """The serial numbers of those that have one."""
        answer = await self._ask(FACTORY_INFOS, group, decode_factory_infos, query=factory_infos_query(group))
        if answer is None:
            return {}
        links = factory_info_links(group, answer.value)
        self._keep(FACTORY_INFOS_KIND, group, answer, links)
        return {link.device_id: link.sn for link in links}

    async def pms_list(self, group: Sequence[str], hints: Mapping[str, set[str]]) -> list[str]:
        """Ask the list; returns the devices to ask one by one."""
        answer = await self._ask(SNS_OF_DEVICES, group, decode_sns, body={"gwIds": list(group)})
        if answer is None:
            return list(group)
        paired, rest = pair(answer.value, hints)
        self._keep(SN_LIST_KIND, group, answer, [Link(device_id, sn, PMS) for device_id, sn in paired.items()])
        return rest

    async def pms(self, device_id: str) -> None:
        answer = await self._ask(SN_OF_DEVICE, [device_id], decode_sn, body={"gwId": device_id})
        if answer is not None and answer.value:
            self._keep(SN_KIND, [device_id], answer, [Link(device_id, answer.value, PMS)])

    def _keep(self, kind: str, group: Sequence[str], answer: "_Read[object]", links: list[Link]) -> None:
        if links:
            self._into.answers.append(LinkAnswer(kind, ",".join(group), answer.body, links))

    async def _ask(
        self,
        endpoint: Endpoint,
        group: Sequence[str],
        decode: Callable[[bytes], T],
        *,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> "_Read[T] | None":
        """The answer of a source; None if it has none or cannot be used."""
        if endpoint.name in self._barred:
            self.refused.update(group)
            return None
        try:
            answer = await self._client.call(endpoint, query=query, body=body)
            self._into.sources.add(endpoint.name)
            if len(answer.body) > LARGEST_LINK_ANSWER:
                raise UnusableAnswer(f"The answer has more than {LARGEST_LINK_ANSWER:,} bytes", beginning(answer.body))
            return _Read(decode(bytes(answer.result)), answer.body)
        except (NotFound, ItemRefused):
            return None
        except ConfigurationWrong as error:
            self._barred.add(endpoint.name)
            self._into.dead_letters.append(DeadLetter(KIND, endpoint.name, "not_available", error.code, str(error)))
            self.refused.update(group)
        except UnusableAnswer as error:
            self._keep_refused(group, "unusable_answer", error)
        except TuyaError as error:
            if error.action in STOPPING:
                raise
            self._keep_refused(group, "retries_exhausted", error)
        return None

    def _keep_refused(self, group: Sequence[str], reason: Reason, error: TuyaError) -> None:
        raw = masked(beginning(error.raw)) if error.raw else None
        self._into.dead_letters.append(DeadLetter(KIND, group[0], reason, error.code, str(error), raw))
        self.refused.update(group)
        self.failed.update(group)


def land_links(
    warehouse: Warehouse, conn: Connection, run: runs.Run, links: Links, block: str, at: datetime
) -> tuple[int, list[DeadLetter]]:
    """Write the links, and keep the answers that brought new ones.

    Returns:
        How many links are new, and a dead letter for each answer that the database refuses.
    """
    parts, refused = count(), list[DeadLetter]()

    def write(answers: Sequence[LinkAnswer]) -> int:
        keep_new_answers(conn, run.account, answers, f"{block}{f'-{part}' if (part := next(parts)) else ''}", at)
        return write_links(conn, run, [link for answer in answers for link in answer.links], at)

    def refuse(answer: LinkAnswer, problem: str) -> int:
        refused.append(DeadLetter(KIND, answer.key, "not_storable", "", problem, masked(answer.body)))
        return 0

    return sum(write_in_halves(warehouse, conn, links.answers, write, refuse)), refused


def keep_new_answers(conn: Connection, account: str, answers: Sequence[LinkAnswer], block: str, at: datetime) -> None:
    """Keep those answers, as sent, that bring a new link."""
    known = known_links(conn, account, {link.device_id for answer in answers for link in answer.links})
    kept: dict[str, list[tuple[str, bytes]]] = {}
    for answer in answers:
        if any((link.device_id, link.sn, link.source) not in known for link in answer.links):
            kept.setdefault(answer.kind, []).append((answer.key, answer.body))
    for kind, bodies in kept.items():
        raw_blocks.store(conn, account, kind, block, bodies, at)


def land_link_chunk(
    warehouse: Warehouse,
    run: runs.Run,
    chunk: int,
    ids: Sequence[str],
    links: Links,
    *,
    calls: int,
    at: datetime,
) -> Outcome:
    """Write a chunk that asked the links alone of these devices; what a stop left unasked stays in it.

    It counts what was refused. The others count with their details, which an earlier start has asked.
    """
    not_done = [device_id for device_id in ids if device_id not in links.done]
    left, refused = _left_and_refused(not_done, links)
    outcome = Outcome(asked=len(refused), failed=len(refused), calls=calls)
    with landing(warehouse, run) as conn:
        before = run_chunks.hold_chunk(conn, run.run_id, chunk, len(ids))
        block = f"{run.run_id}/{chunk:06d}/{before:08d}"
        outcome.inserted, unlinked = land_links(warehouse, conn, run, links, block, at)
        settle(conn, run, chunk, (), links, unlinked, at)
        run_chunks.finish_chunk(conn, run.run_id, chunk, outcome, left, at, refused, len(links.barred))
        run_chunks.uncount(conn, run.run_id, chunk, len(ids) - len(not_done))
    return outcome


def settle(
    conn: Connection,
    run: runs.Run,
    chunk: int,
    devices: Sequence[str],
    links: Links,
    unlinked: Sequence[DeadLetter],
    at: datetime,
) -> None:
    """Record what prevents links, and what no longer does; what these devices lack is asked for again.

    ``unlinked`` are answers that the database refused. Links that were refused, or that a stop left unasked, are keys
    of the run of their own, which it asks when it goes on.
    """
    dead_letters.resolve(conn, run.account, KIND, links.done | links.sources, at)
    dead_letters.record(conn, run.account, [*links.dead_letters, *unlinked], at)
    left, refused = _left_and_refused([each for each in devices if each not in links.done], links)
    excused = len(links.barred.intersection(devices))
    run_chunks.add_beside(conn, run.run_id, chunk, at, left=left, refused=refused, excused=excused)


def _left_and_refused(devices: Sequence[str], links: Links) -> tuple[list[str], list[str]]:
    """The keys of devices whose links are not done: those that a stop left unasked, and those asked in vain."""
    left = [LINK_KEY + device_id for device_id in devices if device_id not in links.refused]
    return left, [LINK_KEY + device_id for device_id in devices if device_id in links.refused]


def write_links(conn: Connection, run: runs.Run, links: Sequence[Link], at: datetime) -> int:
    """Add the new links; returns their number."""
    columns = ("account", "device_id", "sn", "source", "seen_at", "first_run", "last_run")
    rows = [(run.account, link.device_id, link.sn, link.source, at, run.run_id, run.run_id) for link in links]
    return insert_new(conn, device_serial_number, columns, rows)
