"""Platform tokens (docs/tuya.md, Tokens)."""

import msgspec

from tuyahouse.sandbox.http.routes import Call, Endpoint
from tuyahouse.sandbox.world.faults import SPARED_BY_TOKEN_CALLS
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.tokens import Pair
from tuyahouse.sandbox.world.world import World


def _shown(world: World, pair: Pair) -> bytes:
    uid = "bay1600000000000SAND" if pair.kind == "platform" else "bay15911e11580224Q8AWQx34f48f89-000000"
    return msgspec.json.encode(
        {
            "access_token": pair.access,
            "expire_time": int(world.options.token_seconds),
            "refresh_token": pair.refresh,
            "uid": uid,
        }
    )


def get_token(world: World, call: Call) -> bytes:
    if call.query.get("grant_type") != "1":
        raise Refusal("1003")
    world.tokens.count("grants")
    return _shown(world, world.tokens.grant("platform", world.now_ms()))


def refresh_token(world: World, call: Call) -> bytes:
    return _shown(world, world.tokens.refresh(call.parts["refresh_token"], world.now_ms()))


ENDPOINTS = [
    Endpoint("GET", "/v1.0/token", None, get_token, spared=SPARED_BY_TOKEN_CALLS),
    Endpoint("GET", "/v1.0/token/{refresh_token}", None, refresh_token, spared=SPARED_BY_TOKEN_CALLS),
]
