"""Envelopes and broken answers, as bytes."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World

JSON = b"application/json;charset=UTF-8"
HTML = b"text/html"


class Reply(NamedTuple):
    status: int
    body: bytes
    content_type: bytes = JSON
    delay: float = 0
    cut: bool = False


def _tail(world: World) -> bytes:
    now = world.now_ms()
    return b'"t":%d,"tid":"%x%05x"}' % (now // 1000 if world.options.envelope_seconds else now, now, world.log.total)


def succeeded(world: World, result: bytes) -> Reply:
    """HTTP 200 with ``result``, which is JSON already."""
    return Reply(200, b'{"result":' + result + b',"success":true,' + _tail(world))


def refused(world: World, refusal: Refusal) -> Reply:
    """HTTP 200 with a code, a number from Tuya's gateway, a text from the PMS; code 429 becomes HTTP 429."""
    if refusal.code == "429":
        return server_error(429)
    code = refusal.code.encode() if refusal.code.isdigit() else b'"' + refusal.code.encode() + b'"'
    body = b'{"code":' + code + b',"msg":' + msgspec.json.encode(refusal.text) + b',"success":false,' + _tail(world)
    return Reply(200, body)


class Envelope(NamedTuple):
    """How a family of calls wraps what succeeded and what is refused."""

    succeeded: Callable[[World, bytes], Reply] = succeeded
    refused: Callable[[World, Refusal], Reply] = refused


def server_error(status: int) -> Reply:
    return Reply(status, b"<html><head><title>%d</title></head><body>nginx</body></html>" % status, HTML)


def broken_body(variant: int) -> Reply:
    """HTTP 200 without JSON: a maintenance page, a truncated answer, an empty body."""
    bodies = (
        b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>",
        b'{"result":[{"craftLineCode":"j2',
        b"",
    )
    return Reply(200, bodies[variant % 3], HTML if variant % 3 == 0 else JSON)


def oversized(world: World, reply: Reply) -> Reply:
    """The same answer with a field of some MB behind all others."""
    padding = b"x" * int(world.options.oversized_mb * 1024 * 1024)
    return reply._replace(body=reply.body[:-1] + b',"padding":"' + padding + b'"}')


def misshapen(result: bytes, variant: int) -> bytes:
    """JSON of another shape than the result's: wrapped in a list or taken out of it, numbers for objects, text."""
    shapes = (
        b'["unexpected",' + result + b"]",
        b'{"unexpected":' + result + b"}",
        b"[17,18]" if result.startswith(b"[") else b"17",
        b'"unexpected"' if not result.startswith(b'"') else b"[]",
    )
    return shapes[variant % 4]
