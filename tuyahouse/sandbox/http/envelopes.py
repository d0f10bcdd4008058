"""Envelopes that are documented differently from all others (docs/tuya.md, "Third-party authorization")."""

from typing import Any

import msgspec

from tuyahouse.sandbox.http.answers import Envelope, Reply, refused, succeeded
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World

_encode = msgspec.json.encode


def _code(refusal: Refusal) -> int | str:
    return int(refusal.code) if refusal.code.isdigit() else refusal.code


def _as_in_the_sample(world: World, result: bytes) -> Reply:
    if world.options.authorization_answers == "plain":
        return succeeded(world, result)
    return Reply(200, b'{"success":"true","t":%d,"result":%s}' % (world.now_ms(), result))


def _with_capital_code(world: World, refusal: Refusal) -> Reply:
    if world.options.authorization_answers == "plain" or refusal.code == "429":
        return refused(world, refusal)
    body = {"Code": _code(refusal), "success": "false", "msg": refusal.text, "t": world.now_ms()}
    return Reply(200, _encode(body))


def _bare(world: World, result: bytes) -> Reply:
    return succeeded(world, result) if world.options.account_list == "wrapped" else Reply(200, result)


def _visual(world: World, result: bytes) -> Reply:
    body = {
        "success": True,
        "msg": None,
        "t": world.now_ms(),
        world.options.visual_payload: msgspec.json.decode(result),
    }
    return Reply(200, _encode(_spelt(world, body)))


def _without_code(world: World, refusal: Refusal) -> Reply:
    if refusal.code == "429":
        return refused(world, refusal)
    return Reply(200, _encode(_spelt(world, {"success": False, "msg": refusal.text, "t": world.now_ms()})))


def _spelt(world: World, value: Any) -> Any:
    return _capitalised(value) if world.options.visual_spelling == "capitalised" else value


def _capitalised(value: Any) -> Any:
    if isinstance(value, list):
        return [_capitalised(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name[:1].upper() + name[1:]: _capitalised(item) for name, item in value.items()}


AUTHORIZATION = Envelope(_as_in_the_sample, _with_capital_code)
"""``success`` as text, ``Code`` with a capital, no trace id; the option ``authorization_answers`` makes it usual."""

ACCOUNT_LIST = Envelope(_bare, _with_capital_code)
"""No envelope at all around the list; wrapped by the option ``account_list``."""

VISUAL = Envelope(_visual, _without_code)
"""``data`` or ``result`` by the option ``visual_payload``, no code; capitals in names by ``visual_spelling``."""
