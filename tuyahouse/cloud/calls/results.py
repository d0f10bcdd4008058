"""Results of calls that write: a text, a yes or no, an object, each of them documented in more than one shape."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.lenient_values import FLAGS, identifier
from tuyahouse.cloud.codes import REQUEST
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ItemRefused, UnusableAnswer
from tuyahouse.cloud.http.answer import Answer


def decoded(answer: Answer, endpoint: Endpoint) -> Any:
    """The result as a value.

    Raises:
        UnusableAnswer: it is not JSON. The error does not hold the answer if the endpoint is secret.
    """
    try:
        return json_text.decode(answer.result or b"null")
    except msgspec.MsgspecError as error:
        raise unusable(f"the result is not JSON: {error}", answer, endpoint) from None


def one_text(answer: Answer, endpoint: Endpoint, names: Sequence[str]) -> str:
    """A text, bare or inside an object under one of these names, however they are capitalised.

    Raises:
        UnusableAnswer: there is none.
    """
    value = decoded(answer, endpoint)
    if isinstance(value, dict):
        fields = folded(value)
        value = next((fields[name] for name in map(fold, names) if fields.get(name)), None)
    text = None if isinstance(value, dict | list | bool) else identifier(value)
    if not text:
        raise unusable(f"the result has no {names[0]}", answer, endpoint)
    return text


def confirm(answer: Answer, endpoint: Endpoint) -> None:
    """Accept a result that says true, or says nothing inside an answer that succeeded.

    Raises:
        ItemRefused: it says false.
        UnusableAnswer: it says something else.
    """
    value = decoded(answer, endpoint)
    try:
        said = FLAGS[value.strip().lower() if isinstance(value, str) else value]
    except (KeyError, TypeError):
        if value is None or value == {}:
            return
        raise unusable("the result is neither true nor false", answer, endpoint) from None
    if not said:
        raise ItemRefused(
            f"{endpoint.name} was answered with false: Tuya did not do it",
            endpoint=endpoint.name,
            tid=answer.tid,
            remedy=REQUEST,
        )


def unusable(reason: str, answer: Answer, endpoint: Endpoint) -> UnusableAnswer:
    """The error for a result of another shape than documented; without the answer if that may hold a token."""
    body = b"" if endpoint.secret else answer.body
    error = UnusableAnswer(f"{endpoint.name}: {reason}", body, tid=answer.tid, endpoint=endpoint.name)
    error.remedy = ""  # the outcome of a write is in the audit, not in a dead letter
    return error


def folded(item: dict[str, Any]) -> dict[str, Any]:
    """The object with names folded, so that snake_case, camelCase and PascalCase are the same."""
    return {fold(name): value for name, value in item.items()}


def fold(name: str) -> str:
    """``product_key``, ``productKey`` and ``ProductKey`` become ``productkey``."""
    return name.replace("_", "").lower()
