"""Secrets inside the arguments of a command: named by where they are, as passwords are, and never typed."""

import re
from collections.abc import Mapping
from typing import Any

from tuyahouse.sync.access.passwords import is_place, password_at

SECRET_NAMES = "|".join(
    "".join(f"[{letter.upper()}{letter}]" for letter in name) for name in ("passw", "pwd", "secret", "token", "ticket")
)
"""Names of arguments whose values are secrets, such as ``secret_key``: the form refuses what is typed there."""

TYPED = "is a secret and must not be typed: Prefect keeps it. Write env:NAME or file:NAME, as the worker has it"


def typed_secret(value: Any) -> str:
    """The name of a member, at any depth, that is named like a secret and holds more than where one is; else empty."""
    if isinstance(value, Mapping):
        for name, held in value.items():
            if re.search(SECRET_NAMES, str(name)):
                if held is not None and not (isinstance(held, str) and is_place(held)):
                    return str(name)
            elif found := typed_secret(held):
                return found
        return ""
    return next(filter(None, map(typed_secret, value)), "") if isinstance(value, list | tuple) else ""


def resolved(value: Any) -> Any:
    """The same value with every secret in the place of its name; they are hidden in all logs and texts from now on.

    Raises:
        NoPassword: one of them cannot be read.
    """
    if isinstance(value, Mapping):
        return {name: _resolved_member(str(name), held) for name, held in value.items()}
    return [resolved(item) for item in value] if isinstance(value, list | tuple) else value


def _resolved_member(name: str, held: Any) -> Any:
    if isinstance(held, str) and re.search(SECRET_NAMES, name):
        return password_at(held)
    return resolved(held)
