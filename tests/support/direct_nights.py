"""Nights of serial numbers without HTTP: the planner and landing code of a run, against a factory in this process.

The benchmark of call saving and its tests use it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from tuyahouse.cloud.calls.pms import CRAFT_LINE, PASS_AMOUNT, SN_FLOWS
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import refusal
from tuyahouse.cloud.http.answer import Answer
from tuyahouse.sandbox.days import instant
from tuyahouse.sandbox.http import pms_calls
from tuyahouse.sandbox.http.routes import Call
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.world import World
from tuyahouse.settings import Settings, load_settings
from tuyahouse.sync.serial_numbers.came_to import CameTo, sum_up
from tuyahouse.sync.serial_numbers.chunk import sync_chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.plan import Planned, Wanted, plan_further, plan_run
from tuyahouse.sync.serial_numbers.progress import progress_of
from tuyahouse.sync.serial_numbers.staged import count_passes
from tuyahouse.warehouse.database.dialect import upsert
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.serial_numbers.registry import Unit
from tuyahouse.warehouse.tables import ops_api_calls, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

ACCOUNT, FLOW = "demo", "sync_sn_flows"
_HANDLERS = {SN_FLOWS.path: pms_calls.flow_steps, PASS_AMOUNT.path: pms_calls.pass_amount}


class DirectClient:
    """What planner and landing need of a client; the sandbox's own endpoints answer at once."""

    def __init__(self, world: World) -> None:
        self.world, self.calls = world, 0
        self.verbs: dict[str, Endpoint] = {}
        self.by_path: Counter[str] = Counter()
        self.instead: Callable[[str, Mapping[str, Any]], bytes | None] = lambda path, body: None
        """Tests put results of their own here, by path and body; None: the sandbox's."""

    async def call(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        body: Any = None,
        on_start: Callable[[], None] | None = None,
    ) -> Answer:
        self.calls += 1
        self.by_path[endpoint.path] += 1
        if on_start:
            on_start()
        try:
            result = self.instead(endpoint.path, body or {}) or self._result(endpoint, path or {}, body)
        except Refusal as said:
            raise refusal(said.code, said.text, tid="", endpoint=endpoint.name, account=ACCOUNT) from None
        return Answer(msgspec.Raw(result), b'{"success":true,"result":' + result + b',"t":1}', 1, "")

    def _result(self, endpoint: Endpoint, path: Mapping[str, str], body: Any) -> bytes:
        call = Call(endpoint.method, endpoint.path, "", msgspec.json.encode(body or {}), {})
        if endpoint.path == CRAFT_LINE.path:
            call.parts = {"orderCode": path["order_code"]}
            return pms_calls.craft_line_post(self.world, call)
        return _HANDLERS[endpoint.path](self.world, call)


@dataclass(slots=True)
class Night:
    """What a night did. ``moved`` are the units whose answer changed since the night before, ``found`` those asked."""

    calls: int
    counts: int
    asked: int
    moved: int
    found: int
    boards: int
    """How many of the moved were finished boards that went on in another order."""
    boards_found: int
    open: int
    """Registered units that were not finished when the night began."""
    worst: timedelta
    """The age of the open unit that was asked longest ago, when the night began."""
    median: timedelta
    reasons: dict[str, int]
    notes: list[str] = field(default_factory=list)
    unpaid: str = ""
    """What tonight's share of the month's calls did not pay for."""


