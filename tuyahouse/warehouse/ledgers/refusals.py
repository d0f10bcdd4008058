"""Starts that were refused before their run began, as rows of ``ops_run``."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import insert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.ledgers.runs import run_id_of
from tuyahouse.warehouse.tables import ops_run


def record_refusal(
    database: Database, account: str, flow: str, run_key: str, parameters: Mapping[str, Any], why: str
) -> None:
    """Record a refused start as a failed run; a run of the same key that is under way or balanced is left unchanged.

    ``parameters`` are stored and must hold no secrets.
    """
    now = datetime.now(UTC)
    ended = {"status": "failed", "note": clean_text(SECRETS.text(why)), "ended_at": now}
    named = {"account": account, "flow": flow, "run_key": run_key, "run_id": run_id_of(account, flow, run_key)}
    with database.begin() as conn:
        new = insert(conn, ops_run).values(**named, **ended, parameters=dict(parameters), started_at=now)
        unsettled = ops_run.c.status.not_in(("running", "balanced"))
        conn.execute(
            new.on_conflict_do_update(index_elements=["account", "flow", "run_key"], set_=ended, where=unsettled)
        )
