"""Access for an account of a third-party system: authorize it, let it into rooms, get it a ticket."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tuyahouse.cloud.calls import authorization
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.sync.access.intent import End, Facts, Intent, NothingGained, Written
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.token_files import NotKept, TokenFiles, secret_name
from tuyahouse.sync.access.write import Door, busy
from tuyahouse.warehouse.access import accounts
from tuyahouse.warehouse.shared.locks import LockHeld

NOT_TRIED = "Not tried, because the step before it did not succeed."
GRANTED = (
    "It was granted before; Tuya lists no permissions. Should it have been revoked in Tuya since, delete its rows of "
    "authorization_grant and start again."
)

CHECK_NAME = "Check the user name and the country code."

ROOMS, NICK_NAME = "roomIdList", "nickName"
"""Names in requests."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The access to give to an account.

    Attributes:
        username: account name of the third-party system.
        nick_name: shown in Tuya; None leaves it as it is.
        country_code: that the account belongs to.
        project_id: whose rooms; empty: none are granted.
        room_ids: at least one where there is a project.
        ticket: get a ticket that logs the account in without a password.
    """

    username: str
    nick_name: str | None = None
    country_code: str = authorization.DEFAULT_COUNTRY
    project_id: str = ""
    room_ids: Sequence[str] = ()
    ticket: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for fields that do not go together."""
        if self.room_ids and not self.project_id:
            raise ValueError("room_ids are given without a project_id: name the project that the rooms belong to.")
        if self.project_id and not self.room_ids:
            raise ValueError("room_ids is empty: name the rooms of the project, or leave project_id out too.")

    @property
    def who(self) -> str:
        return f"{self.username} (country code {self.country_code})"


async def grant(door: Door, wanted: Grant, files: TokenFiles | None) -> IntentResults:
    """Carry out the steps in order. A step is skipped if it is already done, or if the one before it failed.

    ``files`` keep the ticket; they are needed if one is wanted and the run is not dry.
    """
    results = IntentResults()
    with results.until_stopped():
        authorized = results.add(await door.write(_authorize(door, wanted)))
        uid, goes_on = str(authorized.facts.get("uid", "")), authorized.is_so or authorized.end is End.PLANNED
        if wanted.room_ids:
            permitted = [results.add(each) for each in await _permit(door, wanted, uid, goes_on)]
            goes_on = all(each.is_so or each.end is End.PLANNED for each in permitted)
        if wanted.ticket:
            intent = _ticket(door.run.account, wanted, files)
            results.add(await door.write(intent) if goes_on else Written(intent.what, End.REFUSED, NOT_TRIED))
    return results


def _authorize(door: Door, wanted: Grant) -> Intent:
    account, run_id = door.run.account, door.run.run_id

    async def make(client: TuyaClient) -> Facts:
        uid = await authorization.authorize(
            client, wanted.username, nick_name=wanted.nick_name, country_code=wanted.country_code
        )
        return {"uid": uid}

    async def read_back(client: TuyaClient) -> Facts | None:
        found = await authorization.accounts_named(client, wanted.username)
        countries = await asyncio.to_thread(_countries, door, [each.uid for each in found])
        same = [each for each in found if countries.get(each.uid, wanted.country_code) == wanted.country_code]
        # Tuya lists no country codes: several accounts with this name cannot be told apart.
        if len(same) != 1 or (wanted.nick_name and same[0].nick_name != wanted.nick_name):
            return None
        return {"uid": same[0].uid}

    return Intent(
        call=authorization.AUTHORIZE,
        target=f"account {wanted.country_code} {wanted.username}",
        what=f"authorize {wanted.who}",
        request={"username": wanted.username, NICK_NAME: wanted.nick_name, "countryCode": wanted.country_code},
        check=CHECK_NAME,
        make=make,
        read_back=read_back,
        replaces=lambda earlier: earlier.get(NICK_NAME) is None or wanted.nick_name is not None,
        land=lambda conn, facts, at: accounts.store_authorized(
            conn, account, str(facts["uid"]), wanted.username, wanted.country_code, wanted.nick_name, run_id
        ),
    )


