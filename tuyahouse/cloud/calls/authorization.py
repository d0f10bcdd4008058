"""Accounts of third parties: authorize, give rooms, get a ticket, list (docs/tuya.md, "Third-party authorization")."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tuyahouse.cloud.calls.loose import identifier, text, whole_number
from tuyahouse.cloud.calls.results import confirm, decoded, folded, one_text, unusable
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ItemRefused
from tuyahouse.redaction import SECRETS

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

AUTHORIZE = Endpoint("POST", "/v1.0/industry/auth/admin", idempotent=False)
TICKET = Endpoint("POST", "/v1.0/industry/auth/ticket", idempotent=False, secret=True)
ADD_PERMISSION = Endpoint("POST", "/v1.0/illumination/account/permission/add", idempotent=False)
ACCOUNTS = Endpoint("GET", "/v1.0/illumination/account/list", bare=True)

DEFAULT_COUNTRY = "86"
PAGE_SIZE = 50
MOST_PAGES = 10_000
"""Pages after which a list that does not end is abandoned."""

Place = Literal["query", "body"]
_NOT_BY_QUERY = frozenset({"1100", "1101", "1102", "1104", "1109"})


class AuthorizedAccount(msgspec.Struct, frozen=True):
    """An account of the list. ``create_date`` is text as Tuya writes it; ``extra`` holds undocumented fields."""

    uid: str
    login_name: str | None = None
    nick_name: str | None = None
    role_code: str | None = None
    role_name: str | None = None
    remark: str | None = None
    create_date: str | None = None
    admin_id: str | None = None
    extra: dict[str, Any] | None = None


class AccountPage(msgspec.Struct, frozen=True):
    """One page of the list. ``unusable`` holds items without a uid; ``total`` is None if Tuya sent no number.

    ``place`` says where the parameters were sent that Tuya answered.
    """

    number: int
    accounts: list[AuthorizedAccount]
    unusable: list[Any]
    total: int | None
    place: Place
    body: bytes = b""

    @property
    def rows(self) -> int:
        return len(self.accounts) + len(self.unusable)


async def authorize(
    client: "TuyaClient", username: str, *, nick_name: str | None = None, country_code: str = DEFAULT_COUNTRY
) -> str:
    """Let an account of a third party log in to Tuya; returns its uid. The same name again has the same uid."""
    body = {"username": username, "countryCode": country_code} | ({"nickName": nick_name} if nick_name else {})
    return one_text(await client.call(AUTHORIZE, body=body), AUTHORIZE, ("uid", "userId", "tuyaUid", "result"))


async def add_permission(client: "TuyaClient", uid: str, project_id: str, room_ids: Sequence[str]) -> None:
    """Let an account into rooms of a project. Room ids have 19 digits: they are text, never numbers."""
    body = {"projectId": project_id, "tuyaUid": uid, "roomIdList": list(room_ids)}
    confirm(await client.call(ADD_PERMISSION, body=body), ADD_PERMISSION)


async def get_ticket(client: "TuyaClient", username: str, *, country_code: str = DEFAULT_COUNTRY) -> str:
    """A ticket that logs its holder in as this account. It is a secret: hidden in all logs and texts from now on."""
    answer = await client.call(TICKET, body={"username": username, "countryCode": country_code})
    ticket = one_text(answer, TICKET, ("ticket", "result"))
    SECRETS.keep_passing(ticket)
    return ticket


async def read_accounts(
    client: "TuyaClient", *, login_name: str = "", page_size: int = PAGE_SIZE
) -> AsyncIterator[AccountPage]:
    """The pages of the list, until as many rows as its ``total`` were received, or a page is empty.

    Parameters are sent as a query. If that is refused, or page 2 is page 1 again, the pages are read anew by a body,
    beginning with number 1.
    """
    first = await _first_page(client, login_name, page_size)
    yield first
    if _is_last(first, first.rows):
        return
    place = first.place
    second = await account_page(client, 2, page_size, login_name=login_name, place=place)
    if place == "query" and second.accounts and second.accounts == first.accounts:
        async for page in _rest(client, login_name, page_size, "body", 1, 0):
            yield page
        return
    yield second
    if not _is_last(second, first.rows + second.rows):
        async for page in _rest(client, login_name, page_size, place, 3, first.rows + second.rows):
            yield page


async def _first_page(client: "TuyaClient", login_name: str, page_size: int) -> AccountPage:
    try:
        return await account_page(client, 1, page_size, login_name=login_name)
    except ItemRefused as error:
        if error.code not in _NOT_BY_QUERY:
            raise
    return await account_page(client, 1, page_size, login_name=login_name, place="body")


async def _rest(
    client: "TuyaClient", login_name: str, page_size: int, place: Place, number: int, rows: int
) -> AsyncIterator[AccountPage]:
    for each in range(number, MOST_PAGES):
        page = await account_page(client, each, page_size, login_name=login_name, place=place)
        yield page
        rows += page.rows
        if _is_last(page, rows):
            return


def _is_last(page: AccountPage, rows: int) -> bool:
    return not page.rows or (page.total is not None and rows >= page.total)


async def accounts_named(client: "TuyaClient", login_name: str) -> list[AuthorizedAccount]:
    """The accounts with exactly this login name: one for each country code. Tuya's filter may find similar names."""
    found = {
        account.uid: account
        async for page in read_accounts(client, login_name=login_name)
        for account in page.accounts
        if account.login_name == login_name
    }
    return list(found.values())


async def account_page(
    client: "TuyaClient", number: int, size: int, *, login_name: str = "", place: Place = "query"
) -> AccountPage:
    """One page of the list, counted from 1.

    Raises:
        UnusableAnswer: there is no list.
    """
    asked: dict[str, Any] = {"page": number, "pageSize": size} | ({"loginName": login_name} if login_name else {})
    if place == "body":
        answer = await client.call(ACCOUNTS, body=asked)
    else:
        answer = await client.call(ACCOUNTS, query={name: str(value) for name, value in asked.items()})
    value = decoded(answer, ACCOUNTS)
    fields = folded(value) if isinstance(value, dict) else {}
    items, total = fields.get("list"), whole_number(fields.get("total"))
    if not isinstance(items, list) and not (items is None and total == 0):
        raise unusable("the result has no list", answer, ACCOUNTS)
    read = [(item, read_account(item)) for item in items or []]
    return AccountPage(
        number,
        [account for _, account in read if account],
        [item for item, account in read if not account],
        total if total is not None and total >= 0 else None,
        place,
        answer.body,
    )


_ECHOED = ("page", "pagesize")


def read_account(item: Any) -> AuthorizedAccount | None:
    """An item of the list; None if it has no uid."""
    fields = folded(item) if isinstance(item, dict) else {}
    uid = identifier(fields.pop("uid", None))
    if not uid:
        return None
    for name in _ECHOED:
        fields.pop(name, None)
    known = {name: text(fields.pop(name.replace("_", ""), None)) for name in _DOCUMENTED}
    return AuthorizedAccount(uid, **known, extra=fields or None)


_DOCUMENTED = ("login_name", "nick_name", "role_code", "role_name", "remark", "create_date", "admin_id")
