"""The build step of prefect.yaml: what its placeholders ``{{ account.… }}`` stand for."""

import os
from importlib.metadata import version
from typing import Any

from tuyahouse.settings import Account, Settings, SettingsError, load_settings


def describe_account(name: str = "", directory: str = "") -> dict[str, Any]:
    """The values for one account, by name or the only one that is configured.

    Raises:
        SystemExit: there is no such account; says which there are.
    """
    try:
        settings = load_settings()
        return placeholders(settings, settings.account(name or None), directory or os.getcwd())
    except SettingsError as error:
        raise SystemExit(f"Nothing was deployed. {error}") from None


def placeholders(settings: Settings, account: Account, directory: str) -> dict[str, Any]:
    """The values for this account. ``only`` is set if a form needs no choice of an account."""
    only = {"only": account.name} if len(settings.accounts) == 1 else {}
    return {
        "name": account.name,
        "directory": directory,
        "time_zone": account.schedule_time_zone or account.factory_time_zone,
        "version": version("tuyahouse"),
        **only,
    }
