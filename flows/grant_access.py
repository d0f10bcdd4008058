"""Give an account of a third-party system access to Tuya."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from pydantic import Field

from flows.parameters import AccountName, CountryCode, Described, DryRun, Ids, RunKey
from tasks.access import conclude_writes, grant_to_account
from tasks.run.flow import RunRed, flow
from tasks.run.run import final_state, running
from tuyahouse.sync.access.grant import Grant

Username = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$"),
    Described("Account name of the third-party system", pattern=r"^\S(.*\S)?$"),
]
NickName = Annotated[str | None, Field(max_length=100), Described("Name that Tuya shows; empty: it stays as it is")]
ProjectId = Annotated[
    str | None, Field(max_length=64), Described("Project whose rooms the account may enter; empty: none are granted")
]
RoomIds = Annotated[
    Ids | None, Described("Rooms (spaces) of that project, as text: as a number, an id of 19 digits would be rounded")
]
Ticket = Annotated[
    bool,
    Described(
        "Get a ticket that logs the account in without a password. It is written to a file in TUYAHOUSE_TOKEN_DIR"
    ),
]


@flow(name="grant_access", flow_run_name="grant access {account}")
async def grant_access(
    account: AccountName = None,
    *,
    username: Username,
    run_key: RunKey = None,
    dry_run: DryRun = True,
    nick_name: NickName = None,
    country_code: CountryCode = "86",
    project_id: ProjectId = None,
    room_ids: RoomIds = None,
    ticket: Ticket = False,
) -> State[Any]:
    """Authorizes an account of a third-party system, lets it into rooms of a project, and gets it a ticket if wanted.

    Steps that are already done are skipped. By default it is a dry run, which says what it would do; writing also needs
    ALLOW_WRITES=true in the account's settings.
    """
    asked_for = {
        "username": username,
        "nick_name": nick_name,
        "country_code": country_code,
        "project_id": project_id,
        "room_ids": room_ids,
        "ticket": ticket,
        "dry_run": dry_run,
    }
    async with running("grant_access", account, run_key, asked_for, keys=tuple(asked_for)) as run:
        try:
            wanted = Grant(username, nick_name or None, country_code, project_id or "", room_ids or (), ticket)
        except ValueError as error:
            raise RunRed(str(error)) from None
        await conclude_writes(run, await grant_to_account(run.run, wanted, dry_run), dry_run)
    return final_state(run)
