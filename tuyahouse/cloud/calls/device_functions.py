"""Functions (data points) of a third-party industry device: the enabled ones and the possible ones."""

from typing import Any

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.loose import identifier, snake_keys, text
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import UnusableAnswer

FUNCTIONS = Endpoint("GET", "/v1.0/expand/devices/{device_id}/functions", "platform")
FUNCTION_POOL = Endpoint("GET", "/v1.0/expand/devices/{device_id}/function-pool", "platform")


class Function(msgspec.Struct, frozen=True, gc=False):
    """A data point of a device; ``extra`` holds undocumented fields."""

    function_code: str
    function_name: str | None
    extra: dict[str, Any] | None = None


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
