"""The end of a command that could not do its work: one sentence on standard error and an exit code."""

import sys

import typer

from tuyahouse import logs
from tuyahouse.wrapping import fitted

INTERRUPTED = 130


def stopped(sentence: str, code: int = 1) -> typer.Exit:
    """Say why the command ends, without secrets; the caller raises what is returned."""
    typer.echo(fitted(logs.redact(sentence), sys.stderr), err=True)
    return typer.Exit(code)
