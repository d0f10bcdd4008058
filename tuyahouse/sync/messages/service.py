"""Consumes the messages of an account: until caught up, or as a service that never ends by itself."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext, suppress
from typing import TextIO

from tuyahouse.memory import rare_collections
from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.reading import MessageReader
from tuyahouse.messages.sources.backoff import Backoff
from tuyahouse.messages.sources.build import build_source
from tuyahouse.messages.sources.source import MessageSource
from tuyahouse.monitoring.server import serve
from tuyahouse.settings import Account
from tuyahouse.signals import stop_on_signals
from tuyahouse.sync.messages.consumer import Limits, MessageConsumer, Progress
from tuyahouse.sync.messages.gaps import gap_in_words
from tuyahouse.sync.messages.land import Landing
from tuyahouse.sync.messages.metrics import ConsumerMetrics
from tuyahouse.times import utc_now
from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.warehouse import Warehouse

QUIET_SECONDS = 5.0
"""Seconds without a message, while connected, after which a consumer has caught up."""


def drain(
    account: Account,
    warehouse: Warehouse,
    *,
    max_seconds: float | None = None,
    max_messages: int | None = None,
    quiet_seconds: float = QUIET_SECONDS,
    stopping: Callable[[], bool] = lambda: False,
    observe: Callable[[Progress], None] = lambda progress: None,
    source: MessageSource | None = None,
) -> Progress:
    """Consume until caught up, or until a limit is reached.

    Raises:
        SourceError: the endpoint cannot be used; says what that may mean and what to check.
        MessageKeyError: the access secret cannot be a message key.
    """
    reader = MessageReader(account.client_secret.get_secret_value())
    with closing(source or build_source(account)) as opened, rare_collections():
        opened.open()
        consumer = _consumer(account, warehouse, opened, reader, stopping, observe)
        return consumer.run(Limits(max_seconds, max_messages, quiet_seconds))


def consume(
    account: Account,
    open_warehouse: Callable[[], Warehouse],
    *,
    metrics_port: int | None = None,
    metrics_address: str = "127.0.0.1",
    out: TextIO = sys.stderr,
    source: MessageSource | None = None,
) -> Progress:
    """Consume until SIGTERM or SIGINT; the batch under way is committed and acknowledged before the return.

    Neither a lost connection nor a database that is away ends it, nor keeps it from starting. Call it from the main
    thread.

    Raises:
        MessageKeyError: the access secret cannot be a message key.
        WarehouseError: the warehouse cannot be used, and waiting will not help.
    """
    reader = MessageReader(account.client_secret.get_secret_value())
    watch = ConsumerMetrics(account.name)
    status = StatusLine(out, watch)
    with ExitStack() as stack:
        stopping = stack.enter_context(stop_on_signals())
        stack.enter_context(rare_collections())
        port = stack.enter_context(
            serve(watch, metrics_port, metrics_address) if metrics_port is not None else nullcontext()
        )
        opened = stack.enter_context(closing(source or build_source(account)))
        for line in introduction(account, port):
            status.say(line)
        warehouse = _opened(open_warehouse, stopping, status)
        if warehouse is None:
            return Progress()
        stack.enter_context(closing(warehouse))
        with suppress(SourceError):  # the status line reports it, and the loop tries again for ever
            opened.open()

        def observe(progress: Progress) -> None:
            watch.observe(progress)
            status.show(progress)

        progress = _consumer(account, warehouse, opened, reader, stopping.is_set, observe).run()
    status.say(f"Stopped. {summary(progress)}")
    return progress


def _opened(
    open_warehouse: Callable[[], Warehouse], stopping: threading.Event, status: "StatusLine"
) -> Warehouse | None:
    """The warehouse as soon as it can be opened; None if the consumer must stop before."""
    backoff = Backoff(at_most=15.0)
    while not stopping.is_set():
        try:
            return open_warehouse()
        except WarehouseAway as error:
            status.say(str(error))
            stopping.wait(backoff.next())
    return None


def introduction(account: Account, port: int | None) -> list[str]:
    """The lines an operator reads when a consumer starts."""
    lines = [
        f"Reading the messages of account {account.name} ({account.messages_environment}) at {account.message_url} "
        f"with the subscription {account.subscription} ({account.messages_subscription_type}).",
        "Any other consumer with this subscription takes messages away from this one: on a laptop, set "
        "MESSAGES_SUBSCRIPTION to a name of its own.",
    ]
    return lines if port is None else [*lines, f"Metrics at port {port}: /metrics and /health."]


def summary(progress: Progress) -> str:
    """The counts of a consumer in one line."""
    landed = progress.landed
    parts = [f"{landed.received:,} messages read, {landed.stored:,} stored"]
    if landed.known:
        parts.append(f"{landed.known:,} known already")
    if landed.unknown:
        parts.append(f"{landed.unknown:,} of unknown formats")
    if landed.dead:
        parts.append(f"{landed.dead:,} dead letters")
    if progress.reconnects:
        parts.append(f"{progress.reconnects} reconnects, {progress.outage_seconds:.0f} s away")
    return ", ".join(parts) + "."


class StatusLine:
    """Shows the state of a consumer: one line that is rewritten in a terminal, elsewhere a line a minute."""

    def __init__(self, out: TextIO, watch: ConsumerMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._watch = watch
        self._clock = clock
        self._terminal = out.isatty()
        self._every = 1.0 if self._terminal else 60.0
        self._shown_at: float | None = None
        self._trouble = ""
        self._gaps = 0

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._write(f"\r\x1b[K{line}\n" if self._terminal else f"{line}\n")

    def show(self, progress: Progress) -> None:
        """Print the status if it is due; a problem or a gap at once."""
        if progress.trouble != self._trouble:
            self._trouble = progress.trouble
            self.say(progress.trouble or "The problem is over.")
        for gap in progress.gaps[self._gaps :]:
            self.say(gap_in_words(gap))
        self._gaps = len(progress.gaps)
        now = self._clock()
        if self._shown_at is None or now - self._shown_at >= self._every:
            self._shown_at = now
            self._status(f"{summary(progress)} {self._watch.rate:,.0f}/s, {_lag(progress)}")

    def _status(self, line: str) -> None:
        self._write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the output is closed; messages are still stored
            self._out.write(text)
            self._out.flush()


def _lag(progress: Progress) -> str:
    if not progress.connected:
        return "not connected."
    if not progress.caught_up:
        return f"{progress.lag_seconds(utc_now()):,.0f} s behind."
    return "caught up." if progress.landed.received else "no message yet."


def _consumer(
    account: Account,
    warehouse: Warehouse,
    source: MessageSource,
    reader: MessageReader,
    stopping: Callable[[], bool],
    observe: Callable[[Progress], None],
) -> MessageConsumer:
    landing = Landing(warehouse, account.name, source.name, reader)
    return MessageConsumer(
        warehouse,
        account.name,
        source,
        landing,
        retention=account.messages_retention,
        stopping=stopping,
        observe=observe,
    )
