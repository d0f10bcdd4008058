"""Checks of one account: can it sign in, is the data centre right, may it use the APIs, do messages arrive."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from tuyahouse.cli.findings import Findings
from tuyahouse.cloud.calls.command_records import RECORD
from tuyahouse.cloud.calls.device_list import LIST, Spelling, list_query
from tuyahouse.cloud.calls.pms import SN_FLOWS
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import ItemRefused, NotFound, TuyaError
from tuyahouse.messages.errors import MessageKeyError, SourceError
from tuyahouse.settings import Account, Settings, SettingsError
from tuyahouse.stores import SlotStore, TokenStore
from tuyahouse.sync import night
from tuyahouse.warehouse.devices import lists
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.warehouse import Warehouse

NOBODY = "TUYAHOUSE-DOCTOR"
"""Asked for if no real key is known: the answer that Tuya does not know it suffices."""

TRIES = 2
SECONDS = 10.0
MESSAGE_SECONDS = 5


async def check_tuya(
    account: Account, tokens: TokenStore, slots: SlotStore, warehouse: Warehouse | None, findings: Findings
) -> None:
    """Sign in, call each service that the settings name once, and compare the clock with Tuya's."""
    hasty = {"attempts": min(account.attempts, TRIES), "timeout_seconds": min(account.timeout_seconds, SECONDS)}
    try:
        _ = account.url
        async with TuyaClient.open(account.model_copy(update=hasty), tokens, slots) as client:
            checks = _Checks(account, client, findings, warehouse)
            await checks.run()
            findings.calls += client.calls
    except (SettingsError, OSError) as error:
        findings.wrong(f"{account.name}, Tuya", error)


class _Checks:
    def __init__(self, account: Account, client: TuyaClient, findings: Findings, warehouse: Warehouse | None) -> None:
        self._account = account
        self._client = client
        self._findings = findings
        self._warehouse = warehouse

    async def run(self) -> None:
        account = self._account
        if await self._signs_in():
            if account.has_pms and await self._logs_in():
                await self._flows()
            if account.project_ids:
                await self._devices(account.project_ids[0])
            elif not account.has_pms:
                await self._command()
        self._clock()

    def _named(self, what: str) -> str:
        return f"{self._account.name}, {what}"

    async def _signs_in(self) -> bool:
        """Sign in, by a stored token if it is still valid: every call that follows proves id and secret."""
        what, before = self._named("token of the platform"), self._client.calls
        try:
            await self._client.sign_in("platform")
        except TuyaError as error:
            self._findings.wrong(what, error)
            return False
        new = self._client.calls > before
        self._findings.ok(what, "granted" if new else "the stored one is still valid, so none was requested")
        return True

    async def _ask(self, endpoint: Endpoint, **given: Any) -> None:
        answer = await self._client.call(endpoint, **given)
        self._client.clock.observe(answer.t_ms)

    async def _logs_in(self) -> bool:
        """Log in anew: a stored login would say nothing about a password that has changed since.

        Not while a run is under way: a new login ends the old one, and the run's calls in flight would fail.
        """
        what = self._named("login to the production system")
        if self._run_under_way():
            return await self._has_login(what)
        try:
            await self._client.login_anew()
        except TuyaError as error:
            self._findings.wrong(what, error)
            return False
        self._findings.ok(what, "granted")
        return True

    def _run_under_way(self) -> bool:
        if self._warehouse is None:
            return False
        with self._warehouse.read() as conn:
            return bool(locks.holders(conn, self._account.name, datetime.now(UTC)))

    async def _has_login(self, what: str) -> bool:
        try:
            await self._client.sign_in("pms")
        except TuyaError as error:
            self._findings.wrong(what, error)
            return False
        self._findings.note(
            what, "a run is under way and uses the stored one: the password is not checked until the run has ended"
        )
        return True

    async def _flows(self) -> None:
        """Ask for a serial number of the registry, else for one that does not exist."""
        sn = NOBODY
        if self._warehouse is not None:
            with self._warehouse.read() as conn:
                sn = next((one.sn for one in registry.listing(conn, self._account.name, limit=1)), NOBODY)
        try:
            await self._ask(SN_FLOWS, body={"sn": sn})
        except NotFound:
            pass
        except ItemRefused as error:
            self._findings.note(self._named("serial numbers"), f"Tuya answers, but not about {sn}: {error}")
            return
        except TuyaError as error:
            self._findings.wrong(self._named("serial numbers"), error)
            return
        self._findings.ok(self._named("serial numbers"), f"{SN_FLOWS.name} answers")

    async def _devices(self, project: str) -> None:
        query = list_query(self._spelling(project), project, 1, 1)
        try:
            await self._ask(LIST, query=query)
        except ItemRefused:
            said = f"{LIST.name} answers; the first run detects the spelling of its query"
            self._findings.ok(self._named("devices"), said)
        except TuyaError as error:
            self._findings.wrong(self._named("devices"), f"project {project}: {error}")
        else:
            self._findings.ok(self._named("devices"), f"{LIST.name} answers for project {project}")

    def _spelling(self, project: str) -> Spelling:
        if self._account.device_query != "auto":
            return self._account.device_query
        if self._warehouse is not None:
            with self._warehouse.read() as conn:
                known = lists.device_list(conn, self._account.name, project)
            if known and known.spelling in ("camel", "dotted"):
                return "camel" if known.spelling == "camel" else "dotted"
        return "snake"

    async def _command(self) -> None:
        """If neither serial numbers nor devices are configured: ask for a command record that does not exist."""
        try:
            await self._ask(RECORD, path={"sn": NOBODY})
        except (NotFound, ItemRefused):
            pass
        except TuyaError as error:
            self._findings.wrong(self._named("commands"), error)
            return
        self._findings.ok(self._named("commands"), f"{RECORD.name} answers")

    def _clock(self) -> None:
        off = self._client.clock.offset_seconds
        if not self._client.clock.was_observed:
            return  # Tuya never answered
        if off:
            way = "behind" if off > 0 else "ahead of"
            self._findings.note(
                self._named("clock"),
                f"this machine's clock is {abs(off):.0f} s {way} Tuya's. Requests are corrected by that; "
                "set the clock (NTP).",
            )
        else:
            self._findings.ok(self._named("clock"), "within 30 s of Tuya's")


def check_night(account: Account, settings: Settings, warehouse: Warehouse | None, findings: Findings) -> None:
    """What a night of the account does and leaves out; something that is due and cannot be asked is wrong."""
    due = night.what_cannot_be_asked(warehouse, settings, account, datetime.now(UTC)) if warehouse is not None else []
    what = f"{account.name}, night"
    if not night.left_out(account):
        findings.ok(what, night.in_words(account))
    else:
        findings.note(what, night.in_words(account))
    for sentence in due:
        findings.wrong(what, sentence)


def check_messages(account: Account, findings: Findings) -> None:
    """Check that the message endpoint can be reached and lets the account in. No message is acknowledged."""
    from tuyahouse.messages.reading import MessageReader
    from tuyahouse.messages.sources.build import build_source  # message clients take a while to import

    what = f"{account.name}, messages"
    try:
        _ = account.message_url
    except SettingsError:
        findings.note(what, "left out, because neither REGION nor MESSAGES_URL is set")
        return
    try:
        MessageReader(account.client_secret.get_secret_value())
        with closing(build_source(account, MESSAGE_SECONDS)) as source:
            source.open()
    except (SourceError, MessageKeyError) as error:
        findings.wrong(what, error)
        return
    findings.ok(what, f"{account.message_url} lets subscription {account.subscription} in")
