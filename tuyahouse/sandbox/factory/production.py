"""How one work order of the reference factory is made: station by station, each with a queue. Pure in its seed."""

import heapq
from array import array
from collections import Counter
from collections.abc import Sequence
from random import Random

from tuyahouse.sandbox.days import HOUR_MS, NEVER_MS
from tuyahouse.sandbox.factory.factory import Step
from tuyahouse.sandbox.factory.hours import WEEK_WORK_MS, wall_ms

FAILURE_SHARE = 0.03
DRIFTING_SHARE = 0.08
"""Failures at a node whose yield has drifted, at its worst."""
SCRAP_SHARE = 0.05
"""Of the failures: the unit is given up."""
RESET_SHARE = 0.01
SHUFFLING_HOURS = 16
"""Longest way between two nodes where units pass in random order."""
OUT_OF_TURN = 0.1
"""Share of the picks that do not take the unit that waits longest, but one of the ten first."""


class Made:
    """Every step of one order, by unit, in three flat arrays: time, node × 2 + passed, and until when it is shown."""

    def __init__(self, steps: Sequence[Sequence[tuple[int, int, bool, int]]], finished: list[int | None]) -> None:
        self.finished_work = finished
        """Working time at which each unit passed the last node."""
        self._first = array("l", [0])
        self._times, self._kinds, self._until = array("q"), array("B"), array("q")
        for unit in steps:
            for at_ms, node, passed, until_ms in sorted(unit):
                self._times.append(at_ms)
                self._kinds.append(node * 2 + passed)
                self._until.append(until_ms)
            self._first.append(len(self._times))

    def shown(self, unit: int, at_ms: int) -> list[Step]:
        """The unit's steps at that time."""
        return [
            Step(self._kinds[i] >> 1, self._times[i], bool(self._kinds[i] & 1))
            for i in range(self._first[unit], self._first[unit + 1])
            if self._times[i] <= at_ms < self._until[i]
        ]

    def counts(self, at_ms: int, failures: bool) -> Counter[int]:
        """Units with a step that passed at each node; with ``failures``, with any step there."""
        counts: Counter[int] = Counter()
        for unit in range(len(self._first) - 1):
            counts.update({step.node for step in self.shown(unit, at_ms) if step.passed or failures})
        return counts


def produce(
    seed: int, nodes: int, arrivals: Sequence[int], flow_ms: int, drifting: int, random_order: bool = False
) -> Made:
    """Make units that arrive at the first node at these working times; one that arrives never is not made.

    The yield of the node ``drifting`` falls week by week, until it is mended after four."""
    rng = Random(seed)
    units = len(arrivals)
    steps: list[list[tuple[int, int, bool, int]]] = [[] for _ in range(units)]
    finished: list[int | None] = [None] * units
    resets = _resets(rng, units, nodes)
    cycle_ms = flow_ms * 0.5 / max(units, 1)
    queue = [(at, unit) for unit, at in enumerate(arrivals) if at < NEVER_MS]
    between = SHUFFLING_HOURS if random_order else 1
    for node in range(nodes):
        done = _station(rng, node, queue, steps, cycle_ms, random_order, node == drifting)
        queue = []
        for at, unit in done:
            if node == nodes - 1:
                finished[unit] = at
            elif resets.get(unit) == node:
                finished[unit] = _after_reset(rng, node, nodes, at, steps[unit])
            else:
                queue.append((at + int(HOUR_MS * (0.2 + rng.random() * between)), unit))
    return Made(steps, finished)


def _resets(rng: Random, units: int, nodes: int) -> dict[int, int]:
    """Unit → node after which it is set back."""
    return {unit: rng.randrange(1, nodes - 1) for unit in range(units) if rng.random() < RESET_SHARE}


def _station(
    rng: Random,
    node: int,
    queue: list[tuple[int, int]],
    steps: list[list[tuple[int, int, bool, int]]],
    cycle_ms: float,
    random_order: bool,
    drifts: bool,
) -> list[tuple[int, int]]:
    """Work off the queue; returns (working time, unit) of those that passed."""
    heapq.heapify(queue)
    waiting: list[int] = []
    done: list[tuple[int, int]] = []
    now = queue[0][0] if queue else 0
    while queue or waiting:
        if not waiting:
            now = max(now, queue[0][0])
        while queue and queue[0][0] <= now:
            waiting.append(heapq.heappop(queue)[1])
        place = 0
        if random_order:
            place = rng.randrange(len(waiting))
        elif rng.random() < OUT_OF_TURN:
            place = rng.randrange(min(10, len(waiting)))
        unit = waiting.pop(place)
        now += int(cycle_ms * (0.6 + 0.7 * rng.random()))
        worn = now % (4 * WEEK_WORK_MS) / (4 * WEEK_WORK_MS) if drifts else 0.0
        passed = rng.random() >= FAILURE_SHARE + (DRIFTING_SHARE - FAILURE_SHARE) * worn
        steps[unit].append((wall_ms(now), node, passed, NEVER_MS))
        if passed:
            done.append((now, unit))
        elif rng.random() >= SCRAP_SHARE:
            heapq.heappush(queue, (now + int(HOUR_MS * (0.5 + 4 * rng.random())), unit))
    return done


def _after_reset(rng: Random, node: int, nodes: int, at: int, steps: list[tuple[int, int, bool, int]]) -> int:
    """Set the unit back to an earlier node: later steps are shown no more, and it passes alone what it lost."""
    now = at + int(HOUR_MS * (1 + 6 * rng.random()))
    keep, set_back_ms = rng.randrange(node + 1), wall_ms(now)
    steps[:] = [(time, of, passed, until if of < keep else set_back_ms) for time, of, passed, until in steps]
    for again in range(keep, nodes):
        now += int(HOUR_MS * (0.5 + 5 * rng.random()))
        steps.append((wall_ms(now), again, True, NEVER_MS))
    return now
