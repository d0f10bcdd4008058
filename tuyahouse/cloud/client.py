"""Calls of one account to Tuya over HTTP: signed, paced, counted, retried where that helps."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
import stamina

from tuyahouse.cloud.auth.auth import TuyaAuth, Verdict
from tuyahouse.cloud.auth.keepers import Keepers
from tuyahouse.cloud.auth.signing import Signer
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, PassingFault, Throttled, TuyaError, prefix
from tuyahouse.cloud.http.answer import Answer, Received, read_answer
from tuyahouse.cloud.http.deadline import Deadline
from tuyahouse.cloud.http.faults import FAULTS, fault
from tuyahouse.cloud.http.requests import Request
from tuyahouse.cloud.pace.pacer import Pacer
from tuyahouse.cloud.retry_notice import RetryNotice
from tuyahouse.cloud.servers import Servers, open_servers, setting_named
from tuyahouse.pace import steady_time
from tuyahouse.redaction import SECRETS
from tuyahouse.settings import Account
from tuyahouse.stores import SlotStore, Token, TokenStore

__all__ = ["Answer", "Endpoint", "TuyaClient"]

_OF_THE_ADDRESS = frozenset({"1004", "1108"})
"""Codes of a signature and of a path that are not accepted."""


class TuyaClient:
    """The only way to call Tuya for an account; created by :meth:`open`.

    Attributes:
        calls: calls started since it was opened, retries and token calls included.
        failures: how many of them ended in an error.
        clock: Tuya's time, and by how much the local clock is off.
    """

    def __init__(
        self,
        account: Account,
        tokens: TokenStore,
        slots: SlotStore,
        servers: Servers,
        *,
        clock: Callable[[], float] = steady_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        secrets = (account.client_secret, account.pms_password, account.visual_password)
        SECRETS.keep((secret.get_secret_value() for secret in secrets), sent=True)
        self.account = account
        self.calls = 0
        self.failures = 0
        self.clock = ServerClock(clock, account.url if clock is steady_time else "")
        self.verbs: dict[str, Endpoint] = {}
        self._servers = servers
        self._notice = RetryNotice(account.name)
        self._deadline = Deadline(account.timeout_seconds)
        self._pacer = Pacer(
            account.name,
            slots,
            per_second=account.calls_per_second,
            monthly_calls=account.monthly_calls,
            now=clock,
            sleep=sleep,
        )
        signer = Signer(account.client_id, account.client_secret.get_secret_value(), account.signature)
        self._given = TuyaAuth(signer, self.clock, None, self._judge, self._turn)
        self._keepers = Keepers(account, tokens, self._once, self.clock)
        self._auths = {
            kind: TuyaAuth(signer, self.clock, keeper, self._judge, self._turn)
            for kind, keeper in self._keepers.by_kind.items()
        }

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        account: Account,
        tokens: TokenStore,
        slots: SlotStore,
        *,
        clock: Callable[[], float] = steady_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncGenerator["TuyaClient", None]:
        """A client for the length of a block.

        Args:
            account: the account to call for.
            tokens: holds the live tokens of all processes.
            slots: hands out start slots to all processes.
            clock: local Unix time in seconds.
            sleep: waits for a start slot.
            transport: used instead of connections of its own; it is not closed.
        """
        async with open_servers(account, transport) as servers:
            client = cls(account, tokens, slots, servers, clock=clock, sleep=sleep)
            try:
                yield client
            finally:
                await client._close()

    async def call(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        on_start: Callable[[], None] | None = None,
    ) -> Answer:
        """Call an endpoint. Passing faults and throttle answers are retried, up to ``ATTEMPTS`` attempts in all.

        Args:
            endpoint: the call.
            path: values for the names in the endpoint's path.
            query: parameters.
            body: sent as JSON.
            on_start: called right before the request is sent, in its turn, and again for each retry.

        Raises:
            TuyaError: of the kind that says what to do; the last one if retries did not help.
        """
        request = self._servers.address(endpoint).requests.build(endpoint, path, query, body)
        request.on_start = on_start
        try:
            return await self._ask(endpoint, request)
        except (PassingFault, Throttled) as error:
            if not _repeatable(endpoint, error):
                raise
            first = error
        return await self._repeat(endpoint, request, first)

    async def sign_in(self, *kinds: str) -> list[str]:
        """Make sure of a live token of each of these kinds, by default of every kind the account can have.

        Returns the kinds: ``platform``, and ``pms`` if its user is set.

        A stored token that is still valid is used without a call. A platform token proves the client id, not the
        region: every data centre grants one.

        Raises:
            TuyaError: why there is no token, with what to change.
        """
        wanted = list(kinds or self._keepers.by_kind)
        for kind in wanted:
            await self._keepers.by_kind[kind].current()
        return wanted

    async def login_anew(self) -> None:
        """Log the PMS user in even if a stored login is still valid, to prove that user and password are right.

        Runs that are under way are not disturbed: they find the new login in the store. If it is refused, the stored
        login stays. Only for accounts that have a PMS user.

        Raises:
            TuyaError: why there is no login, with what to change.
        """
        await self._keepers.login_anew()

    async def _repeat(self, endpoint: Endpoint, request: Request, first: TuyaError) -> Answer:
        """Retry with back-off; the attempt that was made already counts."""
        if _repeatable(endpoint, first):
            self._notice.say(first)
        async for attempt in stamina.retry_context(
            on=lambda error: _repeatable(endpoint, error),
            attempts=self.account.attempts,
            timeout=None,
            wait_initial=0.2,
            wait_max=20.0,
        ):
            with attempt:
                if attempt.num == 1:
                    raise first
                return await self._ask(endpoint, request)
        raise first

    async def _ask(self, endpoint: Endpoint, request: Request) -> Answer:
        """One attempt with the token its endpoint needs, renewed once if it is refused."""
        if endpoint.token is None:
            return await self._run(self._given, endpoint, request)
        try:
            auth = self._auths[endpoint.token]
        except KeyError:
            p = prefix(self.account.name)
            raise ConfigurationWrong(
                f"{endpoint.name} needs a login to Tuya's production system",
                endpoint=endpoint.name,
                remedy=f"Set {p}PMS_USERNAME and {p}PMS_PASSWORD.",
            ) from None
        try:
            return await self._run(auth, endpoint, request)
        except ConfigurationWrong as error:
            if error.code in _OF_THE_ADDRESS and _has_odd_key(endpoint, request):
                raise _refused_key(error) from error
            raise

    async def _once(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        token: Token | None = None,
    ) -> Answer:
        """One attempt with the given token or none; tokens themselves are fetched by it."""
        request = self._servers.address(endpoint).requests.build(endpoint, path, query, body)
        request.token = token
        return await self._run(self._given, endpoint, request)

    async def _run(self, auth: TuyaAuth, endpoint: Endpoint, request: Request) -> Answer:
        """Drive one auth flow to its end."""
        flow = auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._send(endpoint, request)
                request = await flow.asend(response)
        except StopAsyncIteration:
            outcome = response.outcome
        except BaseException:
            await flow.aclose()
            raise
        if isinstance(outcome, TuyaError):
            raise outcome
        assert outcome is not None  # every answer is judged where it is received
        return outcome

    async def _send(self, endpoint: Endpoint, request: Request) -> Received:
        """Send the request, and judge the answer."""
        self.calls += 1
        name, address = endpoint.name, self._servers.address(endpoint)
        try:
            with self._deadline:
                response = await address.transport.send(request)
            body = response.content if endpoint.secret else SECRETS.answer(response.content)
        except FAULTS as error:
            self._count_failure(name)
            raise setting_named(fault(error, name, address.account, secret=endpoint.secret), endpoint) from None
        outcome, t_ms = read_answer(
            response.status,
            body,
            endpoint=name,
            account=self.account.name,
            bare=endpoint.bare,
            secret=endpoint.secret,
            shape=endpoint.shape,
        )
        if isinstance(outcome, TuyaError):
            self._count_failure(name)
            response.content = b""  # an error and its traceback live on until garbage is collected
            if isinstance(outcome, Throttled):
                await self._pacer.slower(name)
        response.outcome, response.t_ms = outcome, t_ms
        return response

    def _count_failure(self, name: str) -> None:
        self.failures += 1
        self._pacer.failed(name)

    @staticmethod
    def _judge(response: Received) -> Verdict:
        outcome = response.outcome
        return (outcome.action if isinstance(outcome, TuyaError) else None), response.t_ms

    async def _turn(self, request: Request) -> None:
        await self._pacer.start(request.endpoint.name)
        if request.on_start is not None:
            request.on_start()

    async def _close(self) -> None:
        await self._keepers.aclose()
        self._deadline.close()
        await self._pacer.aclose()


def _repeatable(endpoint: Endpoint, error: Exception) -> bool:
    """Whether a retry can help without the risk of carrying out a write twice."""
    return isinstance(error, PassingFault | Throttled) and (endpoint.idempotent or not error.reached)


def _has_odd_key(endpoint: Endpoint, request: Request) -> bool:
    """Whether a key in the path holds characters that are encoded there: servers read ``%2F`` in more than one way."""
    return "{" in endpoint.path and "%" in request.url.partition("?")[0]


def _refused_key(error: TuyaError) -> ItemRefused:
    """The error as one of its item alone: other calls are accepted."""
    remedy = "Its key holds characters that Tuya does not accept in a path. Correct it where it comes from."
    told = {"code": error.code, "msg": error.msg, "tid": error.tid, "endpoint": error.endpoint}
    return ItemRefused(error.what, **told, remedy=remedy, reached=error.reached, raw=error.raw)
