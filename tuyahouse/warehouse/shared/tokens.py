"""The one live token of each account and kind, sealed; replaced by one process at a time (see tuyahouse.stores).

On PostgreSQL a row lock is held while the caller fetches a new token; if the holder is killed, the lock is released at
once. On SQLite an open transaction would block all other writers, so a lease is used; it ends by time or with its
process.
"""

import hashlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Row, Select, select, text, update

from tuyahouse.stores import Token
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import insert
from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.shared.processes import is_dead, this_process
from tuyahouse.warehouse.shared.sealing import Seal
from tuyahouse.warehouse.tables import ops_token

log = logging.getLogger(__name__)

WAIT_SECONDS = 120.0
"""How long one process waits for another that is replacing the token."""

LEASE = timedelta(seconds=60)


class Slot:
    """The place of one token while it is held exclusively."""

    def __init__(self, current: Token | None) -> None:
        self.current = current
        self.replaced = False

    def replace(self, token: Token) -> None:
        self.current = token
        self.replaced = True


class TokenState(NamedTuple):
    """A stored token without its secret parts; ``expires_at`` is by Tuya's clock."""

    kind: str
    generation: int
    changed_at: datetime | None
    expires_at: datetime | None
    refreshed_at: datetime | None


class WarehouseTokens(ABC):
    """A :class:`tuyahouse.stores.TokenStore` in ``ops_token``."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def read(self, account: str, kind: str) -> Token | None:
        """The stored token; None if there is none or if it was sealed with another key."""
        with self._database.read() as conn:
            return self._token(conn.execute(_row_of(account, kind)).one_or_none())

    @abstractmethod
    def exclusive(self, account: str, kind: str) -> AbstractContextManager[Slot]:
        """Hold the place of the token. A replacement is committed at the end, unless the section raises.

        Raises:
            WarehouseAway: another process holds it for too long.
        """

    def _token(self, row: Row[Any] | None) -> Token | None:
        if row is None or row.token is None:
            return None
        access = self._seal.open(row.token)
        refresh = self._seal.open(row.refresh_token) if row.refresh_token else ""
        if access is None or refresh is None:
            return None
        refreshed = row.refreshed_at.timestamp() if row.refreshed_at else None
        return Token(access, refresh, row.expires_at.timestamp(), refreshed, row.generation)

    def _columns(self, token: Token) -> dict[str, Any]:
        return {
            "token": self._seal.close(token.access),
            "refresh_token": self._seal.close(token.refresh) if token.refresh else None,
            "fingerprint": hashlib.sha256(token.access.encode()).hexdigest()[:12],
            "expires_at": datetime.fromtimestamp(token.expires_at, UTC),
            "refreshed_at": datetime.fromtimestamp(token.refreshed_at, UTC) if token.refreshed_at else None,
            "generation": token.generation,
            "changed_at": datetime.now(UTC),
        }


class LockedTokens(WarehouseTokens):
    """By row lock, on PostgreSQL."""

    @contextmanager
    def exclusive(self, account: str, kind: str) -> Iterator[Slot]:
        # The longest pause frees the lock of a holder that is stopped, or whose machine vanished without closing its
        # connection, before others have waited in vain.
        with self._database.begin(LEASE) as conn:
            conn.execute(text(f"SET LOCAL lock_timeout = '{int(WAIT_SECONDS)}s'"))
            _make_row(conn, account, kind)
            slot = Slot(self._token(conn.execute(_row_of(account, kind).with_for_update()).one()))
            yield slot
            if slot.replaced and slot.current:
                conn.execute(_change(account, kind).values(self._columns(slot.current)))


class LeasedTokens(WarehouseTokens):
    """By lease, on SQLite."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(database, seal)
        self._now = now
        self._sleep = sleep

    @contextmanager
    def exclusive(self, account: str, kind: str) -> Iterator[Slot]:
        holder = f"{this_process()}#{uuid4().hex[:8]}"
        slot = self._wait(account, kind, holder)
        try:
            yield slot
        except BaseException:
            self._end(account, kind, holder, None)
            raise
        self._end(account, kind, holder, slot.current if slot.replaced else None)

    def _wait(self, account: str, kind: str, holder: str) -> Slot:
        give_up = self._now() + WAIT_SECONDS
        while (slot := self._take(account, kind, holder)) is None:
            if self._now() > give_up:
                raise WarehouseAway(
                    f"Another process has been replacing the {kind} token of {account} for more than "
                    f"{WAIT_SECONDS:.0f} seconds. See which runs are under way, then try again."
                )
            self._sleep(0.05)
        return slot

    def _take(self, account: str, kind: str, holder: str) -> Slot | None:
        now = datetime.fromtimestamp(self._now(), UTC)
        with self._database.read() as conn:
            if _is_held(conn.execute(_row_of(account, kind)).one_or_none(), now):
                return None
        with self._database.begin() as conn:
            _make_row(conn, account, kind)
            row = conn.execute(_row_of(account, kind)).one()
            if _is_held(row, now):
                return None
            conn.execute(_change(account, kind).values(lease_holder=holder, lease_until=now + LEASE))
            return Slot(self._token(row))

    def _end(self, account: str, kind: str, holder: str, token: Token | None) -> None:
        """End the lease and store the new token, unless the lease has passed to another process."""
        columns = self._columns(token) if token else {}
        mine = _change(account, kind).where(ops_token.c.lease_holder == holder)
        with self._database.begin() as conn:
            ended = conn.execute(mine.values(lease_holder=None, lease_until=None, **columns)).rowcount == 0
        if ended:
            log.warning(
                "Replacing the %s token of %s took so long that another process replaced it; that token is kept.",
                kind,
                account,
            )


def token_states(conn: Connection, account: str) -> list[TokenState]:
    """The stored tokens of an account, by kind."""
    columns = [ops_token.c[name] for name in TokenState._fields]
    wanted = select(*columns).where(ops_token.c.account == account, ops_token.c.token.is_not(None))
    return [TokenState(*row) for row in conn.execute(wanted.order_by(ops_token.c.kind))]


def _row_of(account: str, kind: str) -> Select[Any]:
    return select(ops_token).where(ops_token.c.account == account, ops_token.c.kind == kind)


def _change(account: str, kind: str) -> Any:
    return update(ops_token).where(ops_token.c.account == account, ops_token.c.kind == kind)


def _make_row(conn: Connection, account: str, kind: str) -> None:
    conn.execute(insert(conn, ops_token).values(account=account, kind=kind).on_conflict_do_nothing())


def _is_held(row: Row[Any] | None, now: datetime) -> bool:
    if row is None or row.lease_holder is None or row.lease_until <= now:
        return False
    return not is_dead(row.lease_holder.partition("#")[0])
