"""The newest run of each flow, and when the flow last succeeded."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from tuyahouse.warehouse.tables import ops_run


@dataclass(frozen=True, slots=True)
class NewestRun:
    """``success_at`` is the end of the flow's newest balanced run, which may be an earlier one; None: there is none."""

    flow: str
    status: str
    started_at: datetime
    calls: int
    success_at: datetime | None


def by_flow(conn: Connection, account: str) -> list[NewestRun]:
    """The newest run of each flow of the account, by the flow's name."""
    run = ops_run.c
    mine = run.account == account
    ends = select(run.flow, func.max(run.ended_at, type_=run.ended_at.type)).where(mine, run.status == "balanced")
    success = {row[0]: row[1] for row in conn.execute(ends.group_by(run.flow))}
    place = func.row_number().over(partition_by=run.flow, order_by=(run.started_at.desc(), run.run_id)).label("place")
    ranked = select(run.flow, run.status, run.started_at, run.calls, place).where(mine).subquery()
    newest = select(ranked).where(ranked.c.place == 1).order_by(ranked.c.flow)
    return [
        NewestRun(row.flow, row.status, row.started_at, row.calls, success.get(row.flow))
        for row in conn.execute(newest)
    ]
