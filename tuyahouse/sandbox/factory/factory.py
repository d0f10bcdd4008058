"""A factory that moves on day by day. Answers are pure functions of (seed, serial number, day); nothing is stored."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tuyahouse.sandbox.days import DAY_MS, FIRST_DAY_MS, HOUR_MS, instant_ms
from tuyahouse.sandbox.factory.craftlines import CRAFT_LINES, CraftLine
from tuyahouse.sandbox.seeded_random import SeededRandom

UNITS_AN_ORDER = 5000
FAILURE_SHARE = 0.06
SCRAP_SHARE = 0.004
RESET_SHARE = 0.01
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class WorkOrder(NamedTuple):
    position: int
    code: str
    craft_line: CraftLine
    units: int
    start_day: int

    @property
    def sends_request_id(self) -> bool:
        return self.position % 3 == 2


class Step(NamedTuple):
    """One passage of a unit through a node of its craft line, by the node's number."""

    node: int
    time_ms: int
    passed: bool


class Factory:
    """Work orders whose units are numbered from 00001: ``YZCB04ZZR00001``."""

    def __init__(self, seed: int, serial_numbers: int) -> None:
        self.seed = seed
        self.count = serial_numbers
        self.orders = _work_orders(seed, serial_numbers)
        self._by_code = {order.code: order for order in self.orders}

    def order(self, code: str) -> WorkOrder | None:
        return self._by_code.get(code)

    def order_of(self, sn: str) -> WorkOrder | None:
        """The work order of a serial number; None if the factory never makes such a unit."""
        order, number = self._by_code.get(sn[:-5]), sn[-5:]
        known = order is not None and number.isascii() and number.isdigit() and 1 <= int(number) <= order.units
        return order if known else None

    def serial_numbers(self, begun_by: float | None = None) -> Iterator[tuple[str, str]]:
        """Every (serial number, work order), ordered by work order and number, however late its order begins."""
        for order in self.orders:
            for number in range(1, order.units + 1):
                yield f"{order.code}{number:05d}", order.code

    def serial_number(self, index: int) -> str:
        """The serial number at this index; counting starts over at the end."""
        index %= self.count
        size = self.orders[0].units
        return f"{self.orders[index // size].code}{index % size + 1:05d}"

    def steps(self, sn: str, day: float) -> list[Step]:
        """What the PMS shows of a known unit at the end of that day, oldest first."""
        order = self.order_of(sn)
        return _visible(SeededRandom(self.seed, sn), order, instant_ms(day)) if order else []

    def passages(self, sn: str, day: float) -> list[tuple[WorkOrder, list[Step]]]:
        """The same by work order: here a unit has a single one."""
        order = self.order_of(sn)
        return [(order, self.steps(sn, day))] if order else []

    def finished(self, sn: str, day: float) -> bool:
        order = self.order_of(sn)
        last = len(order.craft_line.nodes) - 1 if order else -1
        return any(step.node == last and step.passed for step in self.steps(sn, day))

    def pass_counts(self, order: WorkOrder, day: float, failures: bool = False) -> Counter[int]:
        """How many units of the work order passed each of its nodes; with ``failures``, how many were there."""
        counts: Counter[int] = Counter()
        for number in range(1, order.units + 1):
            steps = self.steps(f"{order.code}{number:05d}", day)
            counts.update({step.node for step in steps if step.passed or failures})
        return counts


def _work_orders(seed: int, serial_numbers: int) -> list[WorkOrder]:
    number = max(min(3, serial_numbers), -(-serial_numbers // UNITS_AN_ORDER))
    size = -(-serial_numbers // max(number, 1))
    orders: list[WorkOrder] = []
    for index in range(number):
        units = min(size, serial_numbers - index * size)
        if units > 0:
            start = -4 + (index * 5) % 7
            orders.append(WorkOrder(index, _code(seed, index), CRAFT_LINES[index % len(CRAFT_LINES)], units, start))
    return orders


def _code(seed: int, index: int) -> str:
    """A code in the style of Tuya's samples. It spells the index, so that no two are the same."""
    if index == 0:
        return "YZCB04ZZR"
    rng = SeededRandom(seed, "order", index)
    letters = _LETTERS[index % 24] + _LETTERS[index // 24 % 24] + _LETTERS[index // 576 % 24]
    return f"YZ{_LETTERS[rng.below(24)]}{_LETTERS[rng.below(24)]}{rng.below(100):02d}{letters}"


def _visible(rng: SeededRandom, order: WorkOrder, until_ms: int) -> list[Step]:
    begin_ms = FIRST_DAY_MS + order.start_day * DAY_MS + int(rng.fraction() * 3 * DAY_MS)
    reset, keep, after = rng.fraction() < RESET_SHARE, rng.below(2) + 1, SeededRandom(rng.number())
    reset_ms = (begin_ms // DAY_MS + 2 + rng.below(2)) * DAY_MS if reset else 0
    if not reset or until_ms <= reset_ms:
        return _run(rng, order, 0, begin_ms, until_ms)
    before = _run(rng, order, 0, begin_ms, reset_ms)
    kept = [step for step in before if step.node < keep]
    resume = max((step.node + 1 for step in kept if step.passed), default=0)
    return kept + _run(after, order, resume, max(reset_ms, begin_ms), until_ms)


def _run(rng: SeededRandom, order: WorkOrder, node: int, begin_ms: int, until_ms: int) -> list[Step]:
    """Passages from a node on: some fail and are repeated later, a few units are given up after a failure."""
    steps: list[Step] = []
    now, last = begin_ms, len(order.craft_line.nodes)
    while node < last:
        roll = rng.fraction()
        now += HOUR_MS * 2 + rng.below(8 * HOUR_MS)
        if now > until_ms:
            break
        passed = roll >= FAILURE_SHARE
        steps.append(Step(node, now, passed))
        if roll < SCRAP_SHARE:
            break
        node += passed
    return steps