def _countries(door: Door, uids: Sequence[str]) -> dict[str, str]:
    with door.warehouse.read() as conn:
        return accounts.countries_of(conn, door.run.account, uids)


async def _permit(door: Door, wanted: Grant, uid: str, goes_on: bool) -> list[Written]:
    """Grant the rooms that were not granted before. Rooms of a call in doubt are reported separately."""
    rooms = list(dict.fromkeys(wanted.room_ids))
    asked = _permission(door, wanted, uid, rooms)
    if not goes_on:
        return [Written(asked.what, End.REFUSED, NOT_TRIED)]
    if not uid:  # a dry run: the account does not exist yet
        return [Written(asked.what, End.PLANNED)]
    try:
        async with door.alone_with(asked.target) as target:
            granted = await asyncio.to_thread(_granted, door, uid, wanted.project_id)
            missing = [room for room in rooms if room not in granted]
            if not missing:
                return [await target.is_so(asked, GRANTED)]
            doubtful = {room for row in await target.in_doubt() for room in row.request.get(ROOMS, ())}
            parts = [[room for room in missing if (room in doubtful) is reported] for reported in (False, True)]
            return [await target.write(_permission(door, wanted, uid, part)) for part in parts if part]
    except LockHeld as held:
        return [busy(asked.what, held)]


def _granted(door: Door, uid: str, project_id: str) -> set[str]:
    with door.warehouse.read() as conn:
        return accounts.granted_rooms(conn, door.run.account, uid, project_id)


def _permission(door: Door, wanted: Grant, uid: str, rooms: Sequence[str]) -> Intent:
    account, run_id = door.run.account, door.run.run_id

    async def make(client: TuyaClient) -> Facts:
        await authorization.add_permission(client, uid, wanted.project_id, rooms)
        return {}

    return Intent(
        call=authorization.ADD_PERMISSION,
        target=f"rooms of {uid} in project {wanted.project_id}",
        what=f"let {wanted.who} into the rooms {', '.join(rooms)} of project {wanted.project_id}",
        request={"tuyaUid": uid, "projectId": wanted.project_id, ROOMS: sorted(rooms)},
        check=f"Check that the rooms belong to the project {wanted.project_id}, and the project to this cloud project.",
        make=make,
        touches=lambda earlier: not set(rooms).isdisjoint(earlier.get(ROOMS, ())),
        replaces=lambda earlier: set(rooms).issuperset(earlier.get(ROOMS, ())),
        find_out="Look at the rooms of this account in the project's permissions in Tuya's console.",
        land=lambda conn, facts, at: accounts.store_granted(
            conn, account, uid, wanted.username, wanted.project_id, rooms, at, run_id
        ),
    )


def _ticket(account: str, wanted: Grant, files: TokenFiles | None) -> Intent:
    name = secret_name("ticket", account, wanted.country_code, wanted.username)

    async def make(client: TuyaClient) -> Facts:
        assert files is not None
        ticket = await authorization.get_ticket(client, wanted.username, country_code=wanted.country_code)
        try:
            kept_in = await asyncio.to_thread(files.keep, name, ticket)
        except NotKept as error:
            raise NothingGained(str(error)) from None
        return {"kept_in": kept_in, "fingerprint": hashlib.sha256(ticket.encode()).hexdigest()[:12]}

    return Intent(
        call=authorization.TICKET,
        target=f"ticket of {wanted.country_code} {wanted.username}",
        what=f"get a ticket for {wanted.who}",
        request={"username": wanted.username, "countryCode": wanted.country_code},
        check=CHECK_NAME,
        make=make,
        still=lambda facts: files is None or files.has(str(facts.get("kept_in", ""))),
        repeatable=True,
    )
