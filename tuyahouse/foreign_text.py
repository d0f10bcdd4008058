"""Foreign text made harmless: names, messages and error texts may hold markup or terminal commands."""

import re
import sys
from io import TextIOWrapper

_TERMINAL_COMMANDS = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS: title, link, clipboard
    r"|\x1b[ -/]*[0-~]?"
)
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")
"""Control characters except tab and line feed, and characters that reorder the text around them."""

_SURROGATES = re.compile(r"[\ud800-\udfff]")
_ODD = re.compile(f"{_INVISIBLE.pattern}|{_SURROGATES.pattern}")

_MARKDOWN = re.compile(r"[\\`*\[\]<>&~|!]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?i:(?<=www)\.)|@|\$")
_BLOCK = re.compile(r"^([-+](?=\s|$)|-(?=-)|[=#]|\d{1,9}(?=[.)](?:\s|$)))")


def plain(text: str) -> str:
    """The text without terminal commands, control characters (except tab and line feed) and changes of direction.

    Lone surrogates, which no encoding can write, become U+FFFD.
    """
    if not _ODD.search(text):
        return text
    text = _INVISIBLE.sub("", _TERMINAL_COMMANDS.sub("", text))
    return _SURROGATES.sub("\ufffd", text)


def markdown(text: str) -> str:
    """Markdown that shows the text as it is, in one line: nothing in it becomes a link, image, HTML or heading."""
    return _escaped(" ".join(plain(text).split()))


def markdown_lines(text: str) -> str:
    """:func:`markdown` of each line; lines that begin with ``- `` stay list items."""
    lines = [line.rstrip() for line in plain(text).split("\n")]
    return "\n".join(f"- {markdown(line[2:])}" if line.startswith("- ") else markdown(line) for line in lines)


def _escaped(text: str) -> str:
    text = _MARKDOWN.sub(lambda found: "\\" + found[0], text)
    return _BLOCK.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", text)


def take_any_text() -> None:
    """Let standard output and error take every text, escaped (``\\u5de5``) where their encoding lacks it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
