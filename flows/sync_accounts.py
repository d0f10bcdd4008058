"""Read the list of authorized accounts: those of third-party systems that may log in to Tuya."""

from typing import Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, RunKey
from tasks.access import publish_account_changes, read_account_list
from tasks.run.flow import RunRed, flow
from tasks.run.run import final_state, running


@flow(name="sync_accounts", flow_run_name="accounts {account}")
async def sync_accounts(account: AccountName = None, run_key: RunKey = None) -> State[Any]:
    """Reads the list of authorized accounts to its end and marks those that are no longer in it.

    nightly_sync does this too if the account's settings say SYNC_ACCOUNTS=true. The run is red if the list could not be
    read to its end; no account is then declared vanished.
    """
    async with running("sync_accounts", account, run_key, {}) as run:
        listed = await read_account_list(run.run)
        await publish_account_changes(run, listed)
        if listed.amiss:
            raise RunRed(listed.amiss)
    return final_state(run)