class Nights:
    """A warehouse that is brought up to date night by night; ``options`` are those of the sandbox."""

    def __init__(self, warehouse: Warehouse, settings: Mapping[str, Any] | None = None, **options: Any) -> None:
        chosen = {"factory": "reference", "orders": 24, "order_units": 40, "orders_at_once": 6} | options
        self.world = World(msgspec.convert(chosen, Options))
        self.warehouse = warehouse
        account = {"client_id": "c", "client_secret": "s", "base_url": "http://127.0.0.1:9", "pms_username": "u"}
        account |= {"pms_password": "p", "calls_per_second": 0, "concurrency": 4, **(settings or {})}
        self.settings: Settings = load_settings(accounts={ACCOUNT: account}, chunk_size=1000)
        self.client = DirectClient(self.world)
        self.missed: list[str] = []
        """Units that moved and were not asked in the newest night."""
        self.came_to: CameTo | None = None
        """What the newest night came to by its own account."""
        self._answers: dict[str, bytes] = {}
        self._entered = 0

    @property
    def now(self) -> datetime:
        return instant(self.world.options.day)

    def register(self) -> None:
        """Add the units of the orders that have begun, as a factory's own system would."""
        entries = [Unit(sn, order) for sn, order in self.world.factory.serial_numbers(self.world.options.day)]
        with self.warehouse.begin() as conn:
            registry.add(conn, ACCOUNT, entries, "factory", self.now)

    def run(self, day: float, run_key: str = "", *, oracle: bool = False, strategy: str | None = None) -> Night:
        """Register what has begun by that day and run the night at its end."""
        self.world.change({"day": day})
        self.register()
        moved, boards, open_ = self._moved()
        self.client.calls, self.client.by_path = 0, Counter()
        before, ages = self._asked(), self._ages()
        wanted = Wanted(sns=sorted(moved)) if oracle else Wanted(strategy=strategy)
        with self.warehouse.begin() as conn:
            run = runs.begin_run(conn, ACCOUNT, FLOW, run_key or f"night {day}", {}, now=self.now)
        self._entered = 0
        notes, unpaid = asyncio.run(self.ask(run, wanted))
        with self.warehouse.read() as conn:
            reasons = progress_of(conn, run.run_id).reasons
        after = self._asked()
        asked = {sn for sn, at in after.items() if at != before.get(sn)}
        self.missed = sorted(moved - asked)
        return Night(
            calls=self.client.calls,
            counts=self.client.by_path[PASS_AMOUNT.path],
            asked=self.client.by_path[SN_FLOWS.path],
            moved=len(moved),
            found=len(moved & asked),
            boards=len(boards),
            boards_found=len(boards & asked),
            open=open_,
            worst=max(ages, default=timedelta(0)),
            median=sorted(ages)[len(ages) // 2] if ages else timedelta(0),
            reasons=reasons,
            notes=notes,
            unpaid=unpaid,
        )

    async def ask(self, run: runs.Run, wanted: Wanted) -> tuple[list[str], str]:
        """The stages of the run, as the flow takes them; returns the notes, and what is not paid for."""
        warehouse, account = self.warehouse, self.settings.account(ACCOUNT)
        named, lines, notes = wanted.sns is not None, CraftLines(warehouse, run), list[str]()
        staged = not named and (wanted.strategy or account.strategy) == "pass_counts"

        async def count() -> None:
            if staged:
                notes.extend(await count_passes(self._open, warehouse, account, run, run.present()))  # type: ignore[arg-type]
                self._enter()

        async def chunks(planned: Planned) -> None:
            notes.extend(planned.notes)
            for chunk in run_chunks.open_chunks(warehouse, run.run_id):
                await sync_chunk(self.client, lines, chunk, workers=4)  # type: ignore[arg-type]
                self._enter()

        await count()
        planned = plan_run(warehouse, self.settings, account, run, wanted, run.present())
        await chunks(planned)
        while staged:
            await count()
            planned = plan_further(warehouse, self.settings, account, run, wanted, run.present())
            await chunks(planned)
            if not planned.keys:
                break
        unpaid = planned.unpaid
        self.came_to = sum_up(warehouse, account, run, run.present())
        runs.finish_run(warehouse, run.run_id, "balanced")
        return notes, unpaid

    def _enter(self) -> None:
        """Enter the calls made since the last time in the ledger, on the day that the night takes for today."""
        more, self._entered = self.client.calls - self._entered, self.client.calls
        with self.warehouse.begin() as conn:
            row = {"account": ACCOUNT, "endpoint": "all", "day": self.now.date(), "calls": more}
            again = {"calls": ops_api_calls.c.calls + more}
            conn.execute(upsert(conn, ops_api_calls, ("account", "endpoint", "day"), again).values(row))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[DirectClient]:
        yield self.client

    def _moved(self) -> tuple[set[str], set[str], int]:
        """Registered units whose answer is another than at the last night, the finished ones among them, and how many
        units were open."""
        moved, day = set[str](), self.world.options.day
        with self.warehouse.read() as conn:
            states = dict(conn.execute(select(serial_number.c.sn, serial_number.c.state)).tuples().all())
        for sn in states:
            shown = repr(self.world.factory.steps(sn, day)).encode()
            if shown != self._answers.get(sn, b"[]"):
                moved.add(sn)
                self._answers[sn] = shown
        boards = {sn for sn in moved if states[sn] == "finished"}
        return moved, boards, sum(state != "finished" for state in states.values())

    def _asked(self) -> dict[str, datetime | None]:
        with self.warehouse.read() as conn:
            rows = conn.execute(select(serial_number.c.sn, serial_number.c.last_asked_at)).tuples()
            return dict(rows.all())

    def _ages(self) -> list[timedelta]:
        """How long ago each open unit was asked."""
        asked = serial_number.c.last_asked_at
        wanted = select(asked).where(serial_number.c.state == "open", asked.is_not(None))
        with self.warehouse.read() as conn:
            return [self.now - at for (at,) in conn.execute(wanted)]
