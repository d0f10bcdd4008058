"""One live token for an account, shared by all its calls, processes and machines (docs/tuya.md, "Tokens").

A token is replaced only if it is still the one that failed; a second caller finds the new one. Within a process one
caller replaces it while the others wait; across processes the store's lock lets one do so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol

import stamina

from tuyahouse.cloud.auth.exclusive import held
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.errors import ConfigurationWrong, PassingFault, Throttled, UnusableAnswer, prefix
from tuyahouse.stores import Token, TokenSlot, TokenStore

__all__ = ["Grant", "MemoryTokenStore", "Token", "TokenKeeper", "TokenSlot", "TokenStore", "Tokens"]

GRANT_SECONDS = 50.0
"""Time limit of one replacement, retries included; below the 60 seconds of a lease (warehouse/shared/tokens.py)."""

LAST_SECOND = 1.0
"""A token with little time left is not used in its last second."""

OTHER_SHAPE = (
    "Every call needs this token, so the run stops. Check {}BASE_URL (or REGION), and whether something answers in "
    "Tuya's place; else report it with the trace id."
)


class Tokens(Protocol):
    """Where a call gets its token from; ``grants`` counts the tokens that this process requested from Tuya."""

    grants: int

    async def current(self) -> Token: ...

    async def replace(self, failed: Token) -> Token: ...


class MemoryTokenStore:
    """Tokens of this process alone: for a check of the settings, and for tests."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], Token] = {}
        self._locks: dict[tuple[str, str], Lock] = {}

    def read(self, account: str, kind: str) -> Token | None:
        return self._tokens.get((account, kind))

    @contextmanager
    def exclusive(self, account: str, kind: str) -> Generator[TokenSlot, None, None]:
        key = (account, kind)
        with self._locks.setdefault(key, Lock()):
            yield _MemorySlot(self._tokens, key)


@dataclass
class _MemorySlot:
    tokens: dict[tuple[str, str], Token]
    key: tuple[str, str]

    @property
    def current(self) -> Token | None:
        return self.tokens.get(self.key)

    def replace(self, token: Token) -> None:
        self.tokens[self.key] = token


Grant = Callable[[Token | None], Awaitable[Token]]
"""Obtains a new token, given the previous one."""


class TokenKeeper:
    """Provides the live token of one account and kind, and replaces it when it expires or is refused.

    Args:
        account: name of the account.
        kind: ``platform`` or ``pms``.
        store: shared by all processes.
        grant: requests a token from Tuya; called with the lock held, retried as a whole on passing faults.
        clock: Tuya's time.
        early: seconds before its expiry at which a token is replaced.
        attempts: how often a grant is tried.
    """

    def __init__(
        self,
        account: str,
        kind: str,
        store: TokenStore,
        grant: Grant,
        *,
        clock: ServerClock,
        early: float = 60.0,
        attempts: int = 3,
    ) -> None:
        self._account = account
        self._kind = kind
        self._store = store
        self._grant = grant
        self._clock = clock
        self._early = early
        self._attempts = attempts
        self.grants = 0
        self._token: Token | None = None
        self._usable_until = 0.0
        self._flight: asyncio.Task[Token] | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=f"token-{kind}")

    async def current(self) -> Token:
        """The live token; returned without waiting while it is valid."""
        if self._token is not None and self._clock.now() < self._usable_until:
            return self._token
        return await self._join(None)

    async def replace(self, failed: Token) -> Token:
        """A token other than ``failed``, which Tuya refused; its refusal counts more than the expiry date."""
        if self._token is not None and self._token.access != failed.access:
            return await self.current()
        joined = self._flight is not None and not self._flight.done()
        token = await self._join(failed)
        if joined and token.access == failed.access:  # that replacement began before the refusal was known
            token = await self._join(failed)
        return token

    async def renew(self, grant: Grant) -> Token:
        """A new token by ``grant`` in place of the stored one, even if that is still valid.

        Processes with the old token find the new one in the store when Tuya refuses theirs, as after any replacement.
        If the grant fails, the stored token stays.
        """
        async with held(lambda: self._store.exclusive(self._account, self._kind), self._threads) as slot:
            return await self._replaced(slot, grant)

    async def aclose(self) -> None:
        """Stop replacing; a lock that is held or waited for is released."""
        if self._flight and not self._flight.done():
            self._flight.cancel()
            await asyncio.wait([self._flight])
        self._threads.shutdown(wait=False)

    async def _join(self, failed: Token | None) -> Token:
        """Wait for the replacement under way, or start one; its error is raised to every waiter."""
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._replace(failed))
            self._flight.add_done_callback(_retrieve)
        return await asyncio.shield(self._flight)

    async def _replace(self, failed: Token | None) -> Token:
        stored = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._store.read, self._account, self._kind
        )
        if stored and self._alive(stored, failed):
            return self._adopt(stored)
        async with held(lambda: self._store.exclusive(self._account, self._kind), self._threads) as slot:
            now_stored = slot.current
            if now_stored and self._alive(now_stored, failed):
                return self._adopt(now_stored)
            return await self._replaced(slot, self._grant)

    async def _replaced(self, slot: TokenSlot, grant: Grant) -> Token:
        """Obtain a new token and store it; the caller holds the slot."""
        before = slot.current
        token = await self._granted(grant, before)
        token = replace(token, generation=(before.generation if before else 0) + 1)
        self.grants += 1
        slot.replace(token)  # no await from here on: once granted, it is stored
        return self._adopt(token)

    async def _granted(self, grant: Grant, before: Token | None) -> Token:
        """The granted token, within :data:`GRANT_SECONDS`: the stores end a lock that is held for much longer."""
        try:
            async with asyncio.timeout(GRANT_SECONDS):
                async for attempt in stamina.retry_context(
                    on=(PassingFault, Throttled, UnusableAnswer),
                    attempts=self._attempts,
                    timeout=None,
                    wait_initial=0.2,
                    wait_max=5.0,
                ):
                    with attempt:
                        return await grant(before)
        except UnusableAnswer as error:
            raise ConfigurationWrong(
                error.what, tid=error.tid, endpoint=error.endpoint, remedy=OTHER_SHAPE.format(prefix(self._account))
            ) from None
        except TimeoutError:
            raise PassingFault(
                f"No {self._kind} token of {self._account} could be obtained in {GRANT_SECONDS:.0f} seconds"
            ) from None
        raise AssertionError("unreachable")

    def _alive(self, token: Token, failed: Token | None) -> bool:
        if failed is not None and token.access == failed.access:
            return False
        return self._clock.now() < token.expires_at - self._early

    def _adopt(self, token: Token) -> Token:
        """Use it until ``early`` seconds before it expires, or until it expires if it had less time from the start."""
        early_end = token.expires_at - self._early
        now = self._clock.now()
        self._usable_until = early_end if early_end > now else max(token.expires_at, now + 2) - LAST_SECOND
        self._token = token
        return token


def _retrieve(flight: "asyncio.Task[Token]") -> None:
    """Prevent asyncio's warning about an error that no waiter is left to receive."""
    if not flight.cancelled():
        flight.exception()
