"""Sentences on a terminal are wrapped between words; in a file or a pipe each stays one line, so that grep finds it."""

import os
import re
from typing import IO

from rich.cells import cell_len

from tuyahouse.command_lines import COMMAND

_UNIT = re.compile(r"(?:`[^`]*`|[^\s`]|`)+")
"""A word. A command in backquotes is one as a whole, so that it can be copied."""

_NARROWEST = 20


def fitted(text: str, stream: IO[str]) -> str:
    """The text as it is printed to this stream. A line that is a command stays whole; a terminal folds it by itself."""
    width = width_of(stream)
    return text if width is None else "\n".join(_wrapped(line, width) for line in text.split("\n"))


def width_of(stream: IO[str]) -> int | None:
    """The columns of a terminal; None for a file or a pipe."""
    if not stream.isatty():
        return None
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _wrapped(line: str, width: int) -> str:
    """Continued lines are indented as the first one."""
    if cell_len(line) <= width or COMMAND.match(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    room = max(width - len(indent), _NARROWEST)
    lines = [""]
    for unit in _UNIT.findall(line):
        longer = f"{lines[-1]} {unit}" if lines[-1] else unit
        if cell_len(longer) <= room:
            lines[-1] = longer
        elif lines[-1]:
            lines.append(unit)
        else:
            lines[-1] = unit
    return "\n".join(indent + part for part in lines)
