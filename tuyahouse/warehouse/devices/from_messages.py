"""Applies what messages report about devices to the inventory: the newest statement wins, not the last to arrive.

Statements over whole tables, repeatable at any time. An event counts if it is newer than the newest complete sweep of
the device's project and than the device's row; so the inventory, read later, has the last word.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.tables import (
    command,
    command_observation,
    device,
    device_binding,
    device_event,
    device_presence,
    ops_device_list,
)

UNBOUND = ("unbound", "gateway_unbound")
BINDING_FACTS = ("project_id", "cid", "gateway_id", "device_name", "product_type", "product_id", "uid")


def apply_messages(conn: Connection, account: str, run_id: str) -> int:
    """Add devices first named by a message, end unbound ones, bring back those bound again, and set who is online.

    Returns the number of device rows written. Call :func:`tuyahouse.warehouse.devices.history.follow` afterwards.
    """
    return (
        _add_bound(conn, account, run_id)
        + _add_mentioned(conn, account, run_id, device_presence)
        + _add_mentioned(conn, account, run_id, device_event)
        + _add_commanded(conn, account, run_id)
        + _end_unbound(conn, account, run_id)
        + _bring_back(conn, account, run_id)
        + _set_online(conn, account, run_id)
    )


def _newest_binding() -> Any:
    """The newest binding event of each device; of two at the same time the unbinding."""
    binding = device_binding
    order = (binding.c.happened_at.desc(), case((binding.c.event.in_(UNBOUND), 0), else_=1), binding.c.event)
    place = func.row_number().over(partition_by=(binding.c.account, binding.c.device_id), order_by=order).label("place")
    ranked = select(binding, place).subquery("ranked")
    return select(ranked).where(ranked.c.place == 1).subquery("newest")


def _newest_presence() -> Any:
    """The newest presence of each device; of two at the same time the one that says online."""
    at = (
        select(func.max(device_presence.c.happened_at, type_=UtcTime))
        .where(device_presence.c.account == device.c.account, device_presence.c.device_id == device.c.device_id)
        .scalar_subquery()
    )
    newest = select(device.c.account, device.c.device_id, at.label("happened_at")).subquery("newest_at")
    return (
        select(
            newest.c.account,
            newest.c.device_id,
            newest.c.happened_at,
            (func.max(cast(device_presence.c.online, Integer)) == 1).label("online"),
        )
        .join(
            device_presence,
            and_(
                device_presence.c.account == newest.c.account,
                device_presence.c.device_id == newest.c.device_id,
                device_presence.c.happened_at == newest.c.happened_at,
            ),
        )
        .group_by(newest.c.account, newest.c.device_id, newest.c.happened_at)
        .subquery("newest")
    )


def _is_there(other: Any) -> ColumnElement[bool]:
    return exists().where(device.c.account == other.c.account, device.c.device_id == other.c.device_id)


def _since_sweep(happened_at: ColumnElement[Any]) -> ColumnElement[bool]:
    """Not older than the newest complete sweep of the device's project."""
    return ~exists().where(
        ops_device_list.c.account == device.c.account,
        ops_device_list.c.project_id == device.c.project_id,
        ops_device_list.c.swept_at >= happened_at,
    )


def _add_bound(conn: Connection, account: str, run_id: str) -> int:
    newest = _newest_binding()
    runs = (literal("message"), newest.c.happened_at, literal(run_id), literal(run_id))
    rows = select(newest.c.account, newest.c.device_id, *[newest.c[name] for name in BINDING_FACTS], *runs).where(
        newest.c.account == account, newest.c.event.not_in(UNBOUND), ~_is_there(newest)
    )
    columns = ("account", "device_id", *BINDING_FACTS, "source", "changed_at", "first_run", "last_run")
    return _insert(conn, columns, rows)


def _add_mentioned(conn: Connection, account: str, run_id: str, observations: Table) -> int:
    """Devices that a table of messages names and that have no row, dated by their first message."""
    named = _named_in(observations, account)
    rows_of_it = (observations.c.account == account, observations.c.device_id == named.c.device_id)
    first = select(func.min(observations.c.happened_at, type_=UtcTime)).where(*rows_of_it).scalar_subquery()
    rows = select(named.c.account, named.c.device_id, first).where(~_is_there(named), ~_is_unbound(named))
    return _insert_mentioned(conn, rows, run_id)


