"""Reads the settings, and says in words what is wrong with them.

The first source that has a value wins: arguments, the environment (prefix ``TUYAHOUSE_``, nested with ``__``), files in
``TUYAHOUSE_SECRETS_DIR`` (one per secret, named like the variable), ``tuyahouse.toml`` (another path:
``TUYAHOUSE_CONFIG``). Nothing is read at import.
"""

import os
from typing import Any

from pydantic import BaseModel, ValidationError

from tuyahouse.settings.account import Account
from tuyahouse.settings.errors import SettingsError, sentence
from tuyahouse.settings.misspelt import misspelt
from tuyahouse.settings.model import Settings
from tuyahouse.settings.policies import CommandPolicy, PlanPolicy
from tuyahouse.settings.secret_files import secret_names
from tuyahouse.settings.sources import config_file


def _other_places() -> str:
    """If there is a file: how it spells the names of variables. The wrong value may come from there."""
    file = config_file()
    return (
        f"\nThese are names of variables; in {file} the same is written in lower case, A__B as b under [a]."
        if file.is_file()
        else ""
    )


def _groups() -> dict[str, list[str]]:
    """The names of all settings, by group."""
    inner: dict[str, type[BaseModel]] = {"accounts": Account, "plan": PlanPolicy, "commands": CommandPolicy}
    return {"": list(Settings.model_fields)} | {name: list(model.model_fields) for name, model in inner.items()}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from all sources.

    Raises:
        SettingsError: lists all problems at once, one a line, each with the variable to change.
    """
    wrong_names = misspelt([*os.environ, *secret_names(os.environ)], _groups())
    problems = list(wrong_names.values())
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        found = [sentence(item) for item in error.errors(include_input=False, include_url=False)]
        problems = [line for line in found if line.split(":")[0] not in wrong_names] + problems
    except SettingsError:
        raise
    except Exception as error:  # an unreadable TOML file or secrets directory: say which, in words
        raise SettingsError(f"The configuration cannot be read: {error}") from None  # the cause may quote a secret
    if problems:
        raise SettingsError(
            "The configuration cannot be used:\n" + "\n".join(f"  {line}" for line in problems) + _other_places()
        )
    return settings
