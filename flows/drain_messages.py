"""Read the messages that wait in Tuya's stream and land them."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from pydantic import Field

from flows.parameters import AccountName, Described, RunKey
from tasks.messages import drain_account
from tasks.run.flow import flow
from tasks.run.run import final_state, running

MaxSeconds = Annotated[
    int, Field(ge=1, le=86_400), Described("End after this many seconds (1 to 86,400), caught up or not")
]
MaxMessages = Annotated[int | None, Field(ge=1), Described("End after this many messages; empty: when caught up")]


@flow(name="drain_messages", flow_run_name="messages {account}")
async def drain_messages(
    account: AccountName = None, max_seconds: MaxSeconds = 600, max_messages: MaxMessages = None, run_key: RunKey = None
) -> State[Any]:
    """Reads the account's messages until it has caught up, and reports gaps in which messages may have been lost.

    Each batch is committed before it is acknowledged. Tuya deletes what is not read for two hours: run this every few
    minutes, or `tuyahouse consume` as a service.
    """
    asked_for = {"max_seconds": max_seconds, "max_messages": max_messages}
    async with running("drain_messages", account, run_key, asked_for) as run:
        drained = await drain_account(run.run, max_seconds, max_messages)
        run.notes += drained.notes
    return final_state(run)
