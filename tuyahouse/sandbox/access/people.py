"""Users of an app, and the persons who may use a device's video talk (docs/tuya.md, "Users and their rights")."""

import secrets
from typing import Any

import msgspec


class AppUser(msgspec.Struct):
    """A user as last synchronised; ``password`` is the MD5 that was sent."""

    uid: str
    schema: str
    country_code: str
    username: str
    username_type: int
    password: str
    nick_name: str = ""
    time_zone_id: str = ""


class AppUsers:
    """One user for each schema, country code and name."""

    def __init__(self) -> None:
        self._users: dict[tuple[str, str, str], AppUser] = {}

    def put(self, fields: dict[str, Any], now_ms: int) -> AppUser:
        """Create or update; a user keeps its uid, and what is not sent stays as it was."""
        key = fields["schema"], fields["country_code"], fields["username"]
        before = self._users.get(key)
        uid = before.uid if before else f"ay{now_ms}{secrets.token_hex(3)[:5]}"
        known = msgspec.structs.asdict(before) if before else {}
        user = AppUser(**{**known, **fields, "uid": uid})
        self._users[key] = user
        return user

    def shown(self) -> list[dict[str, Any]]:
        return [msgspec.structs.asdict(user) for user in self._users.values()]


class DevicePersons:
    """Which persons were added to which device, in the order of adding."""

    def __init__(self) -> None:
        self._persons: dict[str, list[str]] = {}

    def has(self, device_id: str, person_id: str) -> bool:
        return person_id in self._persons.get(device_id, ())

    def add(self, device_id: str, person_id: str) -> None:
        if not self.has(device_id, person_id):
            self._persons.setdefault(device_id, []).append(person_id)

    def remove(self, device_id: str, person_id: str) -> None:
        if self.has(device_id, person_id):
            self._persons[device_id].remove(person_id)

    def shown(self) -> dict[str, list[str]]:
        return {device: list(persons) for device, persons in self._persons.items() if persons}
