"""How tokens are requested: what all grants share, and the grant of the platform token (docs/tuya.md, "Tokens")."""

import logging
from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.auth.tokens import Grant
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    ConfigurationWrong,
    ItemRefused,
    NotFound,
    TuyaError,
    UnusableAnswer,
    prefix,
)
from tuyahouse.cloud.http.answer import Answer
from tuyahouse.stores import Token

GRANT = Endpoint("GET", "/v1.0/token", token=None, secret=True)

PMS_TOKEN_SECONDS = 7200.0
"""Lifetime of a PMS token, from Tuya's guide; the answer to the login does not contain it."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Send(Protocol):
    """Sends one request, without retries, signed with ``token`` as given."""

    async def __call__(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        token: Token | None = None,
    ) -> Answer: ...


class _Granted(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expire_time: int | None = None
    expire: int | None = None


def decoded(answer: Answer, shape: type[T], endpoint: Endpoint) -> T:
    """The result as ``shape``. No error quotes its bytes, which hold a token."""
    try:
        return json_text.read(lambda sent: msgspec.json.decode(sent, type=shape, strict=False), answer.result)
    except msgspec.MsgspecError as error:
        raise UnusableAnswer(
            f"{endpoint.name} gave no token: {error}", tid=answer.tid, endpoint=endpoint.name
        ) from None


def token_of(answer: Answer, endpoint: Endpoint, clock: ServerClock) -> Token:
    """The token in the answer to a grant or refresh. It expires ``expire_time`` seconds after the answer's ``t``."""
    clock.observe(answer.t_ms)
    given = decoded(answer, _Granted, endpoint)
    life = given.expire_time or given.expire or PMS_TOKEN_SECONDS
    if life < 0:
        _log.warning(
            "%s gave a token that ends after %s seconds; it is used until Tuya refuses it", endpoint.name, life
        )
        life = PMS_TOKEN_SECONDS
    return new_token(given.access_token, given.refresh_token, answered_at(answer, clock) + life, endpoint)


def new_token(access: str, refresh: str | None, expires_at: float, endpoint: Endpoint) -> Token:
    """A token that Tuya has just issued.

    Raises:
        UnusableAnswer: it is empty.
    """
    if not access:
        raise UnusableAnswer(f"{endpoint.name} gave an empty token", endpoint=endpoint.name)
    return Token(access, refresh or "", expires_at)


def answered_at(answer: Answer, clock: ServerClock) -> float:
    return clock.now() if answer.t_ms is None else answer.t_ms / 1000


def platform_grant(send: Send, clock: ServerClock, account: str) -> Grant:
    """The grant of the platform token: one call, ``grant_type=1``.

    Raises (the grant):
        ConfigurationWrong: the credentials, the data centre or the address are refused.
    """

    async def grant(before: Token | None) -> Token:
        try:
            answer = await send(GRANT, query={"grant_type": "1"})
        except (ItemRefused, NotFound, AuthenticationRefused) as error:
            p = prefix(account)
            raise with_remedy(
                ConfigurationWrong, error, f"Check {p}CLIENT_ID, {p}CLIENT_SECRET and {p}BASE_URL (or REGION)."
            ) from None
        return token_of(answer, GRANT, clock)

    return grant


def with_remedy(kind: type[TuyaError], error: TuyaError, remedy: str) -> TuyaError:
    return kind(error.what, code=error.code, msg=error.msg, tid=error.tid, endpoint=error.endpoint, remedy=remedy)
