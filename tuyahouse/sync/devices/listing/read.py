"""Reads the device list of one project: sweeps until it is known, landing pages as they come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tuyahouse.cloud.calls.device_list import LIST, DevicePage, Spelling, list_query, read_page, understood
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import PassingFault, TuyaError, UnusableAnswer
from tuyahouse.settings import Account
from tuyahouse.sync.answer_memory import LARGEST_CHUNK, AnswerMemory, MemoryFull
from tuyahouse.sync.devices.listing.ledger import ListLedger, ListRead
from tuyahouse.sync.devices.listing.spelling import concerns_project, find_spelling
from tuyahouse.sync.devices.listing.sweep import Judgement, Standing, Sweep, SweepCount, doubt, judge

LAND_AT = 4000
"""Rows that are collected before they are landed together; pages of :data:`LARGEST_CHUNK` bytes are landed too."""

NO_PAGE = DevicePage([], [], None, None, None)


@dataclass(slots=True)
class ProjectReader:
    """Reads the list of one project as one chunk of a run. Call :meth:`read` only."""

    client: TuyaClient
    account: Account
    ledger: ListLedger
    on_page: Callable[[int, int | None], None] = lambda rows, total: None
    _spelling: Spelling = "snake"
    _probing: bool = False
    """The number of the first page is not known yet: page 0 is asked too, which may not exist."""

    async def read(self) -> ListRead:
        """Sweep until the list is known or cannot be known today; lands everything, ends the chunk unless cut short.

        A project that Tuya refuses ends as failed with a dead letter. A list whose sweeps do not agree stays in the
        chunk, so that the run is red, and reads it again when it is continued.

        Raises:
            TuyaError: what cut the reading short; the pages until then are landed, nothing is declared vanished.
        """
        started = self.ledger.now()
        before = await asyncio.to_thread(self.ledger.begin)
        known_spelling = before.spelling if before else None
        self._probing = before is None or before.first_page is None
        first_page = before.first_page if before and before.first_page is not None else 0
        try:
            self._spelling = await find_spelling(self._ask, self.account.device_query, known_spelling)
            read = await self._sweeps(first_page)
        except TuyaError as error:
            refused = concerns_project(error)
            await asyncio.to_thread(self.ledger.cut_short, started, error, refused, self.client.calls)
            if not refused and not isinstance(error, UnusableAnswer):
                raise
            return ListRead(Judgement(Standing.INCOMPLETE, str(error)), started, first_page, [])
        await asyncio.to_thread(self.ledger.end, read, self._spelling, self.client.calls)
        return read

    async def _sweeps(self, first_page: int) -> ListRead:
        counts: list[SweepCount] = []
        while True:
            swept_at, sweep = self.ledger.now(), Sweep(first_page=first_page)
            await self._sweep(sweep, len(counts) + 1)
            count, gone = await asyncio.to_thread(self.ledger.count, sweep, len(counts) + 1, swept_at)
            counts.append(count)
            judgement = doubt(judge(counts, gone), count, gone, empty_before=self.ledger.empty_before)
            first_page = first_page if sweep.has_page_0 else 1
            if judgement.standing is not Standing.AGAIN:
                return ListRead(judgement, swept_at, first_page, counts)
            if count.short and len(counts) == 1:
                first_page = 0  # perhaps they are numbered from 0 by now

    async def _sweep(self, sweep: Sweep, number: int) -> None:
        """Read the list once; several pages are under way at once if they are known to exist and are not large."""
        pages: list[DevicePage] = []
        asked_at, largest = self.ledger.now(), 1
        while wanted := sweep.wanted(max(1, min(self.account.concurrency, LARGEST_CHUNK // largest))):
            memory = AnswerMemory(sum(page.size for page in pages))
            found = await asyncio.gather(*[self._page(each, memory) for each in wanted])
            for page in found:
                if page is None:  # what comes after it is asked again too
                    break
                sweep.take([device.device_id for device in page.devices] + [""] * len(page.unusable), page.total)
                pages.append(page)
                self.on_page(sweep.rows, page.total)
            largest = LARGEST_CHUNK if memory.refused else max([1, *(page.size for page in pages)])
            full = memory.full or sum(page.rows for page in pages) >= LAND_AT
            if sweep.reached_total or sweep.ended or full:
                landed = await asyncio.to_thread(self.ledger.land, number, pages, asked_at, self.client.calls)
                pages, asked_at = [], self.ledger.now()
                if landed.rows:
                    sweep.note_landed(new=bool(landed.fresh))

    async def _page(self, number: int, memory: AnswerMemory) -> DevicePage | None:
        """A page; None if it is too large beside those that are held already.

        A page 0 that does not exist is empty, whether it is refused, breaks the server or is answered by another.
        """
        size = self.account.device_page_size
        try:
            page = await self._ask(self._spelling, number, size, memory)
        except MemoryFull:
            return None
        except TuyaError as error:
            if number == 0 and (concerns_project(error) or (self._probing and _broke(error))):
                return NO_PAGE
            raise
        if understood(page, number, size):
            return page
        if number == 0:
            return NO_PAGE
        raise UnusableAnswer(
            f"the device list answered page {page.page_no} of {page.page_size} rows instead of page {number} of {size}"
        )

    async def _ask(self, spelling: Spelling, number: int, size: int, memory: AnswerMemory | None = None) -> DevicePage:
        answer = await self.client.call(LIST, query=list_query(spelling, self.ledger.project_id, number, size))
        if memory:
            memory.take(len(answer.body), number)
        return read_page(answer)


def _broke(error: TuyaError) -> bool:
    """Whether Tuya itself answered with a fault, at every attempt."""
    return isinstance(error, PassingFault) and error.reached
