"""The settings of a process: one typed tree, read once and passed down."""

from tuyahouse.settings.account import Account
from tuyahouse.settings.errors import NO_ACCOUNT, PREFIX, SettingsError
from tuyahouse.settings.load import load_settings
from tuyahouse.settings.model import Settings
from tuyahouse.settings.policies import CommandPolicy, PlanPolicy
from tuyahouse.settings.regions import MESSAGE_HOSTS, OPENAPI_URLS, Region

__all__ = [
    "MESSAGE_HOSTS",
    "NO_ACCOUNT",
    "OPENAPI_URLS",
    "PREFIX",
    "Account",
    "CommandPolicy",
    "PlanPolicy",
    "Region",
    "Settings",
    "SettingsError",
    "load_settings",
]
