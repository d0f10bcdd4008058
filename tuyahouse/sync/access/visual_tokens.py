"""Visual tokens of devices of Tuya IoT on Alibaba Cloud: issued, kept outside the warehouse, renewed before they end.

A token goes to its keeper and is forgotten. The warehouse gets its fingerprint and when it expires.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tuyahouse.cloud.calls.visual_tokens import LOGIN, VisualDevice, VisualToken, issue_visual_tokens
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import prefix
from tuyahouse.redaction import SECRETS
from tuyahouse.settings import Account, SettingsError
from tuyahouse.sync.access.intent import End, Facts, Intent, NothingGained, Written, whatever
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.token_files import NotKept, secret_name
from tuyahouse.sync.access.visual_devices import Wanted, distinct
from tuyahouse.sync.access.write import Door
from tuyahouse.sync.intake.rows import Note
from tuyahouse.warehouse.access import visual_tokens as stored
from tuyahouse.warehouse.access.visual_tokens import StoredToken
from tuyahouse.warehouse.database.dialect import now_time

BATCH = 50
"""Devices in one login. Tuya documents no maximum."""

TRIED_ALONE = 3
"""Devices that are tried alone after a login for many was refused. If all of them are refused, the login is wrong."""

FINGERPRINT_DIGITS = 16


class Keeper(Protocol):
    """Where the tokens are kept."""

    async def keep(self, name: str, secret: str) -> str:
        """Keep a token, in place of an older one of that name; returns where.

        Raises:
            NotKept: it is lost.
        """

    async def has(self, kept_in: str) -> bool:
        """Whether a token is still where it was kept."""


def require_login(account: Account) -> None:
    """Raises SettingsError if the account has no login to Tuya IoT on Alibaba Cloud."""
    named = {"visual_username": account.visual_username, "visual_base_url": account.visual_base_url}
    if missing := [name for name, value in named.items() if not value]:
        names = " and ".join(f"{prefix(account.name)}{name.upper()}" for name in missing)
        raise SettingsError(f"{account.name} has no login to Tuya IoT on Alibaba Cloud. Set {names}.")


async def issue_tokens(door: Door, keeper: Keeper, asked: Iterable[Wanted | Written | Note]) -> IntentResults:
    """Issue tokens for the devices whose token is missing, or has less than half of its life left.

    Raises:
        SettingsError: the account has no login, or does not allow writes.
    """
    require_login(door.client.account)
    results = IntentResults()
    places = distinct(asked, results)
    issuing = _Issuing(door, keeper, places, results)
    with results.until_stopped():
        due = await issuing.due(list(places))
        for start in range(0, len(due), BATCH):
            await issuing.issue(due[start : start + BATCH])
    return results


class _Issuing:
    """The logins of one run."""

    def __init__(self, door: Door, keeper: Keeper, places: Mapping[VisualDevice, str], results: IntentResults) -> None:
        self.results = results
        self._places = places
        self._door = door
        self._keeper = keeper
        self._login_works = False
        self._given_up = ""

    async def due(self, devices: Sequence[VisualDevice]) -> list[VisualDevice]:
        """The devices that need a token; the others are skipped."""
        known, now = await asyncio.to_thread(self._known, devices)
        due = []
        for device in devices:
            token = known.get(device)
            if token and token.kept_in and not _is_due(token, now) and await self._keeper.has(token.kept_in):
                until = f"Its token is good until {token.expires_at:%Y-%m-%d %H:%M} UTC."
                self.results.add(Written(self._what(device), End.SKIPPED, until))
            else:
                due.append(device)
        return due

    def _known(self, devices: Sequence[VisualDevice]) -> tuple[dict[tuple[str, str], StoredToken], datetime]:
        with self._door.warehouse.read() as conn:
            return stored.find(conn, self._door.run.account, devices), now_time(conn)

    async def issue(self, devices: Sequence[VisualDevice]) -> None:
        """Log in for these devices. A login for many that is refused is taken apart: one of them may be unknown."""
        if self._given_up:
            self._add_all(devices, Written("", End.REFUSED, self._given_up))
            return
        what = self._what(devices[0]) if len(devices) == 1 else f"issue visual tokens for {len(devices):,} devices"
        written = await self._door.write(_intent(self._door, self._keeper, devices, what))
        if written.end is not End.REFUSED or written.facts or len(devices) == 1:
            self._login_works |= written.is_so or bool(written.facts)
            self._add_all(devices, written)
            if len(written.facts.get("not_kept", ())) == len(devices) > 1:
                self._given_up = f"Not tried, because no token of the login before could be kept: {written.words}"
            return
        tried = 0 if self._login_works else await self._try_alone(devices, written)
        left = devices[tried:]
        for part in (left[: (len(left) + 1) // 2], left[(len(left) + 1) // 2 :]):
            if part:
                await self.issue(part)

    async def _try_alone(self, devices: Sequence[VisualDevice], refused: Written) -> int:
        """Find out whether the login works; returns how many devices that settled."""
        for count, device in enumerate(devices[:TRIED_ALONE], 1):
            await self.issue([device])
            if self._login_works:
                return count
        self._given_up = refused.words
        return min(TRIED_ALONE, len(devices))

    def _add_all(self, devices: Sequence[VisualDevice], written: Written) -> None:
        """A row for each device of a login."""
        issued = {(key, name): expires for key, name, _, expires, _ in written.facts.get("issued", ())}
        not_kept = {(key, name): why for key, name, why in written.facts.get("not_kept", ())}
        for device in devices:
            end, words = written.end, written.words
            if device in not_kept:
                end, words = End.REFUSED, not_kept[device]
            elif (written.is_so or written.facts) and device not in issued:
                end, words = End.REFUSED, _NO_TOKEN
            elif written.is_so:
                expires = issued[device] and datetime.fromisoformat(issued[device])
                until = f"It is good until {expires:%Y-%m-%d %H:%M} UTC." if expires else _NEVER
                words = " ".join(filter(None, (words, until)))
            self.results.add(Written(self._what(device), end, words))

    def _what(self, device: VisualDevice) -> str:
        at = f"{place}: " if (place := self._places[device]) else ""
        return f"{at}issue a visual token for the device {device.device_name} of the product {device.product_key}"


_NO_TOKEN = "Tuya sent no token for it: check its product key and device name."
_NEVER = "Nothing says when it expires: it is issued anew by every run."


def _is_due(token: StoredToken, now: datetime) -> bool:
    """Whether less than half of a token's life is left, or its end is not known."""
    return token.expires_at is None or now >= token.issued_at + (token.expires_at - token.issued_at) / 2


