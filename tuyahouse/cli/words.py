"""How a command that could not do its work ends: one sentence on standard error and an exit code."""

import typer

from tuyahouse import logs
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.messages.errors import MessageKeyError
from tuyahouse.messages.errors import SourceError as MessageSourceError
from tuyahouse.settings import SettingsError
from tuyahouse.sync.intake.rows import SourceError
from tuyahouse.warehouse.errors import WarehouseError

IN_WORDS = (SettingsError, WarehouseError, SourceError, TuyaError, MessageSourceError, MessageKeyError)
"""Errors whose text is a sentence for the operator."""

INTERRUPTED = 130


def stopped(sentence: str, code: int = 1) -> typer.Exit:
    """Say why a command ends, without secrets; raise what is returned."""
    typer.echo(logs.redact(sentence), err=True)
    return typer.Exit(code)
