"""Finds variables that look like settings but are not, and the settings that are probably meant. Pure.

Nothing reads such a variable: a budget in it would silently have no effect.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

PREFIX = "TUYAHOUSE_"
_BESIDE = ("config", "secrets_dir")
"""Names that are read although they are not fields."""


def misspelt(names: Iterable[str], groups: Mapping[str, Collection[str]]) -> dict[str, str]:
    """For each of ``names`` that looks like a setting but is not: the line that says so.

    Args:
        names: of variables or secret files.
        groups: the fields by group; ``""`` holds the top ones, ``accounts`` those of every account.
    """
    lines = {}
    for variable in sorted(names):
        if variable.upper().startswith(PREFIX) and (meant := _meant(variable.upper(), groups)):
            lines[variable] = f"{variable}: there is no such setting; perhaps {meant} is meant"
    return lines


def _meant(variable: str, groups: Mapping[str, Collection[str]]) -> str | None:
    """The setting that is probably meant; None if the variable is a setting or resembles none."""
    top = variable.split("__")[0]
    known = {PREFIX + name.upper() for name in (*groups[""], *groups, *_BESIDE) if name}
    if top in known:
        return _account(variable, groups["accounts"]) if variable.count("__") == 1 else None
    if meant := _account(variable, groups["accounts"]) or _of_a_group(variable, groups):
        return meant
    close = get_close_matches(top, known, n=1, cutoff=0.9)
    return close[0] + variable[len(top) :] if close else None


def _account(variable: str, fields: Collection[str]) -> str | None:
    """A field of an account, written with one underscore instead of two."""
    found = re.fullmatch(f"{PREFIX}ACCOUNTS?_+(.+)", variable)
    if found is None:
        return None
    for field in sorted((field.upper() for field in fields), key=len, reverse=True):
        name = found[1].removesuffix(field).rstrip("_")
        if found[1].endswith(f"_{field}") and name:
            return f"{PREFIX}ACCOUNTS__{name}__{field}"
    return None if "__" in variable.removeprefix(PREFIX) else f"{PREFIX}ACCOUNTS__<NAME>__<SETTING>"


def _of_a_group(variable: str, groups: Mapping[str, Collection[str]]) -> str | None:
    """A field of a group or of the top level, written with the wrong number of underscores."""
    right = {PREFIX + field.upper() for field in groups[""]}
    right |= {
        f"{PREFIX}{group.upper()}__{field.upper()}" for group, fields in groups.items() if group for field in fields
    }
    by_words = {re.sub("_+", "_", name): name for name in right if "ACCOUNTS__" not in name}
    return by_words.get(re.sub("_+", "_", variable))
