"""The units of work orders: how many there are, how far they came, which wait where.

Every query of one work order goes through the indexes on ``order_code``; none reads the steps of other orders.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Row, Text, and_, bindparam, case, distinct, func, or_, select, true

from tuyahouse.warehouse.database.dialect import among, is_later, not_among, of_account
from tuyahouse.warehouse.tables import craft_line, craft_line_node, flow_step, serial_number

_units, _steps, _nodes = serial_number.c, flow_step.c, craft_line_node.c


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


def orders(conn: Connection, account: str) -> list[OrderUnits]:
    """Every work order of the registry, by name."""
    open_ = _units.state != "finished"
    units = (
        select(
            _units.order_code,
            func.count().label("units"),
            func.count(case((open_, 1))).label("waiting"),
            func.count(case((_units.state.in_(("open", "finished")), 1))).label("shown"),
            func.max(_units.last_changed_at, type_=_units.last_changed_at.type).label("changed_at"),
            func.max(case((open_, _units.last_asked_at)), type_=_units.last_asked_at.type).label("asked_at"),
        )
        .where(_units.account == account, _units.order_code.is_not(None))
        .group_by(_units.order_code)
        .subquery("units")
        .c
    )
    line = and_(craft_line.c.account == account, craft_line.c.order_code == units.order_code)
    columns = (units.order_code, craft_line.c.type, craft_line.c.order_code.is_not(None), *list(units)[1:])
    wanted = select(*columns).outerjoin(craft_line, line).order_by(units.order_code)
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
    wanted = _with_places(conn.dialect.name, account, order, failures).where(_units.state != "finished")
    return [Unit._make(row) for row in conn.execute(wanted)]


def first_in_turn(
    conn: Connection,
    account: str,
    order: str,
    most: Mapping[int | None, int | None],
    begun: datetime,
    quiet: timedelta,
    share: float | None,
    *,
    failures: bool,
) -> list[Unit]:
    """Of :func:`waiting_units` not asked since ``begun``, the first in turn of each place.

    ``most`` says how many by place; None: all. Where that is more than ``share`` of those at a place, they are all
    given. Those come last that stood still for longer than ``quiet`` when they were asked.
    """
    wanted = _first_in_turn(conn.dialect.name, tuple(most), quiet, share, failures)
    sizes = {f"size_{number}": size for number, size in enumerate(most.values())}
    rows = conn.execute(wanted, {"of_account": account, "of_order": order, "begun": begun, **sizes})
    return [Unit._make(row) for row in rows]


@lru_cache(maxsize=64)
def _first_in_turn(
    dialect: str, places: tuple[int | None, ...], quiet: timedelta, share: float | None, failures: bool
) -> Any:
    """The statement, built once for all orders of a craft line: building costs more than running it."""
    account, order = bindparam("of_account", type_=Text), bindparam("of_order", type_=Text)
    begun = bindparam("begun", type_=_units.last_asked_at.type)
    unasked = or_(_units.last_asked_at.is_(None), _units.last_asked_at < begun)
    waiting = _with_places(dialect, account, order, failures).where(_units.state != "finished")
    unit = waiting.where(unasked).order_by(None).subquery("waiting").c
    by_name = unit.sn.collate("C") if dialect == "postgresql" else unit.sn
    still = case((is_later(dialect, unit.last_asked_at, unit.newest_at, quiet), 1), else_=0)
    turn = func.row_number().over(partition_by=unit.place, order_by=(still, unit.newest_at.nulls_first(), by_name))
    many = func.count().over(partition_by=unit.place)
    at = [unit.place.is_(None) if place is None else unit.place == place for place in places]
    sizes = [bindparam(f"size_{number}", type_=Integer) for number in range(len(places))]
    limit = case(*zip(at, sizes, strict=True), else_=0)
    queued = select(*unit, turn.label("turn"), many.label("many"), limit.label("most")).subquery().c
    chosen = [queued.turn <= queued.most, queued.most.is_(None)]
    if share is not None:
        chosen.append(and_(queued.most > 0, queued.most > queued.many * share))
    return select(*[queued[name] for name in Unit._fields]).where(or_(*chosen)).order_by(queued.sn)


def finished_units(conn: Connection, account: str, order: str) -> list[Unit]:
    """The units registered for the order that are finished, with the times of their newest steps; by name."""
    wanted = _with_places(conn.dialect.name, account, order, False).where(_units.state == "finished")
    return [Unit._make(row) for row in conn.execute(wanted)]


def _with_places(dialect: str, account: Any, order: Any, failures: bool) -> Any:
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
        .where(*_of_order(dialect, _steps, account, order), _steps.gone_at.is_(None))
        .group_by(_steps.sn)
        .subquery()
    )
    columns = [_units[name] for name in Unit._fields[:-2]]
    wanted = select(*columns, places.c.place, places.c.newest_at)
    return (
        wanted.select_from(serial_number)
        .outerjoin(places, places.c.sn == _units.sn)
        .where(*_of_order(dialect, _units, account, order))
        .order_by(_units.sn)
    )


def _of_order(dialect: str, table: Any, account: Any, order: Any) -> tuple[Any, Any]:
    """The conditions on rows of a work order; they are looked up by its index."""
    return of_account(dialect, table.account, account), table.order_code == order


def passed(
    conn: Connection, account: str, order: str, until: Mapping[str, tuple[datetime, datetime]], *, failures: bool
) -> dict[str, tuple[int, int]]:
    """Node → how many units the warehouse knows to have passed it by each of its two times."""
    if not until:
        return {}
    values: dict[str, Any] = {"of_account": account, "of_order": order}
    for number, (node, (low, high)) in enumerate(until.items()):
        values |= {f"node_{number}": node, f"low_{number}": low, f"high_{number}": high}
    rows = conn.execute(_passed(conn.dialect.name, len(until), failures), values)
    found = {node: (int(low), int(high)) for node, low, high in rows}
    return {node: found.get(node, (0, 0)) for node in until}


@lru_cache(maxsize=64)
def _passed(dialect: str, nodes: int, failures: bool) -> Any:
    """The statement for so many nodes, built once."""

    def by(name: str) -> Any:
        at = [bindparam(f"{name}_{number}", type_=_steps.happened_at.type) for number in range(nodes)]
        of = [bindparam(f"node_{number}", type_=Text) for number in range(nodes)]
        return or_(*[and_(_steps.node == node, _steps.happened_at <= time) for node, time in zip(of, at, strict=True)])

    account, order = bindparam("of_account", type_=Text), bindparam("of_order", type_=Text)
    counted = true() if failures else _steps.status.is_(True)
    return (
        select(_steps.node, func.count(distinct(case((by("low"), _steps.sn)))), func.count(distinct(_steps.sn)))
        .where(*_of_order(dialect, _steps, account, order), _steps.gone_at.is_(None), counted, by("high"))
        .group_by(_steps.node)
    )


def nodes_passed(conn: Connection, account: str, order: str, nodes: Sequence[str]) -> set[str]:
    """Those of the nodes that a unit passed in the order."""
    if not nodes:
        return set()
    of_order = _of_order(conn.dialect.name, _steps, account, order)
    passes = *of_order, _steps.gone_at.is_(None), _steps.status.is_(True)
    wanted = select(_steps.node).where(*passes, among(conn, _steps.node, nodes)).distinct()
    return set(conn.execute(wanted).scalars())


def feeders(conn: Connection, account: str, order: str) -> list[str]:
    """Work orders in which units of this one were made before."""
    units = select(_steps.sn).where(*_of_order(conn.dialect.name, _steps, account, order)).distinct().limit(50)
    wanted = select(_steps.order_code).distinct().where(_steps.account == account, _steps.sn.in_(units))
    return sorted(code for code in conn.execute(wanted).scalars() if code and code != order)


def unasked_since(conn: Connection, account: str, codes: Sequence[str], since: datetime) -> int:
    """Units of these work orders, not finished, that were not asked since then."""
    late = or_(_units.last_asked_at.is_(None), _units.last_asked_at < since)
    mine = of_account(conn.dialect.name, _units.account, account)
    wanted = select(func.count()).where(mine, among(conn, _units.order_code, codes))
    return int(conn.execute(wanted.where(_units.state != "finished", late)).scalar_one())


class Times(NamedTuple):
    """Until when a unit of an order that counts decide about must have been asked to be left alone."""

    overdue: datetime
    finished: datetime
    ahead: datetime
    """An asking later than this is not believed."""
    begun: datetime
    """When the run began."""
    asked_until: datetime
    """What was asked between that and this was asked by the run itself, and is left out."""

    def was_asked(self, at: datetime | None) -> bool:
        """Whether the run asked a unit itself that was last asked then."""
        return at is not None and self.begun <= at <= self.asked_until


def timed(conn: Connection, account: str, times: Times, counted: Sequence[str]) -> Iterator[Row[Any]]:
    """Units that the run has not asked and whose time may have come, streamed in the order in which a budget is spent.

    Of the work orders ``counted`` only those that ``times`` do not leave alone. Rows have the columns of
    ``registry.Candidate``; open ones that are overdue come first, then as in ``registry.candidates``.
    """
    columns = (_units.sn, _units.state, _units.added_at, _units.last_asked_at, _units.last_changed_at)
    unasked = or_(_units.last_asked_at.is_(None), ~_units.last_asked_at.between(times.begun, times.asked_until))
    wanted = select(*columns, _units.unknown_times).where(_units.account == account, unasked)
    since = func.coalesce(_units.last_asked_at, _units.added_at)
    if counted:
        old = case((_units.state == "finished", since <= times.finished), else_=since <= times.overdue)
        uncounted = or_(_units.order_code.is_(None), not_among(conn, _units.order_code, counted))
        wanted = wanted.where(or_(old, _units.last_asked_at > times.ahead, uncounted))
    overdue = and_(_units.state.not_in(("unknown", "finished")), _units.last_asked_at <= times.overdue)
    place = case({"unknown": 2, "finished": 3}, value=_units.state, else_=1)
    rank = case((overdue, -1), (_units.last_asked_at.is_(None), 0), else_=place)
    return iter(conn.execute(wanted.order_by(rank, since, _units.sn), execution_options={"yield_per": 2000}))
