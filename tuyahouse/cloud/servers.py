"""The servers that the calls of an account go to: Tuya's own, and Tuya IoT on Alibaba Cloud if its address is set."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx

from tuyahouse.cloud.endpoint import Endpoint, Server
from tuyahouse.cloud.errors import ConfigurationWrong, TuyaError, prefix
from tuyahouse.cloud.http.requests import Requests
from tuyahouse.cloud.http.transport import Transport, open_transport
from tuyahouse.settings import Account


class Address(NamedTuple):
    """A server as it is called: ``account`` has its base URL."""

    account: Account
    requests: Requests
    transport: Transport


class Servers:
    """The open servers of an account; made by :func:`open_servers`."""

    def __init__(self, account: Account, transport: Transport, visual: Transport | None) -> None:
        self._account = account
        self._addresses: dict[Server, Address] = {"tuya": Address(account, Requests(account), transport)}
        if visual is not None:
            there = _at_visual(account)
            self._addresses["visual"] = Address(there, Requests(there), visual)

    def address(self, endpoint: Endpoint) -> Address:
        """The server of an endpoint.

        Raises:
            ConfigurationWrong: no setting says where it is.
        """
        try:
            return self._addresses[endpoint.server]
        except KeyError:
            raise ConfigurationWrong(
                f"{endpoint.name} was not sent: it is unknown where Tuya IoT on Alibaba Cloud is",
                endpoint=endpoint.name,
                remedy=f"Set {prefix(self._account.name)}VISUAL_BASE_URL.",
                reached=False,
            ) from None


@asynccontextmanager
async def open_servers(account: Account, given: httpx.AsyncBaseTransport | None) -> AsyncGenerator[Servers, None]:
    """Connections to each server, or the ``given`` transport for all of them, which is not closed."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_transport(account, given))
        visual = None
        if account.visual_base_url:
            there = open_transport(_at_visual(account), given, "VISUAL_BASE_URL")
            visual = await stack.enter_async_context(there)
        yield Servers(account, opened, visual)


def _at_visual(account: Account) -> Account:
    """The account with the base URL of Tuya IoT on Alibaba Cloud."""
    return account.model_copy(update={"base_url": account.visual_base_url})


def setting_named(error: TuyaError, endpoint: Endpoint) -> TuyaError:
    """The same error; its remedy names the setting of the server's address."""
    if endpoint.server == "visual":
        for name in ("REGION (or BASE_URL)", "BASE_URL (or REGION)", "BASE_URL"):
            error.remedy = error.remedy.replace(f"__{name}", "__VISUAL_BASE_URL")
    return error
