"""The health of every account, from the warehouse alone. Makes no call to Tuya."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from tuyahouse.settings import Account
from tuyahouse.times import utc_now
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.ledgers import dead_letters, newest_runs
from tuyahouse.warehouse.messages import gaps, ledger
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared import slots
from tuyahouse.warehouse.warehouse import Warehouse

KEPT_SECONDS = 15.0
"""How long one reading serves all scrapes, so that several cost the database no more than one."""

Labels = tuple[str, ...]
Sample = tuple[Labels, float]

METRICS: Mapping[str, tuple[str, Labels]] = {
    "run_success_timestamp_seconds": ("End of the newest run that did all it was to do", ("account", "flow")),
    "run_started_timestamp_seconds": ("Start of the newest run", ("account", "flow")),
    "run_status": ("1 for the status of the newest run", ("account", "flow", "status")),
    "run_calls": ("Calls of the newest run", ("account", "flow")),
    "serial_numbers": ("Registered serial numbers by state", ("account", "state")),
    "serial_number_oldest_open_timestamp_seconds": (
        "When the open serial number that was asked longest ago was asked",
        ("account",),
    ),
    "dead_letters_open": ("Dead letters that are neither resolved nor dismissed", ("account", "kind", "reason")),
    "calls_this_month": ("Calls paid for since the first of the month, UTC", ("account",)),
    "calls_left_this_month": ("Calls left of MONTHLY_CALLS; only where it is set", ("account",)),
    "message_gaps_open": ("Times in which messages may be lost that no full read has closed", ("account",)),
    "messages_read_until_timestamp_seconds": ("Until when the message stream was read", ("account",)),
}
"""The metrics of each account, without the prefix ``tuyahouse_``: help text and labels."""


class WarehouseHealth:
    """Reads the warehouse when it is scraped, at most once in ``KEPT_SECONDS``. Safe for any thread."""

    def __init__(
        self,
        accounts: Iterable[Account],
        open_warehouse: Callable[[], Warehouse],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = list(accounts)
        self._open_warehouse = open_warehouse
        self._clock = clock
        self._lock = threading.Lock()
        self._warehouse: Warehouse | None = None
        self._read_at = float("-inf")
        self._samples: dict[str, list[Sample]] = {}
        self._problem = ""

    def close(self) -> None:
        """Close the warehouse."""
        with self._lock:
            if self._warehouse is not None:
                self._warehouse.close()
                self._warehouse = None

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the warehouse can be read. The state of runs is for alerts on metrics, not for this probe."""
        _, problem = self._now()
        return not problem, {"ok": not problem, "problem": problem}

    def collect(self) -> Iterator[Metric]:
        """The metrics; if the warehouse cannot be read, only ``tuyahouse_warehouse_up``, as 0."""
        samples, problem = self._now()
        up = GaugeMetricFamily("tuyahouse_warehouse_up", "1: the warehouse can be read")
        up.add_metric((), 0 if problem else 1)
        yield up
        for name, found in samples.items():
            text, labels = METRICS[name]
            family = GaugeMetricFamily(f"tuyahouse_{name}", text, labels=labels)
            for values, value in found:
                family.add_metric(values, value)
            yield family

    def _now(self) -> tuple[dict[str, list[Sample]], str]:
        with self._lock:
            if self._clock() - self._read_at >= KEPT_SECONDS:
                self._read()
                self._read_at = self._clock()
            return self._samples, self._problem

    def _read(self) -> None:
        self._samples, self._problem = {}, ""
        try:
            if self._warehouse is None:
                self._warehouse = self._open_warehouse()
            with self._warehouse.read() as conn:
                samples: dict[str, list[Sample]] = {name: [] for name in METRICS}
                for account in self._accounts:
                    for name, labels, value in _of_account(conn, account, utc_now()):
                        samples[name].append(((account.name, *labels), value))
            self._samples = samples
        except WarehouseError as error:
            self._problem = str(error)


def _of_account(conn: Connection, account: Account, now: datetime) -> Iterator[tuple[str, Labels, float]]:
    """(metric, labels after the account, value)."""
    for run in newest_runs.by_flow(conn, account.name):
        yield "run_started_timestamp_seconds", (run.flow,), run.started_at.timestamp()
        yield "run_status", (run.flow, run.status), 1
        yield "run_calls", (run.flow,), run.calls
        if run.success_at is not None:
            yield "run_success_timestamp_seconds", (run.flow,), run.success_at.timestamp()
    for state, count in sorted(registry.counts(conn, account.name).items()):
        yield "serial_numbers", (state,), count
    if (oldest := registry.oldest_open(conn, account.name)) is not None:
        yield "serial_number_oldest_open_timestamp_seconds", (), oldest.timestamp()
    for _, kind, reason, still_open, *_ in dead_letters.counts(conn, account.name):
        yield "dead_letters_open", (kind, reason), still_open
    used = slots.calls_since(conn, account.name, now.date().replace(day=1))
    yield "calls_this_month", (), used
    if account.monthly_calls is not None:
        yield "calls_left_this_month", (), max(account.monthly_calls - used, 0)
    yield "message_gaps_open", (), len(gaps.open_gaps(conn, account.name))
    if (until := ledger.read_until(conn, account.name)) is not None:
        yield "messages_read_until_timestamp_seconds", (), until.timestamp()
