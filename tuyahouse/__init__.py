"""tuyahouse brings a Tuya project's factory and field data into a SQL warehouse.

The library never imports Prefect: the flows, which run it every night, are at the top of the repository. What a script
needs is here, imported on first use::

    from tuyahouse import TuyaClient, Warehouse, load_settings

    settings = load_settings()
    account = settings.account("factory")
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key)
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        ...
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient
    from tuyahouse.cloud.errors import TuyaError
    from tuyahouse.settings import Account, Settings, SettingsError, load_settings
    from tuyahouse.warehouse.errors import WarehouseError
    from tuyahouse.warehouse.warehouse import Warehouse

__all__ = [
    "Account",
    "Settings",
    "SettingsError",
    "TuyaClient",
    "TuyaError",
    "Warehouse",
    "WarehouseError",
    "load_settings",
]

_ROOMS = {
    "TuyaClient": "tuyahouse.cloud.client",
    "TuyaError": "tuyahouse.cloud.errors",
    "Warehouse": "tuyahouse.warehouse.warehouse",
    "WarehouseError": "tuyahouse.warehouse.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ROOMS.get(name, "tuyahouse.settings")), name)
