"""What all commands share: settings and warehouse opened, errors as one sentence, tables that survive a pipe."""

import os
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from tuyahouse import logs
from tuyahouse.cli.lazy import TYPED
from tuyahouse.log_files import log_to_files
from tuyahouse.settings import NO_ACCOUNT, Account, Settings, SettingsError, load_settings
from tuyahouse.warehouse.warehouse import Warehouse

OneAccount = Annotated[
    str | None, typer.Option("--account", "-a", help="Name of the account in the settings; default: all accounts.")
]


def at_least_one(value: int | str) -> int:
    """The value of a ``--limit``, or an error that says what to write."""
    text = str(value).strip()
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise typer.BadParameter("at least 1, as digits only (at most nine); leave it out for the default")
    return int(text)


# ------------------------------------------------------------------------------------------------------------- opening


def read_settings() -> Settings:
    """Read the settings and configure the logs by them; from here on the logs hold no secret."""
    settings = load_settings()
    logs.register_secrets(settings)
    logs.configure(settings.log_level, settings.log_format)
    log_to_files(settings)
    return settings


def _only_account() -> str:
    settings = read_settings()
    try:
        return settings.account(None).name
    except SettingsError as error:
        if not settings.accounts:
            raise
        raise SettingsError(f"{error} For example:\n  {_typed_with(sorted(settings.accounts)[0])}") from None


def _typed_with(account: str) -> str:
    """The command under way, with an account."""
    return shlex.join(["tuyahouse", *TYPED.get(), "--account", account])


AccountName = Annotated[
    str,
    typer.Option(
        "--account",
        "-a",
        default_factory=_only_account,
        show_default=False,
        help="Name of the account in the settings; default: the only one.",
    ),
]


@contextmanager
def open_warehouse(settings: Settings, *, create: bool = False) -> Iterator[Warehouse]:
    """The warehouse of these settings, for the length of a block. Only with ``create`` a new one is made.

    Raises:
        NoWarehouse: without ``create``: there is none yet.
    """
    with closing(opened(settings, create=create)) as warehouse:
        yield warehouse


def opened(settings: Settings, *, migrate: bool = False, create: bool = True) -> Warehouse:
    """The warehouse of these settings; the caller closes it."""
    return Warehouse.open(
        settings.warehouse_url, settings.secret_key, migrate=migrate, create=create, lock_wait=settings.lock_wait
    )


def chosen(settings: Settings, name: str | None) -> list[Account]:
    """The account of that name, or all of them.

    Raises:
        SettingsError: there is no such account, or no account at all.
    """
    if name is not None:
        return [settings.account(name)]
    if not settings.accounts:
        raise SettingsError(NO_ACCOUNT)
    return list(settings.accounts.values())


def from_environment(value: str, option: str) -> str:
    """An option's value. ``env:NAME`` stands for that variable, which keeps passwords out of the list of processes."""
    if not value.startswith("env:"):
        return value
    name = value.removeprefix("env:")
    found = os.environ.get(name)
    if not found:
        raise typer.BadParameter(f"the variable {name} is not set", param_hint=option)
    logs.register_secret(found)
    return found
