"""Tasks for messages: consume until caught up, and read dead messages again."""

import asyncio
import threading
from datetime import UTC, datetime

from prefect import task

from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tuyahouse.sync.messages.redrive import redrive_messages
from tuyahouse.sync.messages.run import Drained, drain_run
from tuyahouse.warehouse.ledgers.runs import Run


@task(persist_result=False, task_run_name="drain")
async def drain_account(run: Run, max_seconds: int, max_messages: int | None) -> Drained:
    """Read, land and acknowledge messages. If cancelled, it ends after the batch under way."""
    resources = open_resources(run.account)
    cancelled = threading.Event()
    try:
        return await asyncio.to_thread(
            drain_run,
            resources.account,
            resources.warehouse,
            run,
            max_seconds=max_seconds,
            max_messages=max_messages,
            stopping=cancelled.is_set,
        )
    finally:
        cancelled.set()


@retried_task("messages")
async def redrive_dead_messages(account: str) -> list[str]:
    """Read dead messages again from storage, without a call; returns notes for the operator."""
    resources = open_resources(account)
    done = await asyncio.to_thread(redrive_messages, resources.warehouse, resources.account, datetime.now(UTC))
    return [f"{done.landed:,} of {done.tried:,} dead messages could be used now."] if done.tried else []
