"""Details and functions of devices, a chunk at a time: three calls a device.

The list decides a device's facts, because the detail page spells some of them differently. So a detail only fills in
what is still unknown (such as the user), in the device and in its open history row, and never counts as a change.

The three answers of a device are fingerprinted together: if the device has that fingerprint already, its functions are
neither decoded nor written. Changed answers are kept as sent, the vendors' own data included.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec

from tuyahouse.cloud.calls.device_fields import ABSENT, DETAIL, FACTS, DeviceFacts, decode_device, device_facts
from tuyahouse.cloud.calls.device_functions import FUNCTION_POOL, FUNCTIONS, Function, decode_functions
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import UnusableAnswer
from tuyahouse.cloud.http.answer import stored_result
from tuyahouse.fingerprint import fingerprint
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked, ask_all
from tuyahouse.sync.chunks import count_fields
from tuyahouse.sync.devices.links import Links, land_links, settle
from tuyahouse.sync.devices.listing.rows import DOCUMENTED_EXTRA
from tuyahouse.sync.devices.masking import masked, sample_of
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk.writer import Written, replace_set, update
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.devices import history, inventory
from tuyahouse.warehouse.ledgers import dead_letters, drift, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.tables import device, device_function
from tuyahouse.warehouse.warehouse import Warehouse

KIND = inventory.DETAILS
ASKED = (DETAIL, FUNCTIONS, FUNCTION_POOL)
SUFFIXES = inventory.DETAIL_SUFFIXES
"""What follows the device in the key under which each of the three answers is kept."""
FILLED = tuple(name for name in FACTS if name != "project_id")


@dataclass(frozen=True, slots=True)
class Details:
    """Tuya's details of one device; ``changed`` is None if the answers are the same as before."""

    facts: DeviceFacts
    digest: bytes
    changed: "Changed | None"
    bodies: Sequence[bytes]
    """The answers as sent, in the order of :data:`ASKED`."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Functions that may differ from the stored ones. ``bodies`` are those of :class:`Details`."""

    enabled: list[Function]
    possible: list[Function]
    bodies: Sequence[bytes]


