"""The tokens that an account can have: of the platform, and of the production system (PMS) if its user is set."""

from tuyahouse.cloud.auth.grants import Send, platform_grant
from tuyahouse.cloud.auth.pms_login import PmsLogin
from tuyahouse.cloud.auth.tokens import TokenKeeper
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.settings import Account
from tuyahouse.stores import TokenStore


class Keepers:
    """``by_kind`` keeps the tokens alive: ``platform``, and ``pms`` if the account has its user."""

    def __init__(self, account: Account, store: TokenStore, send: Send, clock: ServerClock) -> None:
        early = float(account.refresh_early_seconds)
        grant = platform_grant(send, clock, account.name)
        platform = TokenKeeper(account.name, "platform", store, grant, clock=clock, early=early)
        self.by_kind = {"platform": platform}
        if not account.has_pms:
            return
        self._login = PmsLogin(
            send,
            platform,
            clock,
            account=account.name,
            username=account.pms_username,
            password=account.pms_password.get_secret_value(),
        )
        pms = TokenKeeper(account.name, "pms", store, self._login.grant, clock=clock, early=early)
        self.by_kind["pms"] = pms

    async def login_anew(self) -> None:
        """Log the PMS user in even if a stored login is still valid. Only for accounts that have a PMS user.

        Raises:
            TuyaError: why there is no login; the stored one stays.
        """
        await self.by_kind["pms"].renew(self._login.login)

    async def aclose(self) -> None:
        for keeper in reversed(self.by_kind.values()):
            await keeper.aclose()
