"""Signing, re-authentication and clock correction as one httpx auth flow that does no network access of its own.

    sign → send → refused (1010 and similar) → another token → sign → send
                → refused (1013) → the clock is corrected from the answer → sign → send

A call requests at most one new token and corrects the clock at most once. A token that another process obtained
meanwhile costs nothing. It may be dead again before this call is sent, so it may be taken over a few times.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from email.utils import parsedate_to_datetime

from tuyahouse.cloud.auth.signing import Signer
from tuyahouse.cloud.auth.tokens import Tokens
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.codes import Action
from tuyahouse.cloud.http.answer import Received
from tuyahouse.cloud.http.requests import Request
from tuyahouse.stores import Token

Verdict = tuple[Action | None, int | None]
"""The action that an answer asks for, if any, and its ``t`` in milliseconds."""

TAKE_OVERS = 5
"""How often a call tries again with a token that another process obtained."""


class TuyaAuth:
    """Signs requests of one kind of token.

    Args:
        signer: of the project.
        clock: Tuya's time.
        tokens: None: signed with the request's own ``token``, or without one (token calls).
        judge: tells the action that an answer asks for, and its time.
        turn: awaited right before each signing, so that a request waits for its slot and is signed with a fresh time.
    """

    def __init__(
        self,
        signer: Signer,
        clock: ServerClock,
        tokens: Tokens | None,
        judge: Callable[[Received], Verdict],
        turn: Callable[[Request], Awaitable[None]] | None = None,
    ) -> None:
        self._signer = signer
        self._clock = clock
        self._tokens = tokens
        self._judge = judge
        self._turn = turn

    async def async_auth_flow(self, request: Request) -> AsyncGenerator[Request, Received]:
        token = await self._tokens.current() if self._tokens else request.token
        left = {Action.FIX_CLOCK: 1, Action.REAUTHENTICATE: TAKE_OVERS if self._tokens else 0}
        while True:
            if self._turn:
                await self._turn(request)
            self.sign(request, token)
            offset = self._clock.offset_seconds
            response = yield request
            action, t_ms = self._judge(response)
            if action is None or not left.get(action):
                return
            left[action] -= 1
            if action is Action.FIX_CLOCK:
                observed = self._clock.observe(t_ms or _date(response), refused=True)
                if not observed and self._clock.offset_seconds == offset:  # nor did another call correct it meanwhile
                    return
            elif self._tokens and token:
                grants = self._tokens.grants
                token = await self._tokens.replace(token)
                if self._tokens.grants > grants:
                    left[action] = 0

    def sign(self, request: Request, token: Token | None) -> None:
        """Add the signature headers to the request."""
        signed = self._signer.headers(
            request.method,
            request.signed_url,
            request.content,
            t_ms=self._clock.now_ms(),
            access_token=token.access if token else "",
        )
        request.headers = {**request.unsigned_headers, **signed}


def _date(response: Received) -> int | None:
    try:
        return int(parsedate_to_datetime(response.headers["date"]).timestamp() * 1000)
    except (KeyError, ValueError, TypeError):
        return None
