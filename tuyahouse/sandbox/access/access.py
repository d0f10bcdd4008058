"""Everything that third parties are given: accounts, users, persons, commands to controllers, visual tokens."""

from typing import Any

from tuyahouse.sandbox.access.accounts import Accounts
from tuyahouse.sandbox.access.controllers import Controllers
from tuyahouse.sandbox.access.people import AppUsers, DevicePersons
from tuyahouse.sandbox.access.visual import VisualTokens
from tuyahouse.sandbox.field.field import Field


class Access:
    """State that calls change. It begins anew with the factory and the field."""

    def __init__(self, seed: int, accounts: int, field: Field) -> None:
        self.accounts = Accounts(seed, accounts)
        self.users = AppUsers()
        self.persons = DevicePersons()
        self.controllers = Controllers()
        self.visual = VisualTokens(field)
        self.functions: dict[str, list[str]] = {}
        """Data points in use of the devices for which they were set."""

    def secrets(self) -> list[str]:
        """Every ticket, visual token and password's MD5 that went through it."""
        tokens = [each["token"] for each in self.visual.issued]
        return [*self.accounts.tickets, *tokens, *(user["password"] for user in self.users.shown())]

    def shown(self) -> dict[str, Any]:
        """All of it, for tests that check what a call did; tickets and visual tokens are under /sandbox/secrets."""
        visual = [{name: each[name] for name in each if name != "token"} for each in self.visual.issued]
        return {
            "accounts": self.accounts.shown(),
            "rooms": self.accounts.rooms,
            "tickets": list(self.accounts.tickets.values()),
            "users": self.users.shown(),
            "persons": self.persons.shown(),
            "functions": self.functions,
            "controllers": self.controllers.shown(),
            "sent": self.controllers.sent,
            "orders": self.controllers.orders,
            "visual_tokens": visual,
        }
