"""Tables and values as people read them, in a terminal or a pipe."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuyahouse.foreign_text import plain
from tuyahouse.wrapping import fitted

WIDE = 200
"""Width of a table that goes into a file or a pipe."""


def screen() -> Console:
    """Standard output; wide if it is not a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines that may hold foreign text: terminal commands in it have no effect. A terminal gets them wrapped."""
    typer.echo(fitted(plain(text), sys.stderr if err else sys.stdout), err=err)


def below(text: str) -> None:
    """Print a line under the one it belongs to, indented."""
    say(" " * 15 + text)


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: numbers to the right, times in UTC, cells as plain text without markup."""
    lines = [list(map(_cell, row)) for row in rows]
    shown = _fitting(columns, lines, screen().width)
    left_out = columns[shown:]
    columns, lines = columns[:shown], [line[:shown] for line in lines]
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for line in lines:
        table.add_row(*line)
    screen().print(table)
    if left_out:
        say(f"Left out at this width: {', '.join(left_out)}. A wider terminal or a pipe (`| less -S`) shows them.")


def _fitting(columns: Sequence[str], lines: Sequence[Sequence[Text]], width: int) -> int:
    """How many of the columns fit side by side without folding; at least two. The last ones matter least."""
    widths = [max([cell_len(name), *(line[place].cell_len for line in lines)]) for place, name in enumerate(columns)]
    needed = [sum(widths[:count]) + 3 * (count - 1) + 2 for count in range(1, len(widths) + 1)]
    return max([2, *(count for count, total in enumerate(needed, 1) if total <= width)])


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
