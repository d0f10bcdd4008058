"""Where an operator starts the flows that write: settings that reach a sandbox, and what it holds afterwards."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tests.flows.nights import environment_of
from tests.flows.operator import Operator
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.tables import ops_write
from tuyahouse.warehouse.warehouse import Warehouse

DEMO = "TUYAHOUSE_ACCOUNTS__DEMO__"


@dataclass
class Desk:
    """One account with the right to write, its sandbox and its warehouse."""

    sandbox: Sandbox
    warehouse: Warehouse
    operator: Operator
    env: dict[str, str]

    def start(self, name: str, changes: dict[str, str] | None = None, **parameters: Any) -> tuple[int, str]:
        """Run a flow; its exit code and what it printed."""
        return self.operator.run(name, self.env | (changes or {}), **parameters)

    def write(self, name: str, **parameters: Any) -> str:
        """Run a flow that is to write, to a green end; what it printed."""
        code, printed = self.start(name, dry_run=False, **parameters)
        assert code == 0, printed
        return printed

    @property
    def held(self) -> Any:
        """What the sandbox holds."""
        return self.sandbox.control("access")

    def calls(self, call: str) -> int:
        """How often a call was made since the sandbox began."""
        return int(self.sandbox.control("stats")["endpoints"].get(call, 0))

    def audit(self, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of ``ops_write``, in the order of asking."""
        chosen = [ops_write.c[name] for name in columns]
        with self.warehouse.read() as conn:
            return [tuple(row) for row in conn.execute(select(*chosen).order_by(ops_write.c.asked_at))]

    def rows(self, table: Any, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of a table, in the order of its key."""
        chosen = [table.c[name] for name in columns]
        with self.warehouse.read() as conn:
            return [tuple(row) for row in conn.execute(select(*chosen).order_by(*table.primary_key.columns))]


def settings_for(sandbox: Sandbox, warehouse_url: str, secret_key: str, token_dir: str) -> dict[str, str]:
    """Settings of an account that may write, unpaced."""
    own = {
        f"{DEMO}ALLOW_WRITES": "true",
        f"{DEMO}APP_SCHEMA": "sandboxapp",
        "TUYAHOUSE_TOKEN_DIR": token_dir,
    }
    return environment_of(sandbox, warehouse_url, secret_key, **own)


def told(printed: str, outcome: str) -> int:
    """How many writes a run printed as ended so."""
    return sum(line.startswith(f"- {outcome}: ") for line in printed.splitlines())
