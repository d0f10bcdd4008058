"""What the last nights came to: how many serial numbers moved a night, and what finding them cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuyahouse.sync.given_keys import names_keys
from tuyahouse.sync.serial_numbers.progress import progress_in
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import runs

FLOW = "sync_sn_flows"
NIGHTS = 7
"""A week, because factories rest at its end."""
LATELY = timedelta(days=14)
BY_COUNTS = ("moved", "sampled")
"""Why serial numbers are asked that pass counts chose among those that wait."""


@dataclass(frozen=True, slots=True)
class Experience:
    """Means of the last nights; None where none of them tells."""

    nights: int = 0
    moved: float | None = None
    """Serial numbers a night that were known and whose answer changed."""
    asked: float | None = None
    """Serial numbers a night that pass counts chose, finished boards that may have gone on included."""
    share: float | None = None
    """How many of those that waited in the work orders counted were asked."""
    most: float | None = None
    """The same of the night that asked most of them."""


def of_last_nights(conn: Connection, account: str, before: datetime) -> Experience:
    """Out of the newest runs of what is due that began before then."""
    found = runs.newest_of(conn, account, FLOW, before - LATELY, before, limit=5 * NIGHTS)
    due = [run for run in found if run.planned and not names_keys(run.parameters, ("sns", "work_orders"))]
    return _means([run for run in due if run.outcome.answered][:NIGHTS])


def _means(nights: Sequence[runs.Summary]) -> Experience:
    moved, asked, shares, waited, chosen = list[int](), list[int](), list[float](), 0, 0
    for night in nights:
        progress = progress_in(night.parameters)
        reasons = progress.reasons
        if progress.strategy:
            moved.append(max(night.outcome.answered - night.outcome.unchanged - reasons.get("new", 0), 0))
        if progress.waited:
            by_counts = sum(reasons.get(reason, 0) for reason in BY_COUNTS)
            asked.append(by_counts + reasons.get("gone_on", 0))
            shares.append(by_counts / progress.waited)
            waited, chosen = waited + progress.waited, chosen + by_counts
    share = chosen / waited if waited else None
    return Experience(len(moved), _mean(moved), _mean(asked), share, max(shares, default=None))


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None
