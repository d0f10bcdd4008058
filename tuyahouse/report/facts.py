"""What the report tells: frames of marts and summaries, all of one moment."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tuyahouse.frames import frame_of
from tuyahouse.settings import Account
from tuyahouse.warehouse import reading
from tuyahouse.warehouse.marts.summaries import SUMMARIES
from tuyahouse.warehouse.shared import slots
from tuyahouse.warehouse.snapshot import Snapshot, snapshot
from tuyahouse.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas

DAYS_READ = 60
"""Days of ``mart_day_summary`` and ``mart_control``."""

_WHOLE = ("mart_freshness", "mart_order", "mart_line_yield", "mart_pareto", "mart_device_fleet", "work_order")
_BY_DAY = ("mart_day_summary", "mart_control")


@dataclass(frozen=True)
class Facts:
    """Frames by the name of their mart or summary; times are in the zone of the factory.

    ``as_of`` is null where no refresh has been made.
    """

    account: str
    zone: ZoneInfo
    settings: dict[str, str]
    as_of: datetime | None
    calls: int
    monthly_calls: int | None
    has_pms: bool
    frames: "dict[str, pandas.DataFrame]"

    def __getitem__(self, name: str) -> "pandas.DataFrame":
        return self.frames[name]

    def only(self, name: str) -> dict[str, Any]:
        """The one row of a frame; empty where it has none."""
        frame = self.frames[name]
        return dict(frame.iloc[0]) if len(frame) else {}

    @property
    def today(self) -> date | None:
        """The factory day of ``as_of``."""
        days = self.frames["mart_day_summary"]
        return days.iloc[-1].factory_day.date() if len(days) else None


def gather(warehouse: Warehouse, account: Account) -> Facts:
    """Read everything in one read-only transaction; an account of which nothing is there gives empty frames."""
    zone = ZoneInfo(account.factory_time_zone)
    with snapshot(warehouse, account.name) as moment:
        (_, marts) = moment.rows(reading.query_of("ops_mart", where={"account": account.name}, columns=["as_of"]))
        as_of = _time(marts[0][0]) if marts else None
        frames = _read(moment, account.name, zone, as_of)
        month = (as_of or datetime.now(UTC)).date().replace(day=1)
        calls = slots.calls_since(moment.conn, account.name, month)
    in_force = {
        "FACTORY_TIME_ZONE": account.factory_time_zone,
        "FACTORY_SHIFTS": account.factory_shifts,
        "FALSE_MEANS": account.false_means,
        "STUCK_AFTER": f"{account.stuck_after // timedelta(hours=1)} h",
    }
    return Facts(account.name, zone, in_force, as_of, calls, account.monthly_calls, account.has_pms, frames)


def _read(moment: Snapshot, account: str, zone: ZoneInfo, as_of: datetime | None) -> "dict[str, pandas.DataFrame]":
    queries = {name: reading.query_of(name, where={"account": account}) for name in _WHOLE}
    since = as_of.date() - timedelta(days=DAYS_READ) if as_of else None
    queries |= {name: reading.query_of(name, where={"account": account}, since=since) for name in _BY_DAY}
    found = {name: moment.rows(query) for name, query in queries.items()}
    found |= {name: moment.summary(name) for name in SUMMARIES}
    return {name: frame_of(fields, rows, zone.key) for name, (fields, rows) in found.items()}


def _time(value: Any) -> datetime:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
