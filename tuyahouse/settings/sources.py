"""The files that settings are read from: those of secrets, and ``tuyahouse.toml``."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from tuyahouse.settings.errors import PREFIX, SettingsError
from tuyahouse.settings.secret_files import secrets_directory


def files(settings: type[BaseSettings], of_secrets: PydanticBaseSettingsSource) -> list[PydanticBaseSettingsSource]:
    """The sources behind the environment, the first one that has a value wins.

    Raises:
        SettingsError: one of the files cannot be read.
    """
    found: list[PydanticBaseSettingsSource] = []
    if secrets := secrets_directory(os.environ):
        found.append(
            NestedSecretsSettingsSource(
                of_secrets, secrets_dir=secrets, secrets_dir_missing="error", secrets_nested_delimiter="__"
            )
        )
    path = config_file()
    try:
        found.append(_TomlFile(settings, toml_file=path))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    return found


def config_file() -> Path:
    """Where ``tuyahouse.toml`` is, or would be.

    Raises:
        SettingsError: another path is named, and no file is there.
    """
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"{PREFIX}CONFIG names {named}, which is not a file.")
    return Path(named or "tuyahouse.toml")


def by_lower_name(accounts: dict[str, Any]) -> dict[str, Any]:
    """The accounts with their names in lower case, as the environment gives them.

    Raises:
        SettingsError: two of them differ in case alone.
    """
    spellings = Counter(name.lower() for name in accounts)
    if twice := " and ".join(repr(name) for name in accounts if spellings[name.lower()] > 1):
        raise SettingsError(
            f"{PREFIX}ACCOUNTS: {twice} are the same account, as case does not matter; keep one of them."
        )
    return {name.lower(): fields for name, fields in accounts.items()}


class _TomlFile(TomlConfigSettingsSource):
    """``tuyahouse.toml``; the names of accounts count in any case."""

    def __call__(self) -> dict[str, Any]:
        data = super().__call__()
        accounts = data.get("accounts")
        return {**data, "accounts": by_lower_name(accounts)} if isinstance(accounts, dict) else data
