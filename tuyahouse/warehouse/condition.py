"""How a warehouse is doing, without changing it: may it be written to, and how old are its tokens."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, select

from tuyahouse.warehouse.tables import ops_lock, ops_token

if TYPE_CHECKING:
    from tuyahouse.warehouse.warehouse import Warehouse


class TokenState(NamedTuple):
    """A stored token without anything secret; ``expires_at`` is by Tuya's clock."""

    kind: str
    generation: int
    changed_at: datetime | None
    expires_at: datetime | None
    refreshed_at: datetime | None


class _Back(Exception):
    """Rolls a trial back."""


def require_writable(warehouse: "Warehouse") -> None:
    """Write a row and roll it back.

    Raises:
        WarehouseError: it cannot be written to, with the reason.
    """
    moment = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
    trial = {"name": f"trial {uuid4().hex}", "holder": "doctor", "process": "doctor"}
    try:
        with warehouse.begin() as conn:
            conn.execute(ops_lock.insert().values(acquired_at=moment, expires_at=moment, **trial))
            raise _Back
    except _Back:
        pass


def token_states(conn: Connection, account: str) -> list[TokenState]:
    """The stored tokens of an account, by kind."""
    columns = [ops_token.c[name] for name in TokenState._fields]
    wanted = select(*columns).where(ops_token.c.account == account, ops_token.c.token.is_not(None))
    return [TokenState(*row) for row in conn.execute(wanted.order_by(ops_token.c.kind))]
