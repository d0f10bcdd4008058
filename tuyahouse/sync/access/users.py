"""Users of the account's app: created or updated, one or a file of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tuyahouse.cloud.calls.users import PUT_USER, USERNAME_TYPES, UsernameType, put_user
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import prefix
from tuyahouse.settings import Account, SettingsError
from tuyahouse.sync.access.file_rows import read_rows
from tuyahouse.sync.access.intent import End, Facts, Intent, NothingGained, Written
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.passwords import NoPassword, password_at
from tuyahouse.sync.access.write import Door
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.rows import Note, Row, shown
from tuyahouse.warehouse.access import users

DEFAULT_COUNTRY = "86"
LONGEST = 100
"""Characters of a user name and of a nickname."""

HEADINGS = Headings(
    frozenset(("username", "user", "login", "loginname", "用户名")),
    frozenset(("passwordfrom", "passwordat")),
    ("user name", "password's place"),
    "Name its columns username, username_type, country_code, nick_name and password_from.",
    lacks="column of user names",
    more=(
        ("username_type", frozenset(("usernametype", "type", "用户名类型"))),
        ("country_code", frozenset(("countrycode", "country", "国家码"))),
        ("nick_name", frozenset(("nickname", "昵称"))),
        ("password", frozenset(("password", "passwd", "pwd", "密码"))),
    ),
    by_option=False,
)
"""A column of passwords is looked for in order to refuse it."""

_COUNTRY = re.compile(r"[0-9]{1,4}")
_FITS: dict[UsernameType, tuple[re.Pattern[str], str]] = {
    "phone": (re.compile(r"\+?[0-9][0-9 -]{3,24}"), "a phone number"),
    "email": (re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "an e-mail address"),
    "other": (re.compile(r"\S(.*\S)?"), "a user name"),
}


@dataclass(frozen=True, slots=True)
class User:
    """A user of the app. ``password_from`` says where the password is; ``place`` where the user was named."""

    username: str
    username_type: UsernameType
    country_code: str
    nick_name: str | None
    password_from: str
    place: str = ""

    @property
    def what(self) -> str:
        return f"{_at(self.place)}create or update the user {self.username} (country code {self.country_code})"

    @property
    def key(self) -> tuple[str, str]:
        return self.country_code, self.username


def user_of(
    username: str,
    username_type: str = "other",
    country_code: str = DEFAULT_COUNTRY,
    nick_name: str = "",
    password_from: str = "",
    place: str = "",
) -> User | Written:
    """The user with these fields; or, in words, what is not valid about them."""
    number = {str(code): name for name, code in USERNAME_TYPES.items()}
    kind = cast("UsernameType", number.get(username_type, username_type.lower()))
    try:
        _require(kind in USERNAME_TYPES, f"The type {shown(username_type)!r} is none: write phone, email or other.")
        form, words = _FITS[kind]
        _require(
            form.fullmatch(username) is not None and len(username) <= LONGEST and username.isprintable(),
            f"It is not {words} of up to {LONGEST} characters: correct it, or its type.",
        )
        _require(
            _COUNTRY.fullmatch(country_code) is not None,
            f"The country code {shown(country_code)!r} is none: write one to four digits, e.g. 86.",
        )
        _require(len(nick_name) <= LONGEST, f"The nickname is longer than {LONGEST} characters.")
        password_at(password_from)
    except ValueError as error:
        return Written(f"{_at(place)}{shown(username)}", End.INVALID, str(error))
    return User(username, kind, country_code, nick_name or None, password_from, place)


def _require(right: bool, words: str) -> None:
    if not right:
        raise ValueError(words)


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def read_users(path: str | Path) -> Iterator[User | Written | Note]:
    """The users of a file, in its order; a row that names none is an invalid one, with the reason.

    Raises:
        SourceError: the file cannot be used.
    """
    for row in read_rows(path, HEADINGS, secret=True):
        yield _user(row) if isinstance(row, Row) else row


def _user(row: Row) -> User | Written:
    if row.cell("password"):
        words = "It holds a password. Leave that column out, and name where the password is in a column password_from."
        return Written(f"{row.place}: {row.key}", End.INVALID, words)
    return user_of(
        row.key,
        row.cell("username_type") or "other",
        row.cell("country_code") or DEFAULT_COUNTRY,
        row.cell("nick_name"),
        row.companion or "",
        row.place,
    )


def require_schema(account: Account) -> None:
    """Raises SettingsError if the account names no app."""
    if not account.app_schema:
        raise SettingsError(
            f"{prefix(account.name)}APP_SCHEMA is not set: it names the app whose users are managed. Its schema is on "
            "the page of the app in Tuya's console."
        )


async def write_users(door: Door, wanted: Iterable[User | Written | Note]) -> IntentResults:
    """Create or update the users in their order; what is not valid is passed on unchanged.

    Raises:
        SettingsError: the account names no app, or does not allow writes.
    """
    require_schema(door.client.account)
    results, first = IntentResults(), dict[tuple[str, str], User]()
    with results.until_stopped():
        for each in results.taking(wanted):
            earlier = first.setdefault(each.key, each)
            results.add(_contradiction(each, earlier) or await door.write(_intent(door, each)))
    return results


def _contradiction(user: User, earlier: User) -> Written | None:
    if _content(user) == _content(earlier):
        return None
    words = f"{earlier.place} names the same user with other values: keep one of the two rows."
    return Written(user.what, End.INVALID, words)


def _content(user: User) -> tuple[str | None, ...]:
    return user.username_type, user.nick_name, user.password_from


def _intent(door: Door, user: User) -> Intent:
    account, run_id, schema = door.run.account, door.run.run_id, door.client.account.app_schema

    async def make(client: TuyaClient) -> Facts:
        try:
            password = password_at(user.password_from)
        except NoPassword as error:  # it was there when the run began
            raise NothingGained(f"Not sent: {error}") from None
        uid = await put_user(
            client,
            schema,
            username=user.username,
            password=password,
            country_code=user.country_code,
            username_type=user.username_type,
            nick_name=user.nick_name,
        )
        return {"uid": uid}

    return Intent(
        call=PUT_USER,
        target=f"user {user.country_code} {user.username} of {schema}",
        what=user.what,
        request={
            "schema": schema,
            "username": user.username,
            "username_type": user.username_type,
            "country_code": user.country_code,
            "nick_name": user.nick_name,
            "password_from": user.password_from,
        },
        check=f"Check the user's values, and {prefix(account)}APP_SCHEMA: it names an app of this cloud project.",
        make=make,
        replaces=lambda earlier: earlier.get("nick_name") is None or user.nick_name is not None,
        find_out="Look for the user among those of the app in Tuya's console, or log in to the app as this user.",
        land=lambda conn, facts, at: users.store_written(
            conn,
            account,
            schema,
            user.country_code,
            user.username,
            username_type=user.username_type,
            nick_name=user.nick_name,
            uid=str(facts["uid"]),
            at=at,
            run_id=run_id,
        ),
    )
