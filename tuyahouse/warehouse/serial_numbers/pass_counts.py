"""Pass counts and what they are compared with in the warehouse: orders, waiting units, steps by node.

Every query is by work order, through the indexes on ``order_code``; none reads the steps of other orders.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, case, distinct, func, or_, select, true, update

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.dialect import among, upsert
from tuyahouse.warehouse.tables import (
    craft_line,
    craft_line_node,
    flow_step,
    ops_count_trust,
    serial_number,
    station_pass_count,
)

_counts, _units, _steps, _nodes = station_pass_count.c, serial_number.c, flow_step.c, craft_line_node.c


class OrderUnits(NamedTuple):
    """The registered units of a work order in numbers. ``line_type`` is None without a craft line."""

    order_code: str
    line_type: str | None
    has_line: bool
    units: int
    waiting: int
    """Those that are not finished."""
    shown: int
    """Those of which Tuya shows steps."""
    last_changed_at: datetime | None
    last_asked_at: datetime | None
    """When one that waits was asked last."""


class Unit(NamedTuple):
    """A unit of an order, with how far it came in that order: the ``sort`` of the furthest node that counts it."""

    sn: str
    state: str
    added_at: datetime
    last_asked_at: datetime | None
    last_changed_at: datetime | None
    unknown_times: int
    place: int | None
    newest_at: datetime | None


class Count(NamedTuple):
    """A pass count as Tuya answered it."""

    order_code: str
    node: str
    checked_at: datetime
    tuya_count: int
    warehouse_count: int | None = None


class Trust(NamedTuple):
    """The row of ``ops_count_trust``."""

    definition: str | None = None
    agreed: int = 0
    last_run: str | None = None
    fell_at: datetime | None = None
    reason: str | None = None
    refused_at: datetime | None = None


def orders(conn: Connection, account: str) -> list[OrderUnits]:
    """Every work order of the registry, by name."""
    open_ = _units.state != "finished"
    wanted = (
        select(
            _units.order_code,
            func.max(craft_line.c.type),
            func.count(craft_line.c.order_code) > 0,
            func.count(),
            func.count(case((open_, 1))),
            func.count(case((_units.state.in_(("open", "finished")), 1))),
            func.max(_units.last_changed_at, type_=_units.last_changed_at.type),
            func.max(case((open_, _units.last_asked_at)), type_=_units.last_asked_at.type),
        )
        .select_from(serial_number)
        .outerjoin(
            craft_line, and_(craft_line.c.account == _units.account, craft_line.c.order_code == _units.order_code)
        )
        .where(_units.account == account, _units.order_code.is_not(None))
        .group_by(_units.order_code)
        .order_by(_units.order_code)
    )
    return [OrderUnits(row[0], row[1], bool(row[2]), *row[3:]) for row in conn.execute(wanted)]


def nodes(conn: Connection, account: str, codes: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Work order → (sort, node) of its craft line, in order."""
    wanted = select(_nodes.order_code, _nodes.sort, _nodes.node).where(
        _nodes.account == account, _nodes.gone_at.is_(None), _nodes.sort.is_not(None)
    )
    wanted = wanted.where(among(conn, _nodes.order_code, codes)).order_by(_nodes.order_code, _nodes.sort, _nodes.node)
    found: dict[str, list[tuple[int, str]]] = {}
    for order, sort, node in conn.execute(wanted):
        found.setdefault(order, []).append((sort, node))
    return found


def waiting_units(conn: Connection, account: str, order: str, *, failures: bool = False) -> list[Unit]:
    """The units registered for the order that are not finished, with their places; by name."""
    wanted = _with_places(account, order, failures).where(_units.order_code == order, _units.state != "finished")
    return [Unit._make(row) for row in conn.execute(wanted)]


def finished_units(conn: Connection, account: str, order: str) -> list[Unit]:
    """The units registered for the order that are finished, with the times of their newest steps; by name."""
    wanted = _with_places(account, order, False).where(_units.order_code == order, _units.state == "finished")
    return [Unit._make(row) for row in conn.execute(wanted)]


def _with_places(account: str, order: str, failures: bool) -> Any:
    counted = true() if failures else _steps.status.is_(True)
    places = (
        select(
            _steps.sn,
            func.max(case((counted, _nodes.sort))).label("place"),
            func.max(_steps.happened_at, type_=_steps.happened_at.type).label("newest_at"),
        )
        .select_from(flow_step)
        .outerjoin(
            craft_line_node,
            and_(
                _nodes.account == _steps.account,
                _nodes.order_code == _steps.order_code,
                _nodes.node == _steps.node,
                _nodes.gone_at.is_(None),
            ),
        )
        .where(_steps.account == account, _steps.order_code == order, _steps.gone_at.is_(None))
        .group_by(_steps.sn)
        .subquery()
    )
    columns = [_units[name] for name in Unit._fields[:-2]]
    wanted = select(*columns, places.c.place, places.c.newest_at)
    return (
        wanted.select_from(serial_number)
        .outerjoin(places, places.c.sn == _units.sn)
        .where(_units.account == account)
        .order_by(_units.sn)
    )


def passed(
    conn: Connection, account: str, order: str, until: Mapping[str, tuple[datetime, datetime]], *, failures: bool
) -> dict[str, tuple[int, int]]:
    """Node → how many units the warehouse knows to have passed it by each of its two times."""
    if not until:
        return {}
    first = or_(*[and_(_steps.node == node, _steps.happened_at <= at) for node, (at, _) in until.items()])
    last = or_(*[and_(_steps.node == node, _steps.happened_at <= at) for node, (_, at) in until.items()])
    counted = true() if failures else _steps.status.is_(True)
    wanted = (
        select(_steps.node, func.count(distinct(case((first, _steps.sn)))), func.count(distinct(_steps.sn)))
        .where(_steps.account == account, _steps.order_code == order, _steps.gone_at.is_(None), counted, last)
        .group_by(_steps.node)
    )
    found = {node: (int(low), int(high)) for node, low, high in conn.execute(wanted)}
    return {node: found.get(node, (0, 0)) for node in until}


