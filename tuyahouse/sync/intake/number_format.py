"""A whole number as the format of its cell shows it. Pure."""

import re

_GENERAL = frozenset(("general", "standard", "@", "0", "#", ""))
_SECTION = re.compile(r'((?:"[^"]*"|\\.|[^;"\\])*)(?:;|$)', re.DOTALL)
_PIECE = re.compile(
    r'"([^"]*)"|\\(.)|_.|\*.|\[(?:[a-z]+|\$[^\]]*|color ?\d+)\]|(0+|#+0*)|([-+()$ :/])', re.IGNORECASE | re.DOTALL
)


def shown_number(value: int, number_format: str) -> str | None:
    """The text that a sheet shows for a number from 0 up; None if the format has more than digits and fixed text."""
    if number_format.lower() in _GENERAL:
        return str(value)
    sections = _sections(number_format)
    section = sections[2] if value == 0 and len(sections) > 2 else sections[0]
    return _filled_in(section, value)


def _sections(number_format: str) -> list[str]:
    """The parts for positive and negative numbers, zero and text. Quoted or escaped semicolons do not separate."""
    return [part[1] for part in _SECTION.finditer(number_format)]


def _filled_in(section: str, value: int) -> str | None:
    text, at, digits = "", 0, 0
    while at < len(section):
        piece = _PIECE.match(section, at)
        general = section[at : at + 7].lower() == "general"
        if general:
            text, digits, at = text + str(value), digits + 1, at + 7
            continue
        if piece is None:
            return None
        quoted, escaped, mask, literal = piece.groups()
        if mask:
            digits += 1
            text += f"{value:0{mask.count('0')}d}" if value or "0" in mask else ""
        text += quoted or escaped or literal or (" " if piece[0].startswith("_") else "")
        at = piece.end()
    return text.strip() if digits == 1 else None
