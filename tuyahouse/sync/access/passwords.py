"""Passwords by where they come from: a variable or a file of the worker. A password itself is never a parameter."""

import os
import re
from pathlib import Path

from tuyahouse.redaction import SECRETS
from tuyahouse.settings.secret_files import VARIABLE

PLACE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*)$"
"""What may be written for a password: ``env:NAME`` or ``file:NAME``."""

TYPED_REFUSED = (
    "names no place: write env:NAME (a variable of the worker) or file:NAME (a file of the worker), never a password"
)


class NoPassword(ValueError):
    """There is no password at that place; the text says what to change and never quotes one."""


def is_place(text: str) -> bool:
    """Whether the text says where a password is, instead of being one."""
    return re.match(PLACE, text) is not None


def password_at(place: str) -> str:
    """The password at ``env:NAME`` or ``file:NAME``; hidden in all logs and texts from now on.

    A file without a directory is looked for in the directory of secret files, where there is one. A line break at its
    end does not belong to the password.

    Raises:
        NoPassword: the place cannot be read, or is empty.
    """
    if not is_place(place):
        raise NoPassword(f"password_from {TYPED_REFUSED}.")
    kind, _, name = place.partition(":")
    password = _of_variable(name) if kind == "env" else _of_file(name)
    SECRETS.keep([password])
    return password


def _of_variable(name: str) -> str:
    if not (password := os.environ.get(name, "")):
        raise NoPassword(f"The worker has no variable {name}: set it to the password, or name another one.")
    return password


def _of_file(name: str) -> str:
    directory = os.environ.get(VARIABLE, "")
    path = Path(directory) / name if directory and Path(name).name == name else Path(name)
    try:
        password = path.expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise NoPassword(f"The file {name} is not UTF-8 text: write the password into it as plain text.") from None
    except OSError as error:
        raise NoPassword(f"The file {name} cannot be read by the worker: {error.strerror}.") from None
    if not password:
        raise NoPassword(f"The file {name} is empty: write the password into it.")
    return password
