"""When there is a connection and when there is not: times without one, and when to try again."""

import logging
import time
from collections.abc import Callable

from tuyahouse.messages.sources.backoff import Backoff
from tuyahouse.messages.sources.source import Away

log = logging.getLogger(__name__)


class ConnectionLog:
    """Keeps account of one connection. ``since`` is the time it was lost, None while it stands."""

    def __init__(self, clock: Callable[[], float] = time.time, backoff: Backoff | None = None) -> None:
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._aways: list[Away] = []
        self._was_up = False
        self._next_try = 0.0
        self.since: float | None = None
        self.problem = ""

    @property
    def connected(self) -> bool:
        return self._was_up and self.since is None

    @property
    def away_seconds(self) -> float:
        return 0.0 if self.since is None else self._clock() - self.since

    def up(self) -> None:
        """It stands (again)."""
        if self.since is not None and self._was_up:
            self._aways.append(Away(self.since, self._clock()))
        self._was_up, self.since, self.problem = True, None, ""
        self._backoff.reset()

    def down(self, problem: str) -> None:
        """It was lost, or is still lost."""
        if self.since is None:
            self.since = self._clock()
        self.problem = problem

    def failed(self, problem: str) -> None:
        """A try to make it failed; the next one is due later."""
        self.down(problem)
        self._next_try = self._clock() + self._backoff.next()

    def wait_seconds(self) -> float:
        """How long until the next try is due."""
        return max(0.0, self._next_try - self._clock())

    def take_aways(self) -> list[Away]:
        taken, self._aways = self._aways, []
        return taken


class NoticesLog(ConnectionLog):
    """That of the backlog notices: good to have, and no reason to stop. A problem is logged when it is a new one."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock, Backoff(at_most=900))

    def failed(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("Messages are read, but no backlog notices. %s", problem)
        super().failed(problem)
