"""The progress of a running consumer as metrics, and whether it is healthy."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tuyahouse.sync.messages.consumer import Progress
from tuyahouse.times import utc_now

STUCK_SECONDS = 120.0
"""A consumer whose loop has not turned for this long is unhealthy."""

_PREFIX = "tuyahouse_messages"


class ConsumerMetrics:
    """The newest progress of one consumer, as metrics and as a verdict on its health."""

    def __init__(self, account: str, clock: Callable[[], float] = time.time) -> None:
        self._account = account
        self._clock = clock
        self._progress = Progress()
        self._seen_at = self._rated_at = clock()
        self._rated = 0
        self._rate = 0.0

    def observe(self, progress: Progress) -> None:
        """To be called by the consumer after every turn of its loop."""
        now = self._seen_at = self._clock()
        self._progress = progress
        if now - self._rated_at >= 1.0:
            self._rate = (progress.landed.received - self._rated) / (now - self._rated_at)
            self._rated_at, self._rated = now, progress.landed.received

    @property
    def rate(self) -> float:
        """Messages a second, over the last second or more."""
        return self._rate

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the consumer is healthy, and its state as JSON values."""
        progress, silent = self._progress, self._clock() - self._seen_at
        problem = progress.problem
        if silent > STUCK_SECONDS:
            problem = f"The consumer has not moved for {silent:.0f} seconds."
        elif not progress.connected and not problem:
            problem = "There is no connection to the message endpoint yet."
        details = {
            "account": self._account,
            "connected": progress.connected,
            "lag_seconds": round(progress.lag_seconds(utc_now()), 1),
            "messages": progress.landed.received,
            "dead_letters": progress.landed.dead,
        }
        return not problem, {"ok": not problem, "problem": problem, **details}

    def collect(self) -> Iterable[Metric]:
        progress, landed = self._progress, self._progress.landed
        counts = {
            "stored": landed.stored - landed.dead - landed.unknown,
            "unknown": landed.unknown,
            "dead": landed.dead,
            "known": landed.known,
        }
        received = CounterMetricFamily(_PREFIX, "Messages by what became of them", labels=("account", "outcome"))
        for outcome, count in counts.items():
            received.add_metric([self._account, outcome], count)
        yield received
        yield self._one(CounterMetricFamily, "reconnects", "Connections lost and restored", progress.reconnects)
        yield self._one(CounterMetricFamily, "dead_letters", "Messages that became dead letters", landed.dead)
        yield self._one(CounterMetricFamily, "gaps", "Times in which messages may be lost", len(progress.gaps))
        yield self._one(GaugeMetricFamily, "connected", "1: connected", int(progress.connected))
        yield self._one(GaugeMetricFamily, "rate", "Messages a second", self._rate)
        lag = progress.lag_seconds(utc_now())
        yield self._one(GaugeMetricFamily, "lag_seconds", "Age of the newest message read; 0: caught up", lag)
        if progress.last_message_at is not None:
            newest = progress.last_message_at.timestamp()
            yield self._one(GaugeMetricFamily, "last_message_timestamp_seconds", "Newest message published at", newest)

    def _one(self, kind: type[Any], name: str, text: str, value: float) -> Metric:
        family: Metric = kind(f"{_PREFIX}_{name}", text, labels=("account",))
        family.add_metric([self._account], value)  # type: ignore[attr-defined]
        return family
