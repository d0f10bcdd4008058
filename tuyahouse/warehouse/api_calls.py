"""Reading the ledger of calls; it is written by :mod:`tuyahouse.warehouse.shared.slots`."""

from datetime import date

from sqlalchemy import Connection, func, select

from tuyahouse.warehouse.tables import ops_api_calls


def calls_since(conn: Connection, account: str, day: date) -> int:
    """Calls paid for since that day (UTC), that day included."""
    total = func.coalesce(func.sum(ops_api_calls.c.calls), 0)
    wanted = select(total).where(ops_api_calls.c.account == account, ops_api_calls.c.day >= day)
    return int(conn.execute(wanted).scalar_one())


def calls_by_endpoint(conn: Connection, account: str, day: date) -> list[tuple[str, int, int, int]]:
    """(endpoint, calls, failures, throttled) since that day, the most used first."""
    counts = [func.sum(ops_api_calls.c[name]) for name in ("calls", "failures", "throttled")]
    wanted = (
        select(ops_api_calls.c.endpoint, *counts)
        .where(ops_api_calls.c.account == account, ops_api_calls.c.day >= day)
        .group_by(ops_api_calls.c.endpoint)
        .order_by(counts[0].desc(), ops_api_calls.c.endpoint)
    )
    return [(endpoint, int(a), int(b), int(c)) for endpoint, a, b, c in conn.execute(wanted)]
