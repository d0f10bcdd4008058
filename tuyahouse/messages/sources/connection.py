"""The state of one connection: whether it is up, its outages, and when to try again."""

import logging
import time
from collections.abc import Callable

from tuyahouse.messages.sources.backoff import Backoff
from tuyahouse.messages.sources.source import Outage

log = logging.getLogger(__name__)


class ConnectionLog:
    """The state of one connection. ``since`` is the time it was lost, None while it is up."""

    def __init__(self, clock: Callable[[], float] = time.time, backoff: Backoff | None = None) -> None:
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._outages: list[Outage] = []
        self._was_up = False
        self._next_try = 0.0
        self.since: float | None = None
        self.problem = ""

    @property
    def connected(self) -> bool:
        return self._was_up and self.since is None

    @property
    def outage_seconds(self) -> float:
        return 0.0 if self.since is None else self._clock() - self.since

    def up(self) -> None:
        """The connection is up, for the first time or again."""
        if self.since is not None and self._was_up:
            self._outages.append(Outage(self.since, self._clock()))
        self._was_up, self.since, self.problem = True, None, ""
        self._backoff.reset()

    def down(self, problem: str) -> None:
        """The connection was lost, or is still lost."""
        if self.since is None:
            self.since = self._clock()
        self.problem = problem

    def failed(self, problem: str) -> None:
        """An attempt to connect failed; the next one is due after the backoff."""
        self.down(problem)
        self._next_try = self._clock() + self._backoff.next()

    def wait_seconds(self) -> float:
        """Seconds until the next attempt is due."""
        return max(0.0, self._next_try - self._clock())

    def take_outages(self) -> list[Outage]:
        taken, self._outages = self._outages, []
        return taken


class NoticesLog(ConnectionLog):
    """The state of the connection for backlog notices. They are optional: a problem is logged and stops nothing."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock, Backoff(at_most=900))

    def failed(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("Messages are read, backlog notices are not. %s", problem)
        super().failed(problem)
