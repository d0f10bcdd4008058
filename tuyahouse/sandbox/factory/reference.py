"""The reference factory: many work orders, some thirty under way at a time, with queues, shifts, rework and resets.

A work order is worked out when it is first asked for, so that the factory starts at once; it is the same in any order
of asking and in any process.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random

from tuyahouse.sandbox.days import HOUR_MS, NEVER_MS, day_of, instant_ms
from tuyahouse.sandbox.factory.factory import Step, WorkOrder
from tuyahouse.sandbox.factory.hours import wall_ms
from tuyahouse.sandbox.factory.production import Made, produce
from tuyahouse.sandbox.factory.reference_lines import ASSEMBLIES, BOARDS
from tuyahouse.sandbox.seeded_random import SeededRandom, draw

FLOW_MS = 80 * HOUR_MS
"""Working time from the first unit of a work order to its last, about."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class ReferenceFactory:
    """Work orders of equal size. Units of some board orders move on into an assembly order, which has none of its own:
    their answers then hold the steps of both."""

    def __init__(self, seed: int, orders: int, units: int, at_once: int, random_order: bool = False) -> None:
        self.seed = seed
        self.units = units
        self._at_once = max(at_once, 1)
        self._random_order = random_order
        self.feeds = _feeds(orders, self._at_once)
        self._fed_by = {later: board for board, later in self.feeds.items()}
        self.orders = [self._order(index) for index in range(orders)]
        self._by_code = {order.code: order for order in self.orders}
        self._with_units = [order for order in self.orders if order.position not in self._fed_by]
        self.count = len(self._with_units) * units
        self._made: dict[int, Made] = {}

    def order(self, code: str) -> WorkOrder | None:
        return self._by_code.get(code)

    def order_of(self, sn: str) -> WorkOrder | None:
        """The work order in which the unit was made first; None if the factory never makes it."""
        order, number = self._by_code.get(sn[:-5]), sn[-5:]
        known = order is not None and number.isascii() and number.isdigit() and 1 <= int(number) <= order.units
        return order if known and order and order.position not in self._fed_by else None

    def serial_numbers(self, begun_by: float | None = None) -> Iterator[tuple[str, str]]:
        """Every (serial number, first work order); with ``begun_by``, of orders that begin by the end of that day."""
        for order in self._with_units:
            if begun_by is None or self.begins_ms(order) <= instant_ms(begun_by):
                for number in range(1, order.units + 1):
                    yield f"{order.code}{number:05d}", order.code

    def serial_number(self, index: int) -> str:
        """The serial number at this index; counting starts over at the end."""
        index %= self.count
        return f"{self._with_units[index // self.units].code}{index % self.units + 1:05d}"

    def passages(self, sn: str, day: float) -> list[tuple[WorkOrder, list[Step]]]:
        """What the PMS shows of a known unit at the end of that day, by work order, oldest first."""
        order, number, at_ms = self.order_of(sn), int(sn[-5:]) - 1, instant_ms(day)
        if order is None:
            return []
        later = self.feeds.get(order.position)
        chain = [order] if later is None else [order, self.orders[later]]
        shown = []
        for one in chain:
            if self.begins_ms(one) <= at_ms and (steps := self._produced(one.position).shown(number, at_ms)):
                shown.append((one, steps))
        return shown

    def steps(self, sn: str, day: float) -> list[Step]:
        """The same without the work orders."""
        return [step for _, steps in self.passages(sn, day) for step in steps]

    def finished(self, sn: str, day: float) -> bool:
        """Whether its newest step passed the last node of its order, and no later order has it."""
        passages = self.passages(sn, day)
        if not passages:
            return False
        order, steps = passages[-1]
        last = len(order.craft_line.nodes) - 1
        return any(step.node == last and step.passed for step in steps)

    def pass_counts(self, order: WorkOrder, day: float, failures: bool = False) -> Counter[int]:
        """How many units passed each node of the order, or with ``failures`` how many were there."""
        at_ms = instant_ms(day)
        if self.begins_ms(order) > at_ms:
            return Counter()
        return self._produced(order.position).counts(at_ms, failures)

    def begins_ms(self, order: WorkOrder) -> int:
        return wall_ms(self._begin_work(order.position))

    def _begin_work(self, index: int) -> int:
        jitter = int(SeededRandom(self.seed, "begin", index).fraction() * FLOW_MS / self._at_once)
        return (index - self._at_once) * FLOW_MS // self._at_once + jitter

    def _order(self, index: int) -> WorkOrder:
        rng = SeededRandom(self.seed, "reference order", index)
        boards = index in self.feeds or (index not in self._fed_by and index % 6 == 3)
        lines = BOARDS if boards else ASSEMBLIES
        letters = _LETTERS[index % 24] + _LETTERS[index // 24 % 24] + _LETTERS[index // 576 % 24]
        code = f"RF{_LETTERS[rng.below(24)]}{_LETTERS[rng.below(24)]}{rng.below(100):02d}{letters}"
        day = day_of(wall_ms(self._begin_work(index)))
        return WorkOrder(index, code, lines[rng.below(len(lines))], self.units, day)

    def _produced(self, index: int) -> Made:
        if index not in self._made:
            begin = self._begin_work(index)
            arrivals = [begin + int(FLOW_MS * 0.5 * number / self.units) for number in range(self.units)]
            if self._random_order:
                Random(begin).shuffle(arrivals)
            if (board := self._fed_by.get(index)) is not None:
                made = self._produced(board).finished_work
                arrivals = [NEVER_MS if at is None else max(at + 4 * HOUR_MS, begin) for at in made]
            line, seed = self.orders[index].craft_line, draw(self.seed, "made", index)
            nodes, drifting = len(line.nodes), draw(self.seed, "drifting", line.code) % len(line.nodes)
            self._made[index] = produce(seed, nodes, arrivals, FLOW_MS, drifting, self._random_order)
        return self._made[index]


def _feeds(orders: int, at_once: int) -> dict[int, int]:
    """Every sixth order makes boards for the one that begins when it is about done."""
    feeds: dict[int, int] = {}
    fed: set[int] = set()
    for index in range(0, orders - at_once, 6):
        if index not in fed:
            feeds[index] = index + at_once
            fed.add(index + at_once)
    return feeds
