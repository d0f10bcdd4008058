"""The consumer's loop: receive, land in one transaction, acknowledge; wait out outages and record gaps.

Nothing is acknowledged before it is committed. The loop ends on a stop request, at its limits, or when it has caught
up; never because of a message, a lost connection or a database that is away.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tuyahouse.memory import return_freed_memory
from tuyahouse.messages.sources.backoff import Backoff
from tuyahouse.messages.sources.source import MessageSource, Received
from tuyahouse.sync.messages.gaps import gap_after_absence
from tuyahouse.sync.messages.land import Landed, Landing
from tuyahouse.times import utc_now
from tuyahouse.warehouse.errors import SchemaError, WarehouseError
from tuyahouse.warehouse.messages import ledger
from tuyahouse.warehouse.messages.gaps import Gap, record_gap
from tuyahouse.warehouse.warehouse import Warehouse

T = TypeVar("T")

BATCH = 4_000
BATCHES_A_TRIM = 10
"""Batches between two returns of freed memory to the system. A return takes milliseconds and keeps memory flat."""
HEARTBEAT_SECONDS = 10.0
MANY_UNUSABLE = 20
NONE_USABLE = (
    f"None of the newest {MANY_UNUSABLE} messages or more could be used. Is CLIENT_SECRET still the access secret of "
    "the cloud project? The messages are kept: once it is right, the flow redrive_dead_letters reads them again."
)
_POLL_SECONDS = 1.0
_LONGEST_WAIT = 15.0


@dataclass(slots=True)
class Progress:
    """What a consumer has done since its start, and its state now."""

    landed: Landed = field(default_factory=Landed)
    reconnects: int = 0
    outage_seconds: float = 0.0
    gaps: list[Gap] = field(default_factory=list)
    last_message_at: datetime | None = None
    last_batch_at: datetime | None = None
    caught_up: bool = False
    connected: bool = False
    problem: str = ""
    unusable: int = 0
    """Dead messages since the last one that could be used."""

    @property
    def trouble(self) -> str:
        """The current problem in words; empty if there is none."""
        return self.problem or (NONE_USABLE if self.unusable >= MANY_UNUSABLE else "")

    def lag_seconds(self, now: datetime) -> float:
        """Age of the newest message read, by its time of publication; 0 if nothing is left to read."""
        if self.caught_up or self.last_message_at is None:
            return 0.0
        return max(0.0, (now - self.last_message_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end; None means never. After ``quiet_seconds`` without a message while connected it has caught up."""

    seconds: float | None = None
    messages: int | None = None
    quiet_seconds: float | None = None


