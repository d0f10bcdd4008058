"""A line in the log when calls have to be retried, so that a run that waits says what it waits for."""

import logging
import time
from collections.abc import Callable

from tuyahouse.cloud.errors import TuyaError

log = logging.getLogger(__name__)

QUIET_SECONDS = 30.0
"""Seconds between two notices: a busy Tuya makes thousands of retries."""


class RetryNotice:
    """Says why a call is retried, once in :data:`QUIET_SECONDS`."""

    def __init__(self, account: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._account = account
        self._clock = clock
        self._said_at = float("-inf")
        self._unsaid = 0

    def say(self, error: TuyaError) -> None:
        """Log the error of an attempt that will be retried."""
        if self._clock() - self._said_at < QUIET_SECONDS:
            self._unsaid += 1
            return
        others = f" So were {self._unsaid:,} others since the last notice." if self._unsaid else ""
        log.warning("A call of %s is retried: %s%s", self._account, error, others)
        self._said_at, self._unsaid = self._clock(), 0
