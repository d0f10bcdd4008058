"""Follow every command until it has ended: ask for open records, compare what API and messages report."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Described, Limit, Now, RunKey, SomeOf
from tasks.commands import ask_commands, decide_commands, plan_commands, publish_verdicts
from tasks.run.flow import flow
from tasks.run.run import final_state, running

CommandSns = Annotated[
    list[str] | None,
    SomeOf("all that are due"),
    Described("Ask only for these record numbers, due or not; they are followed from now on"),
]


@flow(name="reconcile_commands", flow_run_name="commands {account}")
async def reconcile_commands(
    account: AccountName = None,
    run_key: RunKey = None,
    command_sns: CommandSns = None,
    limit: Limit = None,
    now: Now = None,
) -> State[Any]:
    """Asks for the open command records that are due, and decides every command.

    The verdict is matched, api_ahead, message_ahead, conflict, stuck or unknown. Numbers are learnt from messages,
    files (`tuyahouse commands add`) and the parameter. Deciding costs no call and happens even without a budget left.
    """
    asked_for = {"command_sns": command_sns, "limit": limit}
    async with running("reconcile_commands", account, run_key, asked_for, keys=("command_sns",), now=now) as run:
        run.plan(await plan_commands(run.run, command_sns, limit))
        try:
            await run.each_chunk(ask_commands)
        finally:
            await decide_commands(run.run)
        await publish_verdicts(run)
    return final_state(run)
