"""Accounts of third parties: authorize, give rooms, get a ticket, list (docs/tuya.md, "Third-party authorization")."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tuyahouse.cloud.calls.lenient_values import identifier, text, whole_number
from tuyahouse.cloud.calls.results import confirm, decoded, folded, one_text, unusable
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ItemRefused, UnusableAnswer
from tuyahouse.cloud.http.answer import MOST_PAGE_ROWS
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
MOST_BARREN = 3
"""Pages in a row without an account that came before: a list that repeats itself for ever ends there."""
MOST_ACCOUNTS = 500_000
"""Accounts of a list; with more, it is none."""

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
    """The pages of the list, until as many rows as its ``total`` were received, a page is empty, or nothing new comes.

    Parameters are sent as a query. If that is refused, or page 2 is page 1 again, the pages are read anew by a body,
    beginning with number 1.
    """
    first, met = await _first_page(client, login_name, page_size), _Met()
    yield first
    if met.ends_with(first):
        return
    place, number = first.place, 2
    second = await account_page(client, number, page_size, login_name=login_name, place=place)
    if place == "query" and second.accounts and second.accounts == first.accounts:
        place, number, met = "body", 1, _Met()
        second = await account_page(client, number, page_size, login_name=login_name, place=place)
    page = second
    while True:
        yield page
        if met.ends_with(page) or number >= MOST_PAGES:
            return
        number += 1
        page = await account_page(client, number, page_size, login_name=login_name, place=place)


class _Met:
    """What a reading of the list has brought so far."""

    def __init__(self) -> None:
        self._uids: set[str] = set()
        self._rows = self._barren = 0

    def ends_with(self, page: AccountPage) -> bool:
        """Whether the list ends with this page: all that it announces came, or it repeats itself.

        Raises:
            UnusableAnswer: there are more than :data:`MOST_ACCOUNTS`.
        """
        before = len(self._uids)
        self._uids.update(account.uid for account in page.accounts)
        self._rows += page.rows
        self._barren = self._barren + 1 if len(self._uids) == before else 0
        if self._rows > MOST_ACCOUNTS:
            raise UnusableAnswer(f"{ACCOUNTS.name}: the list has more than {MOST_ACCOUNTS:,} rows")
        announced = page.total is not None and self._rows >= page.total
        return not page.rows or announced or self._barren >= MOST_BARREN


async def _first_page(client: "TuyaClient", login_name: str, page_size: int) -> AccountPage:
    try:
        return await account_page(client, 1, page_size, login_name=login_name)
    except ItemRefused as error:
        if error.code not in _NOT_BY_QUERY:
            raise
    return await account_page(client, 1, page_size, login_name=login_name, place="body")


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
    if items and len(items) > MOST_PAGE_ROWS:
        raise unusable(f"the page has {len(items):,} rows", answer, ACCOUNTS)
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
