"""Accounts of third parties, their rooms and tickets (docs/tuya.md, "Third-party authorization")."""

import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec

from tuyahouse.sandbox.days import begin_ms
from tuyahouse.sandbox.seeded_random import SeededRandom

PROJECTS = ("123324234", "123324235")
ROOMS_OF_A_PROJECT = 5
FIRST_ROOM = 1_420_922_162_969_059_328
ROLES = (("manager", "Manager"), ("staff", "Staff"))


class Account(msgspec.Struct):
    """An account as the list shows it; ``permissions`` holds the rooms it may enter, by project."""

    uid: str
    login_name: str
    country_code: str
    nick_name: str
    created_ms: int
    admin_id: str
    role: tuple[str, str] = ROLES[1]
    permissions: dict[str, list[str]] = {}

    def listed(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "loginName": self.login_name,
            "nickName": self.nick_name,
            "roleCode": self.role[0],
            "roleName": self.role[1],
            "remark": "",
            "createDate": datetime.fromtimestamp(self.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "adminId": self.admin_id,
        }


class Accounts:
    """``count`` accounts that exist from the start, and those that were authorized since."""

    def __init__(self, seed: int, count: int) -> None:
        made = (_account(seed, number) for number in range(count))
        self._accounts = {(each.login_name, each.country_code): each for each in made}
        self.rooms = {
            project: [str(FIRST_ROOM + place * 4096 + number) for number in range(ROOMS_OF_A_PROJECT)]
            for place, project in enumerate(PROJECTS)
        }
        self.tickets: dict[str, str] = {}
        """Ticket → uid."""

    def all(self) -> list[Account]:
        return list(self._accounts.values())

    def find(self, username: str, country_code: str) -> Account | None:
        return self._accounts.get((username, country_code))

    def listed(self, login_name: str, nick_name: str) -> list[Account]:
        """Those whose names contain the given ones."""
        return [each for each in self.all() if login_name in each.login_name and nick_name in each.nick_name]

    def authorize(self, username: str, country_code: str, nick_name: str | None, now_ms: int) -> Account:
        """The account of that name, created if there is none; a given nick name replaces the old one."""
        account = self.find(username, country_code)
        if account is None:
            uid = f"ay{now_ms}{secrets.token_hex(3)[:5]}"
            admin_id = str(9_007_199_254_740_993 + len(self._accounts))
            account = Account(uid, username, country_code, nick_name or "", now_ms, admin_id)
            self._accounts[username, country_code] = account
        elif nick_name is not None:
            account.nick_name = nick_name
        return account

    def permit(self, uid: str, project: str, rooms: list[str]) -> bool:
        """Add the rooms to those an account may enter; False if there is no such account."""
        account = next((each for each in self.all() if each.uid == uid), None)
        if account is None:
            return False
        known = account.permissions.get(project, [])
        account.permissions = {**account.permissions, project: list(dict.fromkeys([*known, *rooms]))}
        return True

    def ticket(self, account: Account) -> str:
        ticket = secrets.token_urlsafe(16)
        self.tickets[ticket] = account.uid
        return ticket

    def remove(self, login_name: str) -> None:
        self._accounts = {key: each for key, each in self._accounts.items() if each.login_name != login_name}

    def shown(self) -> list[dict[str, Any]]:
        return [
            {**each.listed(), "countryCode": each.country_code, "permissions": each.permissions} for each in self.all()
        ]


def _account(seed: int, number: int) -> Account:
    rng = SeededRandom(seed, "account", number)
    created = begin_ms(0) - rng.below(100 * 86_400_000)
    login = f"staff{number:03d}@example.com" if number % 3 else f"138{rng.below(10**8):08d}"
    uid = f"ay{created}{rng.below(16**5):05x}"
    return Account(uid, login, "86", f"Staff {number}", created, str(9_007_199_254_000_000 + number), ROLES[number % 2])
