"""The craft line of each work order: asked when the order first appears in an answer, and again when it is outdated.

It is outdated when a step that happened after it was asked names a node that it lacks: a line may be changed later.
The line's last node decides when a unit is finished. An order whose line could not be fetched is a dead letter, which
every run of what is due asks again; its units stay open until the line is there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from tuyahouse.cloud.calls.pms import CraftLine, FlowStep, get_craft_line
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import Action, TuyaError
from tuyahouse.sync.asking import Asked, ask_all
from tuyahouse.sync.given_keys import names_keys
from tuyahouse.sync.serial_numbers.state import state_of
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk.halves import write_in_halves
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.serial_numbers import craft_lines, flow_steps, registry
from tuyahouse.warehouse.shared.landing import landing, shared_clock
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "craft_line"

LINES_AT_ONCE = 500
"""Craft lines that are asked and landed together."""

MOST_NODES = 200_000
"""Nodes of craft lines that a run remembers; with more it reads them from the warehouse again."""

Answer = tuple[str, tuple[CraftLine, bytes]]
"""Work order, its craft line and the answer as sent."""

Now = Callable[[], datetime]

LastNodes = dict[str, str | None]
"""Work order → last node of its craft line; None if it is not known."""


class NamedNodes:
    """The work orders and nodes that process steps name; ``nodes`` is work order → nodes."""

    def __init__(self, steps: Sequence[FlowStep]) -> None:
        self._steps = steps
        self.nodes: dict[str, set[str]] = {}
        for order, node in {(step.order_code, step.node) for step in steps}:
            if order:
                self.nodes.setdefault(order, set()).add(node)

    def outdate(self, order: str, line: craft_lines.HeldLine) -> bool:
        """Whether a step of the order that happened after its line was asked names a node that the line lacks."""
        lacking = self.nodes[order] - line.nodes
        asked_ms = int(line.asked_at.timestamp() * 1000) if line.asked_at else 0
        return bool(lacking) and any(
            step.order_code == order and step.node in lacking and step.time_ms > asked_ms for step in self._steps
        )


@dataclass(slots=True)
class CraftLines:
    """The craft lines one process knows during a run; fetches each missing one at most once."""

    warehouse: Warehouse
    run: runs.Run
    known: LastNodes = field(default_factory=dict)
    held: dict[str, craft_lines.HeldLine] = field(default_factory=dict)
    asked_again: set[str] = field(default_factory=set)
    barred: TuyaError | None = None
    """Why Tuya gives this account no craft lines; then none is asked any more."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def last_nodes(self, client: TuyaClient, named: NamedNodes, now: Now = utc_now) -> LastNodes:
        """The last nodes of the orders named, asking Tuya for those the warehouse does not hold or holds outdated.

        After an error that every call would meet, the orders stay unknown: the serial numbers will meet it again, or
        the run asks them at its end (:meth:`missing`).
        """
        async with self.lock:
            missing = [order for order in named.nodes if order not in self.known]
            if missing:
                stored = await asyncio.to_thread(craft_lines.last_nodes, self.warehouse, self.run.account, missing)
                self.known.update(stored)
                await self._fetch(client, sorted(set(missing) - set(stored)), now)
            if outdated := await asyncio.to_thread(self._outdated, named):
                before = {order: self.known.get(order) for order in outdated}
                await self._fetch(client, outdated, now)
                self.known.update({order: last for order, last in before.items() if self.known.get(order) is None})
            return self.known

    def _outdated(self, named: NamedNodes) -> list[str]:
        """Orders of which a step names a node that their line lacks and is newer than the line; each once a run."""
        orders = [order for order in named.nodes if order not in self.held]
        if orders:
            if sum(len(line.nodes) for line in self.held.values()) > MOST_NODES:
                self.held.clear()
                orders = list(named.nodes)
            self.held.update(craft_lines.held_lines(self.warehouse, self.run.account, orders))
        found = [order for order in named.nodes if order in self.held and order not in self.asked_again]
        outdated = sorted(order for order in found if named.outdate(order, self.held[order]))
        self.asked_again.update(outdated)
        return outdated

    def missing(self) -> list[str]:
        """Work orders whose line is still to be asked at the end of the run.

        Those are the ones whose units landed in this run when it was stopped in between, and in a run of what is due
        also those that are dead letters.
        """
        account = self.run.account
        with self.warehouse.read() as conn:
            missing = craft_lines.missing(conn, account, self.run.run_id)
            if not names_keys(runs.parameters_of(conn, self.run.run_id), ("sns", "work_orders")):
                missing += dead_letters.open_keys(conn, account, KIND)
        return sorted(order for order in set(missing) if order not in self.known)

    def refusals(self, orders: Sequence[str] | None = None) -> str:
        """A sentence if too many craft lines are dead letters; without ``orders``, of those of the run's units."""
        account = self.run.account
        with self.warehouse.read() as conn:
            dead = set(dead_letters.open_keys(conn, account, KIND))
            if dead and orders is None:
                orders = craft_lines.orders_of_run(conn, account, self.run.run_id)
            orders = orders if dead and orders else []
            refused = dead.intersection(orders)
            if not runs.too_many_refused(len(refused), len(orders)):
                return ""
            like = dead_letters.newest_of(conn, account, refused)
        return runs.refusals_in_words(account, len(refused), len(orders), "craft lines", like)

    async def redrive(self, client: TuyaClient) -> str:
        """Ask again every craft line that has an open dead letter; returns :meth:`refusals` of these.

        Raises:
            TuyaError: as :meth:`fetch`.
        """
        with self.warehouse.read() as conn:
            orders = list(dead_letters.open_keys(conn, self.run.account, KIND))
        await self.fetch(client, orders)
        return await asyncio.to_thread(self.refusals, orders)

    async def fetch(self, client: TuyaClient, orders: list[str]) -> int:
        """Ask these craft lines and land them; returns how many were fetched.

        Raises:
            TuyaError: what stopped the asking, after everything answered until then was committed.
        """
        clock = await asyncio.to_thread(shared_clock, self.warehouse, self.run.ahead)
        fetched, stopped_by = await self._fetch(client, orders, clock)
        if stopped_by:
            raise stopped_by
        return fetched

    async def _fetch(self, client: TuyaClient, orders: Sequence[str], now: Now) -> tuple[int, TuyaError | None]:
        """Ask and land these lines in parts; returns how many were answered, and what stopped the asking."""
        fetched, left = 0, list(orders)
        while left and not self.barred:
            asked: Asked[tuple[CraftLine, bytes]] = Asked()
            part, left = left[:LINES_AT_ONCE], left[LINES_AT_ONCE:]
            await ask_all(part, self._asking(client, asked, now), asked, kind=KIND, workers=4, in_parts=True)
            if asked.asked:
                await asyncio.to_thread(land_craft_lines, self.warehouse, self.run, asked, now)
            self.known.update(dict.fromkeys(set(part) - set(asked.left)))
            self.known.update({order: line.last_node for order, (line, _) in asked.answers})
            fetched, left = fetched + len(asked.answers), asked.left + left
            if (stopped_by := asked.stopped_by) is None:
                continue
            if stopped_by.action is not Action.CONFIGURATION:
                return fetched, stopped_by
            self.barred = stopped_by
        if self.barred and left:
            await asyncio.to_thread(self._land_barred, left, self.barred, now)
        return fetched, self.barred

    @staticmethod
    def _asking(
        client: TuyaClient, asked: Asked[tuple[CraftLine, bytes]], now: Now
    ) -> Callable[[str], Coroutine[Any, Any, tuple[CraftLine, bytes]]]:
        async def ask(order: str) -> tuple[CraftLine, bytes]:
            line, body = await get_craft_line(client, order, asked.starting(order, now))
            asked.hold(order, len(body))
            return line, body

        return ask

    def _land_barred(self, orders: Sequence[str], error: TuyaError, now: Now) -> None:
        """Dead letters of lines that are not asked because Tuya gives this account none. No chunk has them as keys."""
        letters = [DeadLetter(KIND, order, "not_available", error.code, str(error)) for order in orders]
        with landing(self.warehouse, self.run) as conn:
            dead_letters.record(conn, self.run.account, letters, now())


