"""The login to Tuya's production system: a refresh once a day, else login token and login within ten seconds.

Contract: docs/tuya.md, "PMS login".
"""

import base64
from dataclasses import replace

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tuyahouse.cloud.auth.grants import PMS_TOKEN_SECONDS, Send, answered_at, decoded, new_token, token_of, with_remedy
from tuyahouse.cloud.auth.tokens import Tokens
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.codes import PMS_USER
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    BudgetReached,
    ConfigurationWrong,
    ItemRefused,
    NotFound,
    QuotaExhausted,
    Throttled,
    TuyaError,
    UnusableAnswer,
    prefix,
)
from tuyahouse.redaction import SECRETS
from tuyahouse.stores import Token

REFRESH = Endpoint("GET", "/v1.0/token/{refresh_token}", token=None, secret=True, idempotent=False)
LOGIN_TOKEN = Endpoint("POST", "/v2.0/pms/production/login/token/get", token="platform", secret=True)
LOGIN = Endpoint("POST", "/v2.0/pms/production/user/login", token="platform", secret=True)

DAY_SECONDS = 24 * 3600.0
LATE_SECONDS = 8.0
"""A login token lives ten seconds: a login refused this long after requesting it may just be too late."""

TOO_SLOW = (
    "Tuya's login token lives ten seconds and the login came later, twice: "
    "look at the network and at the load of this machine."
)

_STOPS = (Throttled, QuotaExhausted, BudgetReached)


class _LoginToken(msgspec.Struct):
    publicKey: str
    token: str


class _LoggedIn(msgspec.Struct):
    accessToken: str
    refreshToken: str | None = None


class PmsLogin:
    """Obtains PMS tokens: by a refresh at most once in 24 hours, otherwise by login token and login.

    Args:
        send: sends one request, without retries.
        platform: keeper of the platform token, with which both login calls are signed.
        clock: Tuya's time.
        account: name of the account, for the remedies in errors.
        username: of the PMS user.
        password: of the PMS user.
    """

    def __init__(
        self,
        send: Send,
        platform: Tokens,
        clock: ServerClock,
        *,
        account: str,
        username: str,
        password: str,
    ) -> None:
        self._send = send
        self._platform = platform
        self._clock = clock
        self._account = account
        self._username = username
        self._password = password
        self._refresh_tried_at: float | None = None

    async def grant(self, before: Token | None) -> Token:
        """A new token in place of ``before``.

        Raises:
            ConfigurationWrong: the user or password is refused.
        """
        if before and before.refresh and self._may_refresh(before) and (token := await self._refreshed(before)):
            return replace(token, refreshed_at=self._refresh_tried_at)
        return await self.login(before)

    async def login(self, before: Token | None) -> Token:
        """A new token by user name and password, without trying a refresh.

        ``before`` carries the time of the last refresh into the new token.

        Raises:
            ConfigurationWrong: the user or password is refused.
        """
        tried_at = self._refresh_tried_at or (before.refreshed_at if before else None)
        return replace(await self._paired(), refreshed_at=tried_at)

    def _may_refresh(self, before: Token) -> bool:
        """Once in 24 hours, across logins, successful or not: it is not documented what the daily limit counts."""
        tried_at = max(before.refreshed_at or 0.0, self._refresh_tried_at or 0.0)
        return self._clock.now() - tried_at >= DAY_SECONDS

    async def _refreshed(self, before: Token) -> Token | None:
        """The refreshed token; None if refused. When Tuya refuses is not documented; a login always works."""
        try:
            answer = await self._send(REFRESH, path={"refresh_token": before.refresh})
            token = token_of(answer, REFRESH, self._clock)
        except _STOPS:
            raise
        except TuyaError:
            token = None
        self._refresh_tried_at = self._clock.now()
        return token

    async def _paired(self) -> Token:
        """Login token and login as one step; repeated once if the login was late, once if the platform token died."""
        platform = await self._platform.current()
        left = {"late", "died"}
        while True:
            started = self._clock.now()
            try:
                return await self._pair(platform)
            except (AuthenticationRefused, ItemRefused, NotFound) as error:
                why = "late" if self._clock.now() - started >= LATE_SECONDS else "died"
                if why not in left or (why == "died" and not isinstance(error, AuthenticationRefused)):
                    raise self._login_refused(error, why) from None
                left.discard(why)
                if why == "died":
                    platform = await self._platform.replace(platform)

    async def _pair(self, platform: Token) -> Token:
        answer = await self._send(LOGIN_TOKEN, body={"username": self._username}, token=platform)
        login = decoded(answer, _LoginToken, LOGIN_TOKEN)
        SECRETS.keep_passing(login.token)
        password = encrypt_password(self._password, login.publicKey, self._account)
        body = {"username": self._username, "password": password, "token": login.token}
        answer = await self._send(LOGIN, body=body, token=platform)
        given = decoded(answer, _LoggedIn, LOGIN)
        return new_token(
            given.accessToken, given.refreshToken, answered_at(answer, self._clock) + PMS_TOKEN_SECONDS, LOGIN
        )

    def _login_refused(self, error: TuyaError, why: str) -> TuyaError:
        if why == "late":
            return with_remedy(AuthenticationRefused, error, TOO_SLOW)
        if isinstance(error, AuthenticationRefused):
            return error
        remedy = error.remedy if error.code.startswith("HTTP") else PMS_USER.replace("{p}", prefix(self._account))
        return with_remedy(ConfigurationWrong, error, remedy)


def encrypt_password(password: str, public_key: str, account: str = "") -> str:
    """Base64 of RSA (PKCS#1 v1.5) over the password, with a key that is Base64 of DER, without PEM armour.

    Raises:
        UnusableAnswer: the key cannot be read.
        ConfigurationWrong: the password is too long for the key.
    """
    try:
        key = load_der_public_key(base64.b64decode(public_key))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnusableAnswer(f"{LOGIN_TOKEN.name} gave no RSA public key", endpoint=LOGIN_TOKEN.name)
    if len(password.encode()) > key.key_size // 8 - 11:
        raise ConfigurationWrong(
            f"The PMS password is longer than the {key.key_size // 8 - 11} bytes that fit into Tuya's key",
            endpoint=LOGIN.name,
            remedy=f"Check {prefix(account)}PMS_PASSWORD.",
        )
    return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()
