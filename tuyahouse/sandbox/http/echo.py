"""A cloud that sends back the secrets it was sent, in its error texts, in unknown fields and in error pages."""

from hashlib import md5
from typing import Any

import msgspec

from tuyahouse.sandbox.http.answers import Reply
from tuyahouse.sandbox.http.routes import Call
from tuyahouse.sandbox.world.world import World

TEXTS = ("msg", "message")
"""Fields that hold a text of the cloud's own."""


def echoing(world: World, call: Call, reply: Reply) -> Reply:
    """The reply with every secret of the account and the call added to each object and each text of the cloud's own."""
    secrets = " ".join(_secrets(world, call))
    try:
        body = msgspec.json.encode(_with(msgspec.json.decode(reply.body), secrets))
    except msgspec.DecodeError:
        body = reply.body + secrets.encode()
    return reply._replace(body=body)


def _secrets(world: World, call: Call) -> list[str]:
    options = world.options
    sent = call.headers.get(b"access_token", b"").decode("latin-1")
    digest = md5(options.pms_password.encode()).hexdigest()
    own = (options.client_secret, options.pms_password, digest, options.visual_password)
    return [*own, *filter(None, (sent, world.tokens.refresh_of(sent)))]


def _with(value: Any, secrets: str) -> Any:
    if isinstance(value, list):
        return [_with(item, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    texts = {name: f"{text} {secrets}" for name, text in value.items() if name in TEXTS and isinstance(text, str)}
    return {name: _with(item, secrets) for name, item in value.items()} | texts | {"echo": secrets}
