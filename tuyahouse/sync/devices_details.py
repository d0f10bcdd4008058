"""Details and functions of devices, a chunk at a time: three calls a device.

The list is the authority for a device's facts, and the detail page spells some of them differently; so a detail only
fills what is still unknown (such as the user), in the device and in its open history row, and never counts as a change.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.device_functions import FUNCTION_POOL, FUNCTIONS, Function, decode_functions
from tuyahouse.cloud.devices import ABSENT, DETAIL, FACTS, Told, decode_device, told
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked, Letter, ask_all
from tuyahouse.sync.devices_masking import masked
from tuyahouse.warehouse import dead_letters, devices, devices_history, runs
from tuyahouse.warehouse.tables import device, device_function, device_serial_number
from tuyahouse.warehouse.warehouse import Warehouse
from tuyahouse.warehouse.writer import Written, insert_new, replace_set, update

KIND = devices.DETAILS
FILLED = tuple(name for name in FACTS if name != "project_id")


@dataclass(frozen=True, slots=True)
class Details:
    """What Tuya says of one device when asked for it alone."""

    told: Told
    enabled: list[Function]
    possible: list[Function]


@dataclass(frozen=True, slots=True)
class Link:
    """A source says that a device was made under a serial number."""

    device_id: str
    sn: str
    source: str


@dataclass(slots=True)
class Links:
    """Which serial numbers were found for the devices of a chunk, and what stood in the way."""

    found: list[Link] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)


async def ask_details(
    client: TuyaClient,
    ids: Iterable[str],
    into: Asked[Details],
    *,
    workers: int,
    on_key: Callable[[], None] = lambda: None,
) -> None:
    """Ask details and functions of each device; see :func:`tuyahouse.sync.asking.ask_all` for what may stop it."""

    async def ask(device_id: str) -> Details:
        path = {"device_id": device_id}
        detail = await client.call(DETAIL, path=path)
        enabled = await client.call(FUNCTIONS, path=path)
        possible = await client.call(FUNCTION_POOL, path=path)
        return Details(
            told(decode_device(bytes(detail.result))),
            decode_functions(bytes(enabled.result)),
            decode_functions(bytes(possible.result)),
        )

    await ask_all(ids, ask, into, kind=KIND, workers=workers, on_key=on_key)


def land_details(
    warehouse: Warehouse, run: runs.Run, chunk: int, asked: Asked[Details], links: Links, *, calls: int, at: datetime
) -> Outcome:
    """Write what a chunk brought, its place in the run included, in one transaction."""
    outcome = Outcome(
        asked=asked.asked,
        answered=len(asked.answers),
        empty=len(asked.empty),
        failed=len(asked.failed),
        rejected=len(asked.rejected),
        calls=calls,
    )
    done = [device_id for device_id, _ in asked.answers] + asked.empty
    with warehouse.begin() as conn:
        _fill(conn, run.account, asked, at)
        written = _write_functions(conn, run, asked.answers, at)
        linked = _write_links(conn, run, links.found, at)
        outcome.inserted, outcome.updated = written.inserted + linked, written.updated + written.retired
        dead_letters.record(conn, run.account, [_masked(each) for each in asked.letters] + links.letters, at)
        dead_letters.resolve(conn, run.account, KIND, done, at)
        runs.finish_chunk(conn, run.run_id, chunk, outcome, asked.left, at)
    return outcome


def _masked(letter: Letter) -> Letter:
    return letter if letter.raw is None else replace(letter, raw=masked(letter.raw))


def _fill(conn: Any, account: str, asked: Asked[Details], at: datetime) -> None:
    rows = [(account, device_id, *_known_facts(details.told), at) for device_id, details in asked.answers]
    update(conn, device, ("account", "device_id", *FILLED, "detail_at"), rows, fill=FILLED)
    update(conn, device, ("account", "device_id", "detail_at"), [(account, each, at) for each in asked.empty])
    devices_history.complete(conn, account, [device_id for device_id, _ in asked.answers])


def _known_facts(told: Told) -> tuple[Any, ...]:
    return tuple([None if value is ABSENT else value for value in told.facts[1:]])


def function_rows(account: str, device_id: str, details: Details, run_id: str) -> list[tuple[Any, ...]]:
    """One row for each data point; one that is both enabled and possible is enabled."""
    named = {each.function_code: (each.function_name, False) for each in details.possible}
    for each in details.enabled:
        known = named.get(each.function_code, (None, False))[0]
        named[each.function_code] = (each.function_name or known, True)
    return [(account, device_id, code, name, enabled, run_id, run_id) for code, (name, enabled) in named.items()]


def _write_functions(conn: Any, run: runs.Run, answers: Sequence[tuple[str, Details]], at: datetime) -> Written:
    columns = ("account", "device_id", "function_code", "function_name", "enabled", "first_run", "last_run")
    return replace_set(
        conn,
        device_function,
        columns,
        [row for device_id, details in answers for row in function_rows(run.account, device_id, details, run.run_id)],
        scope=("account", "device_id"),
        scopes=[(run.account, device_id) for device_id, _ in answers],
        gone="gone_at",
        at=at,
        first=("first_run",),
        stamp=("last_run",),
        gone_stamp={"last_run": run.run_id},
    )


def _write_links(conn: Any, run: runs.Run, links: Sequence[Link], at: datetime) -> int:
    columns = ("account", "device_id", "sn", "source", "seen_at", "first_run", "last_run")
    rows = [(run.account, link.device_id, link.sn, link.source, at, run.run_id, run.run_id) for link in links]
    return insert_new(conn, device_serial_number, columns, rows)