class MessageConsumer:
    """Reads one source into a warehouse. :meth:`run` is called once, by one thread."""

    def __init__(
        self,
        warehouse: Warehouse,
        account: str,
        source: MessageSource,
        landing: Landing,
        *,
        retention: timedelta,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        stopping: Callable[[], bool] = lambda: False,
        observe: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._warehouse = warehouse
        self._account = account
        self._source = source
        self._landing = landing
        self._retention = retention
        self._now = now
        self._sleep = sleep
        self._stopping = stopping
        self._observe = observe
        self._returned = True
        self._heartbeat_at: datetime | None = None
        self._reconnects_to_note = 0
        self._until: datetime | None = None
        self._batches = 0
        self.progress = Progress()

    def run(self, limits: Limits = Limits()) -> Progress:
        """Consume until a stop request or a limit. The source must be open; it is not closed here.

        Raises:
            SchemaError: the warehouse is of another version.
        """
        quiet_since = self._now()
        self._until = None if limits.seconds is None else quiet_since + timedelta(seconds=limits.seconds)
        progress = self.progress
        while not self._must_end() and not _reached(limits, progress, quiet_since, self._now()):
            messages = self._source.receive(_batch_size(limits, progress), _POLL_SECONDS)
            self._note_connection()
            if messages:
                progress.caught_up = False
                self._take(messages)
                quiet_since = self._now()
            elif self._source.connected:
                progress.caught_up = True
                self._heartbeat()
            else:
                quiet_since = self._now()
                progress.caught_up = False
            self._observe(progress)
        return progress

    def _must_end(self) -> bool:
        return self._stopping() or (self._until is not None and self._now() >= self._until)

    def _take(self, messages: list[Received]) -> None:
        """Land and acknowledge; neither, if the consumer must end while the database is away."""
        landed = self._retried_while_away(lambda: self._landed(messages))
        if landed is None:
            return
        self._source.acknowledge([message.message_id for message in messages])
        progress = self.progress
        progress.landed += landed
        progress.unusable = progress.unusable + landed.dead if landed.dead == landed.stored else 0
        progress.last_batch_at = self._heartbeat_at = self._now()
        self._batches += 1
        if self._batches % BATCHES_A_TRIM == 0:
            return_freed_memory()
        published = [message.published_at for message in messages if message.published_at is not None]
        progress.last_message_at = max(published, default=progress.last_message_at)

    def _landed(self, messages: list[Received]) -> Landed:
        self._note_return()
        landed = self._landing.land(messages, reconnects=self._reconnects_to_note)
        self._reconnects_to_note = 0
        return landed

    def _heartbeat(self) -> None:
        """Record every few seconds that the stream is read up to now: nothing waits to be read."""
        now = self._now()
        due = self._heartbeat_at is None or (now - self._heartbeat_at).total_seconds() >= HEARTBEAT_SECONDS
        if not due and not self._returned:
            return
        if self._retried_while_away(self._write_heartbeat) is not None:
            self._heartbeat_at = now

    def _write_heartbeat(self) -> bool:
        self._note_return()
        now = self._now()
        with self._warehouse.begin() as conn:
            ledger.advance(conn, self._account, self._source.name, now, now=now, reconnects=self._reconnects_to_note)
        self._reconnects_to_note = 0
        return True

    def _note_return(self) -> None:
        """After a start or an outage, record a gap if it lasted longer than Tuya keeps messages."""
        if not self._returned:
            return
        with self._warehouse.begin() as conn:
            until = ledger.read_until(conn, self._account)
            gap = gap_after_absence(until, self._now(), self._retention)
            if gap is not None:
                record_gap(conn, self._account, gap)
        if gap is not None:
            self.progress.gaps = [known for known in self.progress.gaps if known.gap_from != gap.gap_from] + [gap]
        self._returned = False

    def _retried_while_away(self, act: Callable[[], T]) -> T | None:
        """The result of ``act``, which is retried while the database is away; None if the consumer must end before."""
        backoff = Backoff(at_most=_LONGEST_WAIT)
        while True:
            try:
                done = act()
            except SchemaError:
                raise
            except WarehouseError as error:
                self._returned = True
                self.progress.problem = str(error)
                self._observe(self.progress)
                if self._wait(backoff.next()):
                    return None
            else:
                self.progress.problem = self._source.problem
                return done

    def _wait(self, seconds: float) -> bool:
        """Sleep in short steps; returns whether the consumer must end."""
        while seconds > 0:
            if self._must_end():
                return True
            nap = min(seconds, 0.5)
            self._sleep(nap)
            seconds -= nap
        return self._must_end()

    def _note_connection(self) -> None:
        progress = self.progress
        for away in self._source.take_outages():
            progress.reconnects += 1
            progress.outage_seconds += away.seconds
            self._reconnects_to_note += 1
            self._returned = True
        progress.connected = self._source.connected
        progress.problem = self._source.problem


def _batch_size(limits: Limits, progress: Progress) -> int:
    return BATCH if limits.messages is None else min(BATCH, limits.messages - progress.landed.received)


def _reached(limits: Limits, progress: Progress, quiet_since: datetime, now: datetime) -> bool:
    if limits.messages is not None and progress.landed.received >= limits.messages:
        return True
    return limits.quiet_seconds is not None and (now - quiet_since).total_seconds() >= limits.quiet_seconds