def _intent(door: Door, keeper: Keeper, devices: Sequence[VisualDevice], what: str) -> Intent:
    account, run_id = door.run.account, door.run.run_id
    settings = door.client.account

    async def make(client: TuyaClient) -> Facts:
        password = settings.visual_password.get_secret_value()
        found = await issue_visual_tokens(client, settings.visual_username, password, devices)
        facts: Facts = {"issued": [], "not_kept": [], "missing": [list(each) for each in devices if each not in found]}
        for token in found.values():
            try:
                facts["issued"].append(await _keep(keeper, account, token))
            except NotKept as error:
                facts["not_kept"].append([*token.device, str(error)])
        if not facts["issued"]:
            raise NothingGained(next((why for _, _, why in facts["not_kept"]), _NO_TOKEN), facts)
        return facts

    return Intent(
        call=LOGIN,
        target=f"visual tokens of {settings.visual_username}",
        what=what,
        request={"userName": settings.visual_username, "deviceList": [list(device) for device in devices]},
        check=(
            f"Check product keys and device names, then {prefix(account)}VISUAL_USERNAME and "
            f"{prefix(account)}VISUAL_PASSWORD."
        ),
        make=make,
        still=lambda facts: False,  # only devices whose token is missing or old get here
        repeatable=True,
        replaces=whatever,
        land=lambda conn, facts, at: stored.store(conn, account, [_row(each) for each in facts["issued"]], at, run_id),
    )


async def _keep(keeper: Keeper, account: str, token: VisualToken) -> list[Any]:
    """Hand a token to its store; returns what others may know about it."""
    key, name = token.device
    kept_in = await keeper.keep(secret_name("visual", account, key, name), token.token)
    SECRETS.forget(token.token)
    expires_at = token.expires_at.isoformat(timespec="seconds") if token.expires_at else None
    return [key, name, fingerprint(token.token), expires_at, kept_in]


def _row(issued: Sequence[Any]) -> tuple[str, str, str, datetime | None, str]:
    key, name, digest, expires, kept_in = issued
    return key, name, digest, datetime.fromisoformat(expires) if expires else None, kept_in


def fingerprint(token: str) -> str:
    """The first hex digits of a token's SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:FINGERPRINT_DIGITS]
