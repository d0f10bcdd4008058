"""Which path is served by what, and with which token."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast
from urllib.parse import parse_qsl

import msgspec

from tuyahouse.sandbox.http.answers import Envelope
from tuyahouse.sandbox.world.refusals import Refusal

TokenKind = Literal["platform", "pms", None]


class Call:
    """One request as a handler sees it."""

    def __init__(self, method: str, path: str, query: str, body: bytes, headers: Mapping[bytes, bytes]) -> None:
        self.method = method
        self.path = path
        self.query_string = query
        self.body = body
        self.headers = headers
        self.parts: dict[str, str] = {}

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as an object; 1109 if it is something else. An empty body is an empty object."""
        try:
            value = msgspec.json.decode(self.body) if self.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal("1109") from None
        if not isinstance(value, dict):
            raise Refusal("1109")
        return cast("dict[str, Any]", value)

    def text(self, name: str, code: str = "THE_BLANK_PARAM") -> str:
        """A required text of the body."""
        value = self.json.get(name)
        if not isinstance(value, str) or not value:
            raise Refusal(code, f"the param {name} is blank")
        return value


Handler = Callable[[Any, Call], bytes]


class Endpoint(NamedTuple):
    """``key`` names the body field, path part or query parameter that is asked for. ``spared`` faults never strike."""

    method: str
    template: str
    token: TokenKind
    handler: Handler
    key: str = ""
    spared: frozenset[str] = frozenset()
    envelope: Envelope = Envelope()

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def key_of(self, call: Call) -> str:
        if not self.key:
            return ""
        if self.key in call.parts:
            return call.parts[self.key]
        source = call.query if call.method == "GET" else _forgiving(call)
        value = source.get(self.key, "")
        return value if isinstance(value, str) else ""


def _forgiving(call: Call) -> dict[str, Any]:
    try:
        return call.json
    except Refusal:
        return {}


class Router:
    """Finds plain paths in a dictionary, and paths with parts by their patterns, in order."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._plain = {(e.method, e.template): (e, e.name) for e in endpoints if "{" not in e.template}
        self._patterns = [(_pattern(e), e, e.name) for e in endpoints if "{" in e.template]

    def find(self, call: Call) -> tuple[Endpoint, str]:
        """The endpoint and its name; fills the call's parts. 1108 for an unknown path."""
        if found := self._plain.get((call.method, call.path)):
            return found
        target = f"{call.method} {call.path}"
        for pattern, endpoint, name in self._patterns:
            if match := pattern.fullmatch(target):
                call.parts = match.groupdict()
                return endpoint, name
        raise Refusal("1108")


def _pattern(endpoint: Endpoint) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(endpoint.name)))