def _named_in(observations: Table, account: str) -> Any:
    """Every device that the table names, once: the key is walked from device to device.

    That costs one look-up a device, however many million rows it has.
    """
    row = observations.alias()
    lowest = select(func.min(row.c.device_id)).where(row.c.account == account)
    walked = select(lowest.scalar_subquery().label("device_id")).cte("walked", recursive=True, nesting=True)
    higher = lowest.where(row.c.device_id > walked.c.device_id).correlate(walked).scalar_subquery()
    walked = walked.union_all(select(higher).where(walked.c.device_id.is_not(None)))
    named = select(literal(account).label("account"), walked.c.device_id).where(walked.c.device_id.is_not(None))
    return named.subquery("named")


def _add_commanded(conn: Connection, account: str, run_id: str) -> int:
    """Devices that only the messages about their commands name."""
    sent = command
    first_observed = select(func.min(command_observation.c.happened_at, type_=UtcTime)).where(
        command_observation.c.account == sent.c.account, command_observation.c.command_sn == sent.c.command_sn
    )
    first = func.min(func.coalesce(first_observed.scalar_subquery(), sent.c.added_at), type_=UtcTime)
    rows = (
        select(sent.c.account, sent.c.device_id, first)
        .where(sent.c.account == account, sent.c.source == "message", sent.c.device_id.is_not(None))
        .where(~_is_there(sent), ~_is_unbound(sent))
        .group_by(sent.c.account, sent.c.device_id)
    )
    return _insert_mentioned(conn, rows, run_id)


def _is_unbound(other: Any) -> ColumnElement[bool]:
    """The newest binding event of the device is an unbinding: it is absent."""
    newest = _newest_binding()
    return exists().where(
        newest.c.account == other.c.account, newest.c.device_id == other.c.device_id, newest.c.event.in_(UNBOUND)
    )


def _insert_mentioned(conn: Connection, rows: Any, run_id: str) -> int:
    """``rows`` hold account, device and since when."""
    columns = ("account", "device_id", "changed_at", "source", "first_run", "last_run")
    return _insert(conn, columns, rows.add_columns(literal("message"), literal(run_id), literal(run_id)))


def _insert(conn: Connection, columns: tuple[str, ...], rows: Any) -> int:
    statement = insert(device).from_select(columns, rows).execution_options(preserve_rowcount=True)
    return conn.execute(statement).rowcount


def _end_unbound(conn: Connection, account: str, run_id: str) -> int:
    newest = _newest_binding()
    ended = update(device).where(
        *_same_device(newest, account),
        newest.c.event.in_(UNBOUND),
        device.c.vanished_at.is_(None),
        or_(device.c.changed_at.is_(None), newest.c.happened_at > device.c.changed_at),
        _since_sweep(newest.c.happened_at),
    )
    return conn.execute(ended.values(vanished_at=newest.c.happened_at, last_run=run_id)).rowcount


def _bring_back(conn: Connection, account: str, run_id: str) -> int:
    newest = _newest_binding()
    back = update(device).where(
        *_same_device(newest, account), newest.c.event.not_in(UNBOUND), newest.c.happened_at > device.c.vanished_at
    )
    return conn.execute(back.values(vanished_at=None, changed_at=newest.c.happened_at, last_run=run_id)).rowcount


def _set_online(conn: Connection, account: str, run_id: str) -> int:
    newest = _newest_presence()
    changed = update(device).where(
        *_same_device(newest, account),
        device.c.online.is_distinct_from(newest.c.online),
        or_(device.c.online_at.is_(None), newest.c.happened_at > device.c.online_at),
        _since_sweep(newest.c.happened_at),
    )
    values = {"online": newest.c.online, "online_at": newest.c.happened_at, "last_run": run_id}
    return conn.execute(changed.values(values)).rowcount


def _same_device(other: Any, account: str) -> tuple[ColumnElement[bool], ...]:
    return (
        device.c.account == account,
        other.c.account == device.c.account,
        other.c.device_id == device.c.device_id,
    )
