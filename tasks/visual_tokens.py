"""The step of issue_visual_tokens, and the places where tokens are kept: files, or Secret blocks of Prefect."""

import asyncio
import hashlib
from collections.abc import Sequence

from prefect.blocks.system import Secret

from tasks.access import open_door, unless_away
from tasks.run.artifacts import artifact_key
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tuyahouse.cloud.calls.visual_tokens import VisualDevice
from tuyahouse.settings import Settings
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.token_files import NotKept, TokenFiles
from tuyahouse.sync.access.visual_devices import Wanted, read_devices
from tuyahouse.sync.access.visual_tokens import Keeper, issue_tokens
from tuyahouse.warehouse.ledgers import runs

LONGEST_BLOCK_NAME = 60


class InFiles:
    """Tokens in files of ``TUYAHOUSE_TOKEN_DIR``."""

    def __init__(self, files: TokenFiles) -> None:
        self._files = files

    async def keep(self, name: str, secret: str) -> str:
        return await asyncio.to_thread(self._files.keep, name, secret)

    async def has(self, kept_in: str) -> bool:
        return await asyncio.to_thread(self._files.has, kept_in)


class InBlocks:
    """Tokens in Secret blocks of Prefect's server, which encrypts them."""

    async def keep(self, name: str, secret: str) -> str:
        block = block_name(name)
        one: Secret[str] = Secret(value=secret)  # Secret[str](…) would be a block type of its own
        try:
            await one.asave(block, overwrite=True)
        except Exception as error:  # whatever Prefect or its client raises: the token is lost
            raise NotKept(f"the block {block} of Prefect", type(error).__name__) from None
        return f"secret/{block}"

    async def has(self, kept_in: str) -> bool:
        kind, _, block = kept_in.partition("/")
        try:
            return kind == "secret" and bool(await Secret.aload(block))
        except ValueError:
            return False


def block_name(name: str) -> str:
    """A name that Prefect takes; different names stay different."""
    return f"{artifact_key(name)[:LONGEST_BLOCK_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def keeper_of(settings: Settings) -> Keeper:
    """Where the settings keep tokens.

    Raises:
        SettingsError: TUYAHOUSE_TOKEN_DIR is not set or cannot be written to.
    """
    return InBlocks() if settings.token_store == "prefect" else InFiles(TokenFiles.open(settings))


@retried_task("visual tokens")
async def issue_visual_tokens(
    run: runs.Run, devices: Sequence[VisualDevice], path: str | None, dry_run: bool
) -> IntentResults:
    """Issue tokens for the devices that are given, or for those of a file.

    Raises:
        SourceError: the file cannot be used.
        SettingsError: the account has no login, or there is no place for the tokens.
    """
    keeper = keeper_of(open_resources(run.account).settings)
    asked = await asyncio.to_thread(list, read_devices(path)) if path else map(Wanted, devices)
    async with open_door(run, dry_run) as door:
        return unless_away(await issue_tokens(door, keeper, asked))
