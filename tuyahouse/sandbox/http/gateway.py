"""What Tuya's gateway does with every request around the endpoint: log, limits, signature, token, faults, envelope."""

import asyncio
import random
from typing import Any, NamedTuple

import msgspec
from starlette.types import Message, Receive, Scope, Send

from tuyahouse.sandbox.http.answers import Reply, broken_body, misshapen, oversized, refused, server_error
from tuyahouse.sandbox.http.echo import echoing
from tuyahouse.sandbox.http.routes import Call, Endpoint, Router
from tuyahouse.sandbox.seeded_random import draw
from tuyahouse.sandbox.world.odd_values import with_odd_value
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.signature import canonical_target, is_token_call, signed_header_lines, string_to_sign
from tuyahouse.sandbox.world.world import World

_REFUSING = {
    "throttle": "1110",
    "region": "28841107",
    "ip": "1114",
    "rights": "1106",
    "subscription": "28841101",
    "quota": "28841004",
}


class _Fault(NamedTuple):
    name: str
    variant: int


class Gateway:
    """ASGI application for everything that Tuya itself serves over HTTP."""

    def __init__(self, world: World, endpoints: list[Endpoint]) -> None:
        self._world = world
        self._router = Router(endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        call = Call(scope["method"], scope["path"], query, await _body(receive), headers)
        reply = self.answer(call)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        await _send(reply, send)

    def answer(self, call: Call) -> Reply:
        """The reply to one call, which is entered in the log."""
        reply = self._judged(call)
        return echoing(self._world, call, reply) if self._world.options.echo_secrets else reply

    def _judged(self, call: Call) -> Reply:
        world = self._world
        try:
            endpoint, name = self._router.find(call)
        except Refusal as refusal:
            return refused(world, refusal)
        key, now = endpoint.key_of(call), world.clock()
        nth = world.log.arrive(name, key, now)
        fault = _fault(world, endpoint, call, key, nth)
        try:
            world.log.refuse_above_limits(name, now)
            return _damaged(world, fault, self._served(endpoint, call, fault))
        except Refusal as refusal:
            world.log.refusals[refusal.code] = world.log.refusals.get(refusal.code, 0) + 1
            return endpoint.envelope.refused(world, refusal)

    def _served(self, endpoint: Endpoint, call: Call, fault: _Fault) -> Reply:
        world = self._world
        if fault.name and (early := _instead(world, fault)):
            return early
        token = _check_signature(world, call)
        if endpoint.token is not None:
            if fault.name == "token_death":
                world.tokens.kill(endpoint.token)
            world.tokens.use(token, endpoint.token, world.now_ms())
        if fault.name == "item_error":
            raise Refusal("THE_PARAM_ILLEGAL" if endpoint.token == "pms" else "1109")
        result = endpoint.handler(world, call)
        if fault.name == "shape":
            result = misshapen(result, fault.variant)
        return endpoint.envelope.succeeded(world, result)


def _fault(world: World, endpoint: Endpoint, call: Call, key: str, nth: int) -> _Fault:
    methods = world.options.fault_methods
    if methods and call.method not in methods:
        return _Fault("", 0)
    name, variant = world.faults.draw(endpoint.name, key, nth, endpoint.spared)
    if name == "odd_value":
        variant = draw(world.options.seed, name, endpoint.name, key, nth)
    return _Fault(name, variant)


def _instead(world: World, fault: _Fault) -> Reply | None:
    """The reply if a fault strikes before the request is looked at."""
    name, variant = fault
    if code := _REFUSING.get(name):
        raise Refusal(code)
    if name == "busy":
        raise Refusal("500" if variant % 2 else "1111")
    if name == "broken_body":
        return broken_body(variant)
    if name in ("error5xx", "too_many"):
        return server_error(429 if name == "too_many" else 502 + variant % 2)
    return None


def _damaged(world: World, fault: _Fault, reply: Reply) -> Reply:
    """The reply if a fault strikes on the way back, after the request did its work."""
    if fault.name == "slow":
        return reply._replace(delay=world.options.slow_seconds)
    if fault.name == "odd_value":
        return reply._replace(body=with_odd_value(random.Random(fault.variant), msgspec.json.decode(reply.body)))
    if fault.name == "oversized":
        return oversized(world, reply)
    return reply._replace(cut=True) if fault.name == "cut" else reply


def _check_signature(world: World, call: Call) -> str:
    """Client id, time window and signature; returns the access token that was sent."""
    head, options = call.headers, world.options
    if head.get(b"client_id", b"").decode("latin-1") != options.client_id:
        raise Refusal("1005")
    t, sign = head.get(b"t", b"").decode("latin-1"), head.get(b"sign", b"").decode("latin-1")
    if len(t) != 13 or not t.isdigit() or abs(int(t) - world.now_ms()) > options.window_seconds * 1000:
        raise Refusal("1013")
    token = head.get(b"access_token", b"").decode("latin-1")
    if head.get(b"sign_method", b"").upper() != b"HMAC-SHA256" or not _signed(world, call, token, t, sign):
        raise Refusal("1004")
    return token


def _signed(world: World, call: Call, token: str, t: str, sign: str) -> bool:
    head, verifier = call.headers, world.verifier
    signing = "" if is_token_call(call.path) else token
    nonce = head.get(b"nonce", b"").decode("latin-1")
    target = canonical_target(call.path, call.query_string)
    text = string_to_sign(call.method, target, call.body, signed_header_lines(head))
    options = world.options
    if not options.old_signature_only and sign == verifier.current(signing, t, nonce, text):
        world.signatures["v2"] += 1
        return True
    if options.signature == "v1" and sign == verifier.old(signing, t):
        world.signatures["v1"] += 1
        return True
    return False


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _send(reply: Reply, send: Send) -> None:
    head: list[Any] = [(b"content-type", reply.content_type), (b"content-length", str(len(reply.body)).encode())]
    start: Message = {"type": "http.response.start", "status": reply.status, "headers": head}
    await send(start)
    if reply.cut:  # uvicorn closes a connection whose response was begun and not completed
        await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
        return
    await send({"type": "http.response.body", "body": reply.body})
