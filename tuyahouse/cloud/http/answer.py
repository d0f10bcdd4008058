"""Tuya's envelope, read tolerantly: every page prints it a little differently (docs/tuya.md, "Errors")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.answer_excerpt import beginning
from tuyahouse.cloud.clock import milliseconds
from tuyahouse.cloud.errors import ItemRefused, PassingFault, Throttled, TuyaError, UnusableAnswer, prefix, refusal

MOST_VALUES = 2_000_000
"""Values of an answer, counted by its commas. A value of one byte takes some eighty once it is decoded; the 32 MB of an
answer hold a million and a half when it is made of steps."""

MOST_PAGE_ROWS = 10_000
"""Rows of a page of a list; with more it is none: at most a thousand are asked for."""

_NULL = msgspec.Raw(b"null")
_ABSENT = msgspec.Raw(b"")
_NOT_OFFERED = frozenset({404, 405, 501})


@dataclass(slots=True)
class Answer:
    """A successful answer. ``result`` is the value as sent, not decoded (``null`` when there was none).

    ``shaped`` takes its place, and it is null, where the endpoint has a ``shape`` that fits.
    """

    result: msgspec.Raw
    body: bytes
    t_ms: int | None
    tid: str
    shaped: msgspec.Struct | None = None


@dataclass(slots=True)
class Received:
    """A whole answer as it came over HTTP. A struct of our own: an ``httpx.Response`` costs too much CPU a call.

    Attributes:
        status: HTTP status.
        headers: looked up by name, in any case.
        content: the body, decompressed.
        outcome: what the answer means; None until it is judged.
        t_ms: the answer's ``t`` in milliseconds; None where it has none, and until it is judged.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    outcome: Answer | TuyaError | None = None
    t_ms: int | None = None


class Envelope(msgspec.Struct, gc=False):
    """What is around every result. ``Code``, ``mes`` and ``data`` are spellings that Tuya's own samples use."""

    success: bool | str | int | None = None
    result: msgspec.Raw = _ABSENT
    t: int | float | str | None = None
    tid: str | None = None
    code: int | str | None = None
    msg: str | None = None
    data: msgspec.Raw = _ABSENT
    mes: str | None = None
    capital_code: int | str | None = msgspec.field(default=None, name="Code")

    @property
    def succeeded(self) -> bool:
        success = self.success
        return success is True or (success is not False and str(success).strip().lower() in ("true", "1"))

    @property
    def t_ms(self) -> int | None:
        try:
            return None if self.t is None else milliseconds(int(self.t))
        except (ValueError, OverflowError):
            return None

    @property
    def payload(self) -> msgspec.Raw:
        if self.result != _ABSENT:
            return self.result
        return self.data if self.data != _ABSENT else _NULL


_decode = msgspec.json.Decoder(Envelope).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.encode
_SMALL = {name.capitalize(): name for name in ("success", "result", "data", "t", "tid", "code", "msg")}


