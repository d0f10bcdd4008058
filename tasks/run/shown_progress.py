"""The progress of a run that lasts, as an artifact in the Prefect UI."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from tasks.run.artifacts import artifact_key, shown
from tuyahouse.terminal import Tracker, progress

log = logging.getLogger("tuyahouse.run")

SECONDS_UNTIL_SHOWN = 10.0
"""A run that is shorter leaves no such artifact."""
SECONDS_BETWEEN = 5.0


@asynccontextmanager
async def shown_progress(flow: str, account: str) -> AsyncIterator[None]:
    """Show how far the work inside has come. Parts of a night are shown by the night."""
    with progress.gathered() as trackers:
        if trackers is None:
            yield
            return
        artifact = _Artifact(artifact_key(flow, account, "progress"), trackers)
        showing = asyncio.create_task(artifact.keep_up())
        try:
            yield
        finally:
            showing.cancel()  # and is not awaited: how the run ends is written first
        await artifact.end()


class _Artifact:
    def __init__(self, key: str, trackers: Sequence[Tracker]) -> None:
        self._key, self._trackers = key, trackers
        self._id: UUID | None = None
        self._said = ""

    async def keep_up(self) -> None:
        await asyncio.sleep(SECONDS_UNTIL_SHOWN)
        while True:
            await self._show(share_done(self._trackers))
            await asyncio.sleep(SECONDS_BETWEEN)

    async def end(self) -> None:
        if self._id is not None:
            await self._show(100.0)

    async def _show(self, percent: float) -> None:
        """Prefect's server may be away for a moment, or refuse: the run continues anyway."""
        said = "\n\n".join(shown(one.summary()) for one in self._trackers)
        if not self._trackers or (said == self._said and percent < 100):
            return
        try:
            if self._id is None:
                self._id = await acreate_progress_artifact(percent, self._key, said)
            else:
                await aupdate_progress_artifact(self._id, percent, said)
            self._said = said
        except Exception as error:
            log.debug("The progress could not be shown: %s", error)


def share_done(trackers: Sequence[Tracker]) -> float:
    """Percent of all work whose amount is known that is done; what is done may still have to be checked."""
    known = [(one.done, one.total) for one in trackers if one.total]
    return (
        min(99.0, round(100 * sum(done for done, _ in known) / sum(total for _, total in known), 1)) if known else 0.0
    )
