"""How a command that could not do its work ends: one sentence on standard error and an exit code."""

import sys

import typer

from tuyahouse import logs
from tuyahouse.wrapping import fitted

INTERRUPTED = 130


def stopped(sentence: str, code: int = 1) -> typer.Exit:
    """Say why a command ends, without secrets; raise what is returned."""
    typer.echo(fitted(logs.redact(sentence), sys.stderr), err=True)
    return typer.Exit(code)