@cache
def _decode_shaped(shape: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    """A decoder of successful answers whose result has this shape, envelope included; it raises for all others."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]]
    fields = [("success", Literal[True]), ("result", shape), ("t", int), ("tid", str, "")]
    return msgspec.json.Decoder(msgspec.defstruct("ShapedEnvelope", fields)).decode


def _read_shaped(shape: type[msgspec.Struct], body: bytes) -> Answer | None:
    """The answer; None for a refusal or another shape, which are then read tolerantly."""
    try:
        whole = _decode_shaped(shape)(body)
    except json_text.BROKEN:
        return None
    return Answer(_NULL, body, milliseconds(whole.t), whole.tid, whole.result)


def read_answer(
    status: int,
    body: bytes,
    *,
    endpoint: str = "",
    account: str = "",
    bare: bool = False,
    secret: bool = False,
    shape: type[msgspec.Struct] | None = None,
) -> tuple[Answer | TuyaError, int | None]:
    """Judge one answer: what it brought or why not, and its ``t`` in milliseconds.

    Args:
        status: HTTP status. Tuya answers 200 even when it refuses; others mostly come from something in between.
        body: the bytes as received.
        endpoint: name of the call, for the words of an error.
        account: name of the account, for the remedy.
        bare: the call is known to answer without the envelope.
        secret: the answer holds a token, so no part of it may go into an error.
        shape: what the result is to be decoded into, if it fits.
    """
    if len(body) > MOST_VALUES and body.count(b",") > MOST_VALUES:
        words = f"The answer to {endpoint or 'a call'} holds more than {MOST_VALUES:,} values"
        return UnusableAnswer(words, b"" if secret else body, endpoint=endpoint), None
    if shape is not None and status == 200 and (answer := _read_shaped(shape, body)):
        return answer, answer.t_ms
    try:
        envelope = json_text.read(_decode, body)
    except msgspec.ValidationError as error:
        if status == 200:
            return UnusableAnswer(
                f"Tuya's envelope has another shape: {error}", b"" if secret else body, endpoint=endpoint
            ), None
        return _not_tuya(status, body, endpoint, account, secret), None
    except msgspec.DecodeError:
        return _not_tuya(status, body, endpoint, account, secret), None
    if envelope.success is None:
        envelope = _in_small_letters(body) or envelope
    t_ms = envelope.t_ms
    if envelope.success is None:
        return _without_success(envelope, status, body, endpoint, account, bare, secret), t_ms
    if not envelope.succeeded:
        return _refusal(envelope, endpoint, account), t_ms
    if status >= 300:
        return _not_tuya(status, body, endpoint, account, secret), t_ms
    return Answer(envelope.payload, body, t_ms, envelope.tid or ""), t_ms


def _in_small_letters(body: bytes) -> Envelope | None:
    """The envelope if its names begin with capitals (``Success``, ``Data``), else None."""
    try:
        sent = json_text.read(_decode_members, body)
        if "Success" not in sent:
            return None
        return _decode(_encode({_SMALL[name]: value for name, value in sent.items() if name in _SMALL}))
    except msgspec.MsgspecError:
        return None


def stored_result(body: bytes) -> bytes:
    """The result inside an answer that was stored as received.

    Raises:
        TuyaError: it cannot be read.
    """
    answer, _ = read_answer(200, body)
    if isinstance(answer, TuyaError):
        raise answer
    return bytes(answer.result)


def _refusal(envelope: Envelope, endpoint: str, account: str) -> TuyaError:
    code = envelope.code if envelope.code is not None else envelope.capital_code
    return refusal(code, envelope.msg or envelope.mes or "", tid=envelope.tid or "", endpoint=endpoint, account=account)


def _without_success(
    envelope: Envelope, status: int, body: bytes, endpoint: str, account: str, bare: bool, secret: bool
) -> Answer | TuyaError:
    if envelope.code is not None or envelope.capital_code is not None:
        return _refusal(envelope, endpoint, account)
    if status >= 300:
        return _not_tuya(status, body, endpoint, account, secret)
    if bare:
        return Answer(msgspec.Raw(body), body, envelope.t_ms, envelope.tid or "")
    return UnusableAnswer(
        "Tuya's answer says neither success nor a code",
        b"" if secret else body,
        tid=envelope.tid or "",
        endpoint=endpoint,
    )


def _not_tuya(status: int, body: bytes, endpoint: str, account: str, secret: bool) -> TuyaError:
    """An answer without an envelope, judged by its status and its first bytes."""
    if status == 429:
        remedy = f"Calls are slowed down automatically; if it happens often, lower {prefix(account)}CALLS_PER_SECOND."
        return Throttled(
            f"{endpoint} was answered with HTTP 429: too many calls",
            code="HTTP 429",
            endpoint=endpoint,
            remedy=remedy,
            reached=False,
        )
    code, raw = f"HTTP {status}", b"" if secret else beginning(body)
    remedy = (
        "If this persists, something between this machine and Tuya answers in its place: check "
        f"{prefix(account)}BASE_URL (or REGION), proxies and firewalls."
    )
    if status in _NOT_OFFERED:
        return ItemRefused(
            f"{endpoint} was answered with {code}: it is not offered there",
            code=code,
            endpoint=endpoint,
            remedy=remedy,
            raw=raw,
        )
    return PassingFault(
        f"{endpoint} was answered with {code} and {_kind(body)}", code=code, endpoint=endpoint, remedy=remedy, raw=raw
    )


def _kind(body: bytes) -> str:
    start = body.lstrip()[:200].lower()
    if not start:
        return "an empty body"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<")):
        return "HTML instead of JSON"
    return "JSON that is cut off or broken" if start[:1] in b"{[" else "something that is not JSON"
