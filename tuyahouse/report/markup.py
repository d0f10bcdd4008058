"""HTML and SVG from Python: what is not markup already is foreign text, and escaped."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

from tuyahouse.foreign_text import plain

EMPTY = Markup("")
_VOID = frozenset(("br", "meta", "link", "hr", "img"))


def text(value: Any) -> Markup:
    """A value as text of the page: escaped, without control characters and changes of direction."""
    return value if isinstance(value, Markup) else escape(plain("" if value is None else str(value)))


def tag(name: str, /, *inside: Any, **attributes: Any) -> Markup:
    """An element. ``class_`` is its class; ``aria_label`` is written ``aria-label``; None and False are left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(inside)}</{name}>")


def join(parts: Iterable[Any]) -> Markup:
    """Parts one after another; None is left out."""
    return Markup("".join(text(part) for part in parts if part is not None))


def short(value: Any, width: int) -> str:
    """Text cut to a width in letters; a Chinese one is two wide."""
    shown, used = "", 0
    for letter in plain("" if value is None else str(value)):
        used += 2 if letter > "\u2e7f" else 1
        if used > width:
            return f"{shown.rstrip()}…"
        shown += letter
    return shown
