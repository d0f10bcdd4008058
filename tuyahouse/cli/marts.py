"""``tuyahouse marts``: the tables for analysts, brought up to date."""

from collections.abc import Callable
from typing import Any

import typer

from tuyahouse.cli.context import AccountName, open_warehouse, read_settings
from tuyahouse.cli.output import said, say
from tuyahouse.sync import marts
from tuyahouse.terminal import track

app = typer.Typer(
    no_args_is_help=True,
    help="""Marts: tables and views for analysts. Every run refreshes them.

    Example:

    \b
      tuyahouse marts refresh -a factory
    """,
)


@app.command()
def refresh(account: AccountName) -> None:
    """Process what landed since the last refresh. Doing it again writes nothing.

    Example:

    \b
      tuyahouse marts refresh -a factory
    """
    _work(account, marts.refresh)


@app.command()
def rebuild(account: AccountName) -> None:
    """Recompute every row. The marts stay readable meanwhile; if it is interrupted, the next refresh continues it.

    Example:

    \b
      tuyahouse marts rebuild -a factory
    """
    _work(account, marts.rebuild)


def _work(name: str, work: Callable[..., Any]) -> None:
    settings = read_settings()
    account = settings.account(name)
    with open_warehouse(settings) as warehouse, track(f"Marts of {account.name}") as tracker:
        done = work(warehouse, account, on_steps=tracker.advance)
    say(
        f"Marts of {account.name} as of {said(done.as_of)} UTC: {done.orders:,} work orders with {done.steps:,} steps "
        f"and {done.days:,} days of presence computed, {done.written:,} rows written."
    )
