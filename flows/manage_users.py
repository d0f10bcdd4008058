"""Create or update users of the account's app."""

from typing import Annotated, Any, Literal

from prefect.client.schemas.objects import State
from pydantic import BeforeValidator, Field

from flows.parameters import AccountName, CountryCode, Described, DryRun, RunKey
from tasks.access import conclude_writes, write_app_users
from tasks.run.flow import RunRed, flow
from tasks.run.run import final_state, running
from tuyahouse.sync.access.passwords import PLACE, TYPED_REFUSED, is_place
from tuyahouse.sync.access.users import user_of

Path = Annotated[
    str | None,
    Described(
        "CSV, Excel or Parquet file of users, as the worker sees it, with the columns username, username_type, "
        "country_code, nick_name and password_from; empty: the single user below"
    ),
]
Username = Annotated[
    str | None, Field(max_length=100), Described("Phone number, e-mail address or another name of the user")
]
UsernameType = Annotated[Literal["phone", "email", "other"], Described("Kind of user name")]
NickName = Annotated[str | None, Field(max_length=100), Described("Nickname; empty: it stays as it is")]


def _place(typed: Any) -> Any:
    """Refuse a password in words that do not repeat it."""
    if typed is not None and typed != "" and not (isinstance(typed, str) and is_place(typed)):
        raise ValueError(TYPED_REFUSED)
    return typed or None


PasswordFrom = Annotated[
    str | None,
    BeforeValidator(_place),
    Described(
        "Where the password is: env:NAME (a variable of the worker) or file:NAME (a file of the worker). Prefect keeps "
        "what is typed here, so a password is refused",
        pattern=PLACE,
    ),
]


@flow(name="manage_users", flow_run_name="users {account}")
async def manage_users(
    account: AccountName = None,
    run_key: RunKey = None,
    dry_run: DryRun = True,
    path: Path = None,
    username: Username = None,
    username_type: UsernameType = "other",
    country_code: CountryCode = "86",
    nick_name: NickName = None,
    password_from: PasswordFrom = None,
) -> State[Any]:
    """Creates or updates users of the account's app: those of a file, or a single one.

    Passwords come from variables or files of the worker. They are sent as MD5, as Tuya requires, and stored nowhere.
    By default it is a dry run. The account's settings need APP_SCHEMA and, to write, ALLOW_WRITES=true.
    """
    asked_for = {
        "path": path,
        "username": username,
        "username_type": username_type,
        "country_code": country_code,
        "nick_name": nick_name,
        "password_from": password_from,
        "dry_run": dry_run,
    }
    async with running("manage_users", account, run_key, asked_for, keys=tuple(asked_for)) as run:
        if bool(path) == bool(username):
            raise RunRed("Name either a file (path) or one user (username): exactly one of them.")
        user = (
            user_of(username, username_type, country_code, nick_name or "", password_from or "") if username else None
        )
        await conclude_writes(run, await write_app_users(run.run, user, path, dry_run), dry_run)
    return final_state(run)
