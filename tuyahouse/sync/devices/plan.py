"""The device inventory of an account: what a run plans, and what it concludes once the lists are read.

A run has one chunk for each project's list, then chunks of devices whose details are due. A list chunk holds one key,
:data:`~tuyahouse.sync.devices.listing.ledger.LIST_KEY` and the project. Lists are read one after the other: a device
that is listed in two projects belongs to the first of them in the order in which they were asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tuyahouse.cloud.errors import prefix
from tuyahouse.settings import Account, SettingsError
from tuyahouse.sync.chunks import chunked
from tuyahouse.sync.devices.listing.ledger import LIST_KEY, project_of, settle
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.dialect import join_as_sets
from tuyahouse.warehouse.devices import from_messages, history, inventory, links, lists, marks
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.messages.gaps import Gap, open_gaps
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

DETAILS_AFTER = timedelta(days=7)
"""Details and functions of an unchanged device are read again after this."""


@dataclass(slots=True)
class Concluded:
    """What a run concluded from the lists: ``complete`` of ``lists`` are complete, ``details`` devices are due."""

    lists: int = 0
    complete: int = 0
    vanished: int = 0
    from_messages: int = 0
    linked: int = 0
    details: int = 0
    odd: dict[str, str] = field(default_factory=dict)
    """What was odd about the lists, in a sentence for each project."""
    notes: list[str] = field(default_factory=list)


def sentence(words: str) -> str:
    """The words with exactly one full stop at the end."""
    return words.rstrip(". ") + "."


def chosen_projects(account: Account, project_ids: Sequence[str] | None) -> list[str]:
    """The projects to list, without repeats: the given ones, else (none or an empty list) those of the settings.

    Raises:
        SettingsError: there are none; says where to set them.
    """
    chosen = [each.strip() for each in (project_ids or account.project_ids)]
    found = list(dict.fromkeys(filter(None, chosen)))
    if not found:
        raise SettingsError(
            f"No project is named, so there are no devices to list. Set {prefix(account.name)}PROJECT_IDS "
            "to the ids of the projects whose devices are to be read, or give project_ids to the flow."
        )
    return found


def plan_lists(warehouse: Warehouse, account: Account, run: runs.Run, projects: Sequence[str], at: datetime) -> None:
    """Plan the run's list chunks; marks of an earlier run are cleared. A run that continues adds the lists it lacks.

    Dead letters of projects that neither the run nor the settings name are resolved: those are not asked any more.
    """
    run_id = run.run_id
    named = {*projects, *account.project_ids}
    with landing(warehouse, run) as conn:
        if run_chunks.is_planned(conn, run_id):
            whole = {project for project, _ in lists.complete_lists(conn, account.name, run_id, projects)}
            held = whole.union(_open_lists(conn, run_id).values())
            projects = [project for project in projects if project not in held]
        else:
            marks.clear_marks(conn, account.name)
            lists.clear_runs(conn, account.name)
        settle(conn, account.name, lambda key: project_of(key) not in named, at)
        run_chunks.add_chunks(
            conn, run_id, [[LIST_KEY + project] for project in projects], run_chunks.next_chunk(conn, run_id)
        )


def open_lists(warehouse: Warehouse, run_id: str) -> dict[int, str]:
    """Chunk → project of the lists that the run has yet to read, in the order in which they are read."""
    with warehouse.read() as conn:
        return _open_lists(conn, run_id)


def _open_lists(conn: Connection, run_id: str) -> dict[int, str]:
    return {
        chunk: keys[0].removeprefix(LIST_KEY) for chunk, keys in run_chunks.open_keys(conn, run_id) if _is_list(keys)
    }


def _is_list(keys: Sequence[str]) -> bool:
    return bool(keys) and keys[0].startswith(LIST_KEY)


def conclude(
    warehouse: Warehouse, run: runs.Run, projects: Sequence[str], *, full: bool, chunk_size: int, at: datetime
) -> Concluded:
    """Apply the lists read in this run and plan the details that are due, in one transaction.

    Devices that a complete list no longer holds have vanished; messages are applied; vendor ids that are registered
    serial numbers link devices to the factory. Repeated for a run that continues, it changes only what is new.
    """
    done = Concluded(lists=len(projects))
    with landing(warehouse, run) as conn:
        join_as_sets(conn)
        for project, swept_at in lists.complete_lists(conn, run.account, run.run_id, projects):
            done.complete += 1
            done.vanished += marks.vanish(conn, run.account, project, swept_at, run.run_id)
        done.from_messages = from_messages.apply_messages(conn, run.account, run.run_id)
        history.follow(conn, run.account)
        done.linked = links.link_by_cid(conn, run.account, run.run_id, at)
        odd = lists.list_notes(conn, run.account, run.run_id, projects)
        done.odd = {project: sentence(f"Project {project}: {note}") for project, note in odd}
        done.notes += [
            f"Project {project} holds no device. If it should, check its id in PROJECT_IDS."
            for project in lists.empty_lists(conn, run.account, run.run_id, projects)
        ]
        going_on = run_chunks.continue_plan(conn, run.run_id, keep=_is_list)
        gaps = open_gaps(conn, run.account)
        before = at if full else details_due_before(gaps, at)
        if going_on.begun:
            before = min(before, going_on.begun)
        candidates = inventory.due_for_details(conn, run.account, projects, before)
        due = (device_id for device_id in candidates if device_id not in going_on.kept)
        run_chunks.add_chunks(conn, run.run_id, _counted(chunked(due, chunk_size), done), going_on.first)
        if gaps:
            done.notes.append("Messages may be missing: details of all devices are asked.")
    return done


def details_due_before(gaps: Sequence[Gap], at: datetime) -> datetime:
    """Details read before this time are due: after a week; while gaps are open, all that were read before their end."""
    return min(max([at - DETAILS_AFTER, *(gap.gap_to for gap in gaps)]), at)


def _counted(chunks: Iterator[list[str]], into: Concluded) -> Iterator[list[str]]:
    for chunk in chunks:
        into.details += len(chunk)
        yield chunk
