"""The errors of the library whose text is a sentence for the operator."""

from tuyahouse.cloud.calls.device_commands import ActionError
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.messages.errors import MessageKeyError
from tuyahouse.messages.errors import SourceError as MessageSourceError
from tuyahouse.settings import SettingsError
from tuyahouse.sync.access.passwords import NoPassword
from tuyahouse.sync.given_keys import OtherKeys
from tuyahouse.sync.intake.rows import SourceError
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.external import ExternalDatabaseError

IN_WORDS = (
    ActionError,
    ExternalDatabaseError,
    MessageKeyError,
    MessageSourceError,
    NoPassword,
    OtherKeys,
    SettingsError,
    SourceError,
    TuyaError,
    WarehouseError,
)
"""Flows and the command line end with their text alone; any other error is a mistake in tuyahouse."""
