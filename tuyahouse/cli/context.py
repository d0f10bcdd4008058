"""What all commands share: settings and warehouse opened, errors as one sentence, tables that survive a pipe."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tuyahouse import logs
from tuyahouse.cli.output import say
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.messages.errors import MessageKeyError
from tuyahouse.messages.errors import SourceError as MessageSourceError
from tuyahouse.settings import Account, Settings, SettingsError, load_settings
from tuyahouse.sync.intake.rows import SourceError
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.warehouse import Warehouse

IN_WORDS = (SettingsError, WarehouseError, SourceError, TuyaError, MessageSourceError, MessageKeyError)
"""Errors whose text is a sentence for the operator."""

INTERRUPTED = 130

AccountName = Annotated[str, typer.Option("--account", "-a", help="Name of the account in the settings.")]
OneAccount = Annotated[
    str | None, typer.Option("--account", "-a", help="Name of the account in the settings; without it all.")
]


class InWords(TyperGroup):
    """A group of commands whose errors are one sentence on standard error, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except IN_WORDS as error:
            raise stopped(str(error)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has seen enough
                raise
            raise stopped(f"The operating system says: {error}.") from None
        except KeyboardInterrupt:
            raise stopped(
                "Interrupted. What was committed stays; the same command goes on from there.", INTERRUPTED
            ) from None


def stopped(sentence: str, code: int = 1) -> typer.Exit:
    """Say why a command ends, without secrets; raise what is returned."""
    say(logs.redact(sentence), err=True)
    return typer.Exit(code)


# ------------------------------------------------------------------------------------------------------------- opening


def read_settings() -> Settings:
    """The settings of this process; from here on logs go where they say and hold no secret."""
    settings = load_settings()
    logs.register_secrets(settings)
    logs.configure(settings.log_level, settings.log_format)
    return settings


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[Warehouse]:
    """The warehouse of these settings, for the time of a block."""
    with closing(Warehouse.open(settings.warehouse_url, settings.secret_key)) as warehouse:
        yield warehouse


def chosen(settings: Settings, name: str | None) -> list[Account]:
    """The account of that name, or all of them.

    Raises:
        SettingsError: there is no such account, or none at all.
    """
    if name is not None:
        return [settings.account(name)]
    if not settings.accounts:
        raise SettingsError(
            "No account is configured. Set TUYAHOUSE_ACCOUNTS__<NAME>__REGION, __CLIENT_ID and __CLIENT_SECRET."
        )
    return list(settings.accounts.values())


def from_environment(value: str, option: str) -> str:
    """An option's value; ``env:NAME`` stands for that variable, so that no password is seen in the list of processes."""
    if not value.startswith("env:"):
        return value
    name = value.removeprefix("env:")
    found = os.environ.get(name)
    if not found:
        raise typer.BadParameter(f"the variable {name} is not set", param_hint=option)
    logs.register_secret(found)
    return found


# ------------------------------------------------------------------------------------------------------------- showing
