"""Functions (data points) of a third-party industry device: the enabled ones and the possible ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.lenient_values import identifier, snake_keys, text
from tuyahouse.cloud.calls.results import confirm
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import UnusableAnswer

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

FUNCTIONS = Endpoint("GET", "/v1.0/expand/devices/{device_id}/functions", "platform")
FUNCTION_POOL = Endpoint("GET", "/v1.0/expand/devices/{device_id}/function-pool", "platform")
SET_FUNCTIONS = Endpoint("PUT", "/v1.0/expand/devices/{device_id}/functions", idempotent=False)


class Function(msgspec.Struct, frozen=True, gc=False):
    """A data point of a device; ``extra`` holds undocumented fields."""

    function_code: str
    function_name: str | None
    extra: dict[str, Any] | None = None


async def get_functions(client: "TuyaClient", device_id: str) -> list[Function]:
    """The enabled functions of a device."""
    return decode_functions(bytes((await client.call(FUNCTIONS, path={"device_id": device_id})).result))


async def get_function_pool(client: "TuyaClient", device_id: str) -> list[Function]:
    """The functions that a device can have."""
    return decode_functions(bytes((await client.call(FUNCTION_POOL, path={"device_id": device_id})).result))


async def set_functions(client: "TuyaClient", device_id: str, codes: Sequence[str]) -> None:
    """Enable these functions of a device, and no others.

    Raises:
        ItemRefused: Tuya answers false.
    """
    body = {"function_code_list": list(codes)}
    confirm(await client.call(SET_FUNCTIONS, path={"device_id": device_id}, body=body), SET_FUNCTIONS)


def decode_functions(result: bytes) -> list[Function]:
    """Read the result of :data:`FUNCTIONS` or :data:`FUNCTION_POOL`: a bare list, or one inside ``list``.

    Raises:
        UnusableAnswer: there is no list, or an item without ``function_code``.
    """
    return [_function(item, result) for item in _items(result, "the functions")]


def _function(item: Any, result: bytes) -> Function:
    fields = snake_keys(item) if isinstance(item, dict) else {}
    code, name = identifier(fields.pop("function_code", None)), text(fields.pop("function_name", None))
    if not code:
        raise UnusableAnswer("a function has no function_code", result)
    return Function(code, name, fields or None)


def _items(result: bytes, what: str) -> list[Any]:
    try:
        value = json_text.decode(result)
    except msgspec.MsgspecError as error:
        raise UnusableAnswer(f"{what} are not JSON: {error}", result) from None
    items = value.get("list") if isinstance(value, dict) else value
    if items is not None and not isinstance(items, list):
        raise UnusableAnswer(f"{what} are not a list", result)
    return items or []