def land_craft_lines(
    warehouse: Warehouse,
    run: runs.Run,
    asked: Asked[tuple[CraftLine, bytes]],
    now: Now,
) -> None:
    """Write craft lines, the states they decide, their raw answers and dead letters in one transaction.

    A line asked before one that has landed meanwhile changes nothing. One that the database refuses becomes a dead
    letter of reason ``not_storable``, and is rejected in ``asked``.
    """
    account, refused, whole = run.account, list[DeadLetter](), asked

    def write(answers: Sequence[Answer]) -> list[str]:
        lines = [(order, line) for order, (line, _) in answers]
        new = [one for one in lines if one[0] not in held]
        write_craft_lines(conn, account, new, run.run_id, at, times)
        for order, line in lines:
            if order in held:  # its nodes may be gone since it was asked, which is when each of them was
                write_craft_lines(conn, account, [(order, line)], run.run_id, times[order])
        for order, (_, body) in answers:  # as old as its asking: a replay takes them in the order that counts here
            raw_blocks.store(conn, account, KIND, f"{run.run_id}/{order}", [(order, body)], times[order])
        return [order for order, _ in answers]

    def refuse(answer: Answer, problem: str) -> list[str]:
        order, (_, body) = answer
        refused.append(DeadLetter(KIND, order, "not_storable", "", problem, body))
        return []

    with landing(warehouse, run) as conn:
        held = craft_lines.hold(conn, account, asked.keys)
        asked = asked.without(asked.overtaken(held))
        at = now()
        times = asked.times(asked.keys, at)
        written = write_in_halves(warehouse, conn, asked.answers, write, refuse)
        dead_letters.record(conn, account, [*asked.dead_letters, *refused], at)
        dead_letters.resolve(conn, account, KIND, list(chain.from_iterable(written)), at)
    keys = {letter.key for letter in refused}
    whole.answers, whole.rejected = [one for one in whole.answers if one[0] not in keys], whole.rejected + refused


def write_craft_lines(
    conn: Connection,
    account: str,
    lines: Sequence[tuple[str, CraftLine]],
    run_id: str,
    at: datetime,
    asked_at: Mapping[str, datetime] | None = None,
) -> None:
    """Write (work order, craft line) pairs; units that landed before their line was known get the state it gives
    them.

    They were asked at ``at``, but for those that ``asked_at`` names.
    """
    if not lines:
        return
    craft_lines.write(conn, account, lines, run_id, at, asked_at or {})
    last = {order: line.last_node for order, line in lines}
    steps = flow_steps.of_orders(conn, account, last)
    registry.set_states(conn, account, [(sn, state_of(held, last[order])) for sn, order, held in steps])
    marks.mark_orders(conn, account, last, f"craft line {run_id}/{at.isoformat()}")