async def ask_details(
    client: TuyaClient,
    known: Mapping[str, bytes | None],
    ids: Iterable[str],
    into: Asked[Details],
    *,
    workers: int,
    on_key: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Ask details and functions of each device; see :func:`tuyahouse.sync.asking.ask_all` for what may stop it.

    ``known`` are the fingerprints of their previous answers.
    """

    async def ask(device_id: str) -> Details:
        path = {"device_id": device_id}
        starting = into.starting(device_id, now)  # as old as the oldest of its answers
        results, bodies = [], []
        for endpoint in ASKED:
            answer = await client.call(endpoint, path=path, on_start=starting if endpoint is DETAIL else None)
            into.hold(device_id, len(answer.body))
            results.append(bytes(answer.result))
            bodies.append(answer.body)
        return read_details(device_id, results, bodies, known.get(device_id))

    await ask_all(ids, ask, into, kind=KIND, workers=workers, on_key=on_key, in_parts=True)


def read_details(device_id: str, results: Sequence[bytes], bodies: Sequence[bytes], known: bytes | None) -> Details:
    """Read the three results of a device, its functions only if they may differ from those stored.

    Raises:
        UnusableAnswer: one of them has another shape, or is about another device.
    """
    detail, enabled, possible = results
    read = decode_device(detail)
    if read.device_id != device_id:
        raise UnusableAnswer("Tuya answered with the details of another device", detail)
    digest = fingerprint(msgspec.msgpack.encode((read.digest, enabled, possible)))
    if digest == known:
        return Details(device_facts(read), digest, None, bodies)
    changed = Changed(decode_functions(enabled), decode_functions(possible), bodies)
    return Details(device_facts(read), digest, changed, bodies)


def land_details(
    warehouse: Warehouse,
    run: runs.Run,
    chunk: int,
    asked: Asked[Details],
    links: Links,
    *,
    calls: int,
    now: Callable[[], datetime],
) -> Outcome:
    """Write what a chunk brought, its place in the run included, in one transaction.

    Details asked before others that have landed meanwhile are counted and change nothing, nor do the links found with
    them.
    """
    outcome = asked.outcome(calls, unchanged=sum(details.changed is None for _, details in asked.answers))
    left, refused, found = asked.left, asked.refused, links
    with landing(warehouse, run) as conn:
        before = run_chunks.hold_chunk(conn, run.run_id, chunk, asked.asked + len(left))
        block = f"{run.run_id}/{chunk:06d}/{before:08d}"
        held = inventory.hold_details(conn, run.account, asked.keys)
        at = now()  # what is held landed before: blocks of one device are stored in the order in which they count
        overtaken = asked.overtaken({device_id: each.detail_at for device_id, each in held.items()})
        asked, links = _news(asked.without(overtaken), held), links.without(overtaken)
        changed = [(device_id, details.changed) for device_id, details in asked.answers if details.changed]
        done = [device_id for device_id, _ in asked.answers] + asked.empty
        _fill(conn, run.account, asked, at)
        written = write_functions(conn, run, changed, at)
        raw_blocks.store(conn, run.account, KIND, block, _as_sent(changed), at, together=len(SUFFIXES))
        linked, unlinked = land_links(warehouse, conn, run, links, block, at)
        drift.record(conn, run.account, KIND, _drifted(asked.answers), at)
        outcome.inserted, outcome.updated = written.inserted + linked, written.updated + written.retired
        excused = dead_letters.record(conn, run.account, [_masked(each) for each in asked.dead_letters], at)
        dead_letters.resolve(conn, run.account, KIND, done, at)
        settle(conn, run, chunk, [device_id for device_id, _ in asked.answers], links, unlinked, at)
        run_chunks.finish_chunk(conn, run.run_id, chunk, outcome, left, at, refused, excused)
    found.answers, found.dead_letters = [], []  # where answers land in parts, they land with the first
    return outcome


def _news(asked: Asked[Details], held: Mapping[str, inventory.Detailed]) -> Asked[Details]:
    """Read again, against what is known now, what seemed to be known when it was asked."""
    return replace(asked, answers=[(each, _read_again(each, details, held)) for each, details in asked.answers])


def _read_again(device_id: str, details: Details, held: Mapping[str, inventory.Detailed]) -> Details:
    if details.changed or device_id not in held or held[device_id].detail_hash == details.digest:
        return details
    return read_details(device_id, [bytes(stored_result(body)) for body in details.bodies], details.bodies, None)


def _masked(letter: DeadLetter) -> DeadLetter:
    return letter if letter.raw is None else replace(letter, raw=masked(letter.raw))


def _fill(conn: Connection, account: str, asked: Asked[Details], at: datetime) -> None:
    rows = [
        (account, each, *_known_facts(details.facts), asked.asked_at.get(each, at), details.digest)
        for each, details in asked.answers
    ]
    tried = [(account, device_id, when) for device_id, when in asked.times(asked.empty, at).items()]
    update(conn, device, ("account", "device_id", *FILLED, "detail_at", "detail_hash"), rows, fill=FILLED)
    update(conn, device, ("account", "device_id", "detail_at"), tried)
    history.complete(conn, account, [device_id for device_id, _ in asked.answers])


def _known_facts(facts: DeviceFacts) -> tuple[Any, ...]:
    return tuple([None if value is ABSENT else value for value in facts.facts[1:]])


def _as_sent(changed: Sequence[tuple[str, Changed]]) -> list[tuple[str, bytes]]:
    """Three answers a device; the suffix of each key says what was asked."""
    return [
        (device_id + suffix, body)
        for device_id, each in changed
        for suffix, body in zip(SUFFIXES, each.bodies, strict=True)
    ]


def _drifted(answers: Sequence[tuple[str, Details]]) -> dict[str, tuple[int, str]]:
    """Undocumented fields of details and functions that changed: in how many, and a sample."""
    fields = chain.from_iterable(_extras(details) for _, details in answers)
    return count_fields(fields, DOCUMENTED_EXTRA, sample_of)


def _extras(details: Details) -> Iterator[dict[str, Any]]:
    if details.changed:
        yield details.facts.extra or {}
        for each in chain(details.changed.enabled, details.changed.possible):
            yield {f"function.{name}": value for name, value in (each.extra or {}).items()}


def function_rows(account: str, device_id: str, functions: Changed, run_id: str) -> list[tuple[Any, ...]]:
    """One row for each data point; one that is both enabled and possible is enabled."""
    rows = {each.function_code: (each.function_name, False, each.extra) for each in functions.possible}
    for each in functions.enabled:
        name, _, extra = rows.get(each.function_code, (None, False, None))
        rows[each.function_code] = (each.function_name or name, True, each.extra or extra)
    return [(account, device_id, code, *function, run_id, run_id) for code, function in rows.items()]


def write_functions(conn: Connection, run: runs.Run, changed: Sequence[tuple[str, Changed]], at: datetime) -> Written:
    """Make these the functions of their devices; those that are not among them get ``gone_at``."""
    columns = ("account", "device_id", "function_code", "function_name", "enabled", "extra", "first_run", "last_run")
    return replace_set(
        conn,
        device_function,
        columns,
        [row for device_id, each in changed for row in function_rows(run.account, device_id, each, run.run_id)],
        scope=("account", "device_id"),
        scopes=[(run.account, device_id) for device_id, _ in changed],
        gone="gone_at",
        at=at,
        first=("first_run",),
        stamp=("last_run",),
        gone_stamp={"last_run": run.run_id},
    )