def feeders(conn: Connection, account: str, order: str) -> list[str]:
    """Work orders in which units of this one were made before."""
    units = select(_steps.sn).where(_steps.account == account, _steps.order_code == order).distinct().limit(50)
    wanted = select(_steps.order_code).distinct().where(_steps.account == account, _steps.sn.in_(units))
    return sorted(code for code in conn.execute(wanted).scalars() if code and code != order)


def unasked_since(conn: Connection, account: str, codes: Sequence[str], since: datetime) -> int:
    """Units of these work orders, not finished, that were not asked since then."""
    late = or_(_units.last_asked_at.is_(None), _units.last_asked_at < since)
    wanted = select(func.count()).where(_units.account == account, among(conn, _units.order_code, codes))
    return int(conn.execute(wanted.where(_units.state != "finished", late)).scalar_one())


class Times(NamedTuple):
    """Until when a unit of an order that counts decide about must have been asked to be left alone."""

    overdue: datetime
    finished: datetime
    ahead: datetime
    """An asking later than this is not believed."""
    begun: datetime
    """When the run began: what it has asked itself is left out."""
    is_first: bool
    """Whether this is the run's first stage, which asks once what was stored as asked later than ``ahead``."""


def timed(conn: Connection, account: str, times: Times, counted: Sequence[str]) -> Iterator[Row[Any]]:
    """Units that the run has not asked and whose time may have come, streamed in the order in which a budget is spent.

    Of the work orders ``counted`` only those that ``times`` do not leave alone. Rows have the columns of
    ``registry.Candidate``; open ones that are overdue come first, then as in ``registry.candidates``.
    """
    columns = (_units.sn, _units.state, _units.added_at, _units.last_asked_at, _units.last_changed_at)
    until = times.ahead if times.is_first else datetime.max.replace(tzinfo=UTC)
    unasked = or_(_units.last_asked_at.is_(None), ~_units.last_asked_at.between(times.begun, until))
    wanted = select(*columns, _units.unknown_times).where(_units.account == account, unasked)
    since = func.coalesce(_units.last_asked_at, _units.added_at)
    if counted:
        old = case((_units.state == "finished", since <= times.finished), else_=since <= times.overdue)
        uncounted = or_(_units.order_code.is_(None), ~among(conn, _units.order_code, counted))
        wanted = wanted.where(or_(uncounted, old, _units.last_asked_at > times.ahead))
    overdue = and_(_units.state.not_in(("unknown", "finished")), _units.last_asked_at <= times.overdue)
    place = case({"unknown": 2, "finished": 3}, value=_units.state, else_=1)
    rank = case((overdue, -1), (_units.last_asked_at.is_(None), 0), else_=place)
    return iter(conn.execute(wanted.order_by(rank, since, _units.sn), execution_options={"yield_per": 2000}))


def record(conn: Connection, account: str, counts: Sequence[Count]) -> None:
    """Store pass counts; the same ones again change nothing."""
    rows = [(account, *count) for count in counts]
    writer.upsert(conn, station_pass_count, ("account", *Count._fields), rows)


def told_between(conn: Connection, account: str, since: datetime, until: datetime) -> list[Count]:
    """The newest count of each (work order, node) that was asked between these times.

    One that was stored as asked later was asked while a clock was wrong.
    """
    wanted = select(*[_counts[name] for name in Count._fields]).where(
        _counts.account == account, _counts.checked_at.between(since, until)
    )
    rows = conn.execute(wanted.order_by(_counts.order_code, _counts.node, _counts.checked_at))
    return list({(row.order_code, row.node): Count._make(row) for row in rows}.values())


def newest_before(conn: Connection, account: str, before: datetime) -> list[Count]:
    """The newest count of each (work order, node) that was asked before then."""
    at = func.max(_counts.checked_at, type_=_counts.checked_at.type).label("at")
    newest = (
        select(_counts.order_code, _counts.node, at)
        .where(_counts.account == account, _counts.checked_at < before)
        .group_by(_counts.order_code, _counts.node)
        .subquery()
    )
    wanted = select(*[_counts[name] for name in Count._fields]).join(
        newest,
        and_(
            newest.c.order_code == _counts.order_code,
            newest.c.node == _counts.node,
            newest.c.at == _counts.checked_at,
        ),
    )
    return [Count._make(row) for row in conn.execute(wanted.where(_counts.account == account))]


def settle(conn: Connection, account: str, counts: Iterable[Count]) -> None:
    """Store what the warehouse counted beside them."""
    for count in counts:
        conn.execute(
            update(station_pass_count)
            .where(
                _counts.account == account,
                _counts.order_code == count.order_code,
                _counts.node == count.node,
                _counts.checked_at == count.checked_at,
            )
            .values(warehouse_count=count.warehouse_count)
        )


def trust(conn: Connection, account: str) -> Trust:
    """Whether counts may be relied upon; an account that has no row has not proved anything."""
    columns = [ops_count_trust.c[name] for name in Trust._fields]
    row = conn.execute(select(*columns).where(ops_count_trust.c.account == account)).one_or_none()
    return Trust._make(row) if row else Trust()


def set_trust(conn: Connection, account: str, now: Trust) -> None:
    """Store whether counts may be relied upon."""
    conn.execute(upsert(conn, ops_count_trust, ("account",), now._asdict()).values(account=account, **now._asdict()))
