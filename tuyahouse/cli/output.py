"""Tables and values as people read them, in a terminal or a pipe."""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuyahouse.foreign_text import plain

WIDE = 200
"""Width of a table that goes into a file or a pipe."""


def screen() -> Console:
    """Standard output; wide if it is not a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def say(text: str = "", *, err: bool = False) -> None:
    """Print a line that may hold foreign text: terminal commands in it have no effect."""
    typer.echo(plain(text), err=err)


def below(text: str) -> None:
    """Print a line under the one it belongs to: indented, and wrapped at the width of the terminal."""
    indent = " " * 15
    width = max(screen().width, len(indent) + 20)
    say(textwrap.fill(plain(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False))


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: numbers to the right, times in UTC, cells as plain text without markup."""
    lines = [list(map(_cell, row)) for row in rows]
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for line in lines:
        table.add_row(*line)
    screen().print(table)


def _cell(value: object) -> Text:
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}", justify="right")
    return Text(plain(said(value)))


def said(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
