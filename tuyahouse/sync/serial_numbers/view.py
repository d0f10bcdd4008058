"""What one stage of a run knows of the account's work orders. It is read from the warehouse alone, as it is needed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import DEFINITIONS, NIGHTS, Compared, Definition
from tuyahouse.sync.serial_numbers.progress import Progress, progress_of
from tuyahouse.times import CLOCKS_DIFFER
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers import order_units, pass_counts
from tuyahouse.warehouse.serial_numbers.order_units import OrderUnits
from tuyahouse.warehouse.serial_numbers.pass_counts import Count, Trust


def proved(trust: Trust) -> Definition | None:
    """What the counts of an account mean, once they agreed often enough to be used; None: they are not used."""
    is_proved = trust.agreed >= NIGHTS and not trust.refused_at
    return DEFINITIONS.get(trust.definition or "") if is_proved else None


@dataclass(slots=True)
class View:
    """A stage's knowledge; what costs to read is read once, when it is first needed."""

    conn: Connection
    account: str
    now: datetime
    begun: datetime
    progress: Progress
    trust: Trust
    told: dict[str, list[Count]]
    """Work order → the counts that this run was told."""
    _orders: list[OrderUnits] | None = None
    _doubtful: set[str] | None = None
    _compared: dict[tuple[str, str], dict[str, Compared]] = field(default_factory=dict)

    @property
    def trusted(self) -> Definition | None:
        """What the counts mean, if this run may use them."""
        return None if self.progress.fallen else proved(self.trust)

    @property
    def orders(self) -> list[OrderUnits]:
        """Every work order of the registry, by name."""
        if self._orders is None:
            self._orders = order_units.orders(self.conn, self.account)
        return self._orders

    @property
    def doubtful(self) -> set[str]:
        """Orders under way whose newest counts were not explained when they were judged, and are not by now."""
        if self._doubtful is None:
            self._doubtful = self._find_doubtful(self.trusted) if self.trusted else set()
        return self._doubtful

    def compared(self, code: str, definition: Definition) -> dict[str, Compared]:
        """Node → the count that this run was told of the order, beside what the warehouse counts."""
        if (code, definition.name) not in self._compared:
            counts = self.told.get(code, ())
            self._compared[code, definition.name] = self._compare(code, counts, definition)
        return self._compared[code, definition.name]

    def after_counting(self, conn: Connection) -> "View":
        """The same, once more counts were stored."""
        told = told_since(conn, self.account, self.begun, self.now)
        return View(
            conn, self.account, self.now, self.begun, self.progress, self.trust, told, self._orders, self._doubtful
        )

    def _find_doubtful(self, meant: Definition) -> set[str]:
        unexplained: dict[str, list[Count]] = {}
        for one in pass_counts.newest_before(self.conn, self.account, self.begun):
            if one.warehouse_count is not None and one.tuya_count > one.warehouse_count:
                unexplained.setdefault(one.order_code, []).append(one)
        if not unexplained:
            return set()
        codes = [one.order_code for one in self.orders if one.waiting and one.order_code in unexplained]
        return {code for code in codes if _is_ahead(self._compare(code, unexplained[code], meant).values())}

    def _compare(self, code: str, counts: Sequence[Count], definition: Definition) -> dict[str, Compared]:
        return counting.compared(self.conn, self.account, code, counts, definition)


def _is_ahead(compared: Iterable[Compared]) -> bool:
    return any(one.tuya > one.high for one in compared)


def view(conn: Connection, account: str, run: runs.Run, now: datetime) -> View:
    """What a stage of the run knows."""
    return view_at(conn, account, now, runs.started_at(conn, run.run_id), progress_of(conn, run.run_id))


def view_at(conn: Connection, account: str, now: datetime, begun: datetime, progress: Progress) -> View:
    """The same of a run that began then and is that far."""
    trust, told = pass_counts.trust(conn, account), told_since(conn, account, begun, now)
    return View(conn, account, now, begun, progress, trust, told)


def told_since(conn: Connection, account: str, begun: datetime, now: datetime) -> dict[str, list[Count]]:
    """Work order → the newest count of each node that was asked since the run began."""
    told: dict[str, list[Count]] = {}
    for count in pass_counts.told_between(conn, account, begun, now + CLOCKS_DIFFER):
        told.setdefault(count.order_code, []).append(count)
    return told
