"""SQL that only command records need: learning their numbers, finding due ones, and what is known of those asked."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Table, and_, exists, false, func, insert, literal, or_, select

from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.database.dialect import among, if_past
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.tables import command, command_observation

FETCH = 10_000


@dataclass(frozen=True, slots=True)
class KnownCommand:
    """What the warehouse holds of a command before it is asked."""

    asked_times: int
    first_asked_at: datetime | None
    unknown_since: datetime | None
    last_asked_at: datetime | None = None


class Reported(NamedTuple):
    """A status, and when it happened as reported."""

    process_status: int
    happened_at: datetime


def learn_observed(conn: Connection, account: str, above: str, up_to: str, run_id: str) -> int:
    """Follow the commands with a number in (``above``, ``up_to``] that were observed and are not followed yet.

    Returns how many there are.
    """
    observation = command_observation
    followed = exists().where(
        command.c.account == account,
        command.c.command_sn == observation.c.command_sn,
        command.c.command_sn > above,  # repeated here, or PostgreSQL reads the whole table for every range
        command.c.command_sn <= up_to,
    )
    columns = ("account", "command_sn", "device_id", "source", "added_at", "first_run", "last_run")
    found = (
        select(
            observation.c.account,
            observation.c.command_sn,
            func.max(observation.c.device_id),
            literal("message"),
            func.min(observation.c.observed_at, type_=UtcTime),
            literal(run_id),
            literal(run_id),
        )
        .where(
            observation.c.account == account,
            observation.c.command_sn > above,
            observation.c.command_sn <= up_to,
            ~followed,
        )
        .group_by(observation.c.account, observation.c.command_sn)
    )
    statement = insert(command).from_select(columns, found).execution_options(preserve_rowcount=True)
    return conn.execute(statement).rowcount


def add(
    conn: Connection,
    account: str,
    numbers: Sequence[tuple[str, str | None]],
    source: str,
    at: datetime,
    run_id: str | None,
) -> int:
    """Follow these commands (record number, device or None) from now on; returns how many are new."""
    columns = ("account", "command_sn", "device_id", "source", "added_at", "asked_times", "first_run", "last_run")
    rows = [(account, sn, device_id, source, at, 0, run_id, run_id) for sn, device_id in numbers]
    return insert_new(conn, command, columns, rows)


def due(
    conn: Connection, account: str, steps: Sequence[timedelta], now: datetime, *, everything: bool = False
) -> Iterator[str]:
    """Numbers of open commands to ask now, longest waiting first; with ``everything``, whether due or not.

    ``steps`` are the waiting times by how often a command was asked; the last one holds for all further times. One
    whose asking lies ahead of ``now`` is due: it would not be before that time.
    """
    last = len(steps) - 1
    waited = [
        and_(
            command.c.asked_times == times if times < last else command.c.asked_times >= last,
            command.c.last_asked_at <= now - step,
        )
        for times, step in enumerate(steps)
        if times
    ]
    ahead = command.c.last_asked_at > now + CLOCKS_DIFFER
    waiting_over = or_(command.c.last_asked_at.is_(None), ahead, *waited) if not everything else ~false()
    query = (
        select(command.c.command_sn)
        .where(command.c.account == account, command.c.done_at.is_(None), waiting_over)
        .order_by(command.c.last_asked_at.asc().nulls_first(), command.c.command_sn)
    )
    rows = conn.execute(query, execution_options={"yield_per": FETCH})
    return (str(sn) for (sn,) in rows)


def asked_at(conn: Connection, account: str, numbers: Sequence[str]) -> dict[str, datetime | None]:
    """When these commands were last asked; None: never."""
    table = command.c
    query = select(table.command_sn, table.last_asked_at).where(
        table.account == account, among(conn, table.command_sn, numbers)
    )
    return {sn: at for sn, at in conn.execute(query)}  # noqa: C416 - rows, not tuples


def hold(conn: Connection, account: str, numbers: Collection[str]) -> dict[str, KnownCommand]:
    """What is known of these commands, locked against changes by others until the transaction ends.

    Those not followed are missing. A ``last_asked_at`` that lies in the future is None: no later asking is known then.
    """
    table = command.c
    asked_at = if_past(conn, table.last_asked_at)
    columns = (table.command_sn, table.asked_times, table.first_asked_at, table.unknown_since, asked_at)
    query = select(*columns).where(table.account == account, among(conn, table.command_sn, numbers))
    rows = conn.execute(query.order_by(table.command_sn).with_for_update(key_share=True))
    return {sn: KnownCommand(*rest) for sn, *rest in rows}


def reported_by_api(conn: Connection, account: str, numbers: Sequence[str]) -> dict[str, list[Reported]]:
    """What the API reported of these commands before."""
    observation = command_observation.c
    query = select(observation.command_sn, observation.process_status, observation.happened_at).where(
        observation.account == account, among(conn, observation.command_sn, numbers), observation.source == "api"
    )
    reported: dict[str, list[Reported]] = {}
    for sn, status, happened_at in conn.execute(query):
        reported.setdefault(sn, []).append(Reported(status, happened_at))
    return reported


def asked_since(conn: Connection, account: str, now: datetime) -> datetime | None:
    """Time since which every command still followed was asked at least once; None: some never. ``now`` without any."""
    query = select(func.count(), func.count(command.c.last_asked_at), func.min(command.c.last_asked_at, type_=UtcTime))
    followed, asked, first = conn.execute(query.where(command.c.account == account, command.c.done_at.is_(None))).one()
    if not followed:
        return now
    since: datetime | None = first if asked == followed else None
    return since


def verdicts(conn: Connection, account: str) -> dict[tuple[str, bool], int]:
    """Number of commands by verdict and by whether they are still followed."""
    open_ = command.c.done_at.is_(None)
    query = (
        select(command.c.verdict, open_, func.count())
        .where(command.c.account == account)
        .group_by(command.c.verdict, open_)
    )
    return {(verdict or "unknown", bool(still)): count for verdict, still, count in conn.execute(query)}


def needing_a_look(conn: Connection, account: str, limit: int) -> list[dict[str, str]]:
    """The newest commands that are stuck or in conflict."""
    table = command.c
    query = (
        select(
            table.command_sn, table.device_id, table.verdict, table.api_status, table.message_status, table.happened_at
        )
        .where(table.account == account, table.verdict.in_(("stuck", "conflict")))
        .order_by(table.happened_at.desc(), table.command_sn)
        .limit(limit)
    )
    names = ("command", "device", "verdict", "api", "messages", "since")
    rows = conn.execute(query).all()
    return [dict(zip(names, ("" if cell is None else str(cell) for cell in row), strict=True)) for row in rows]


def highest(conn: Connection, account: str, above: str, size: int) -> str | None:
    """The last number of the next ``size`` commands above ``above``; None if there are none."""
    return _highest(conn, command, account, above, size)


def highest_observed(conn: Connection, account: str, above: str, size: int) -> str | None:
    """The last number of the next ``size`` observations above ``above``; None if there are none."""
    return _highest(conn, command_observation, account, above, size)


def _highest(conn: Connection, table: Table, account: str, above: str, size: int) -> str | None:
    query = (
        select(table.c.command_sn)
        .where(table.c.account == account, table.c.command_sn > above)
        .order_by(table.c.command_sn)
        .limit(size)
    )
    found: str | None = conn.execute(select(func.max(query.subquery().c.command_sn))).scalar()
    return found
