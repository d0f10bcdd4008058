"""A second opinion on the kept marts: the same facts in plain Python, from a list of steps, with no shared code."""

import itertools
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import floor, log10
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

QUARTER = 900_000


class Step(NamedTuple):
    order: str
    sn: str
    node: str
    at: datetime
    status: bool | None
    gone_at: datetime | None


@dataclass
class World:
    """Steps, craft lines (order → nodes in their order, the last one finishes) and the registry (unit → order)."""

    steps: list[Step]
    lines: dict[str, list[str]]
    registry: dict[str, str]
    zone: str = "Europe/Berlin"
    shifts: tuple[tuple[str, time], ...] = (("early", time(6)), ("late", time(14)), ("night", time(22)))
    tables: dict[str, dict[tuple[Any, ...], tuple[Any, ...]]] = field(default_factory=dict)


def generate(seed: int, size: int = 10_000) -> World:
    """Resets, two orders a unit, equal instants, nodes off the route, null status, a clock before 2015, a DST night."""
    dice = random.Random(seed)
    lines = {f"W{n:02}": [f"n{k}" for k in range(1, dice.randint(3, 6))] for n in range(14)}
    steps: dict[tuple[str, str, datetime], Step] = {}
    registry: dict[str, str] = {}
    start = datetime(2026, 3, 20, tzinfo=UTC)
    number = 0
    while len(steps) < size:
        number += 1
        sn = f"U{number:05}"
        orders = dice.sample(sorted(lines), 2 if dice.random() < 0.1 else 1)
        registry[sn] = dice.choice(orders)
        if dice.random() < 0.03:
            continue
        for order in orders:
            _unit(dice, steps, order, sn, lines[order], start + timedelta(seconds=dice.randrange(20 * 86400)))
    return World(list(steps.values()), lines, registry)


def _unit(dice: random.Random, steps: Any, order: str, sn: str, nodes: list[str], at: datetime) -> None:
    if dice.random() < 0.01:
        at = datetime(1999, 5, 5, tzinfo=UTC)
    reached = dice.randint(1, len(nodes))
    runs = dice.choice((1, 1, 1, 1, 2, 3))
    reset = 0
    for run in range(runs):
        gone = None
        if run < runs - 1 or dice.random() < 0.08:
            reset += 1
            gone = at.replace(microsecond=0) + timedelta(days=reset)
        for node in nodes[:reached]:
            for attempt in range(1 if dice.random() < 0.85 else dice.randint(2, 4)):
                odd = f"z{dice.randint(1, 2)}" if dice.random() < 0.02 else node
                status: bool | None = dice.random() > (0.5 if attempt == 0 and dice.random() < 0.2 else 0.05)
                if dice.random() < 0.03:
                    status = None
                steps[sn, odd, at] = Step(order, sn, odd, at, status, gone)
                if dice.random() > 0.05:  # else the next one happens at the same instant
                    at += timedelta(milliseconds=int(dice.lognormvariate(15.5, 1.2)))


def compute(world: World, false_means: str) -> World:
    """Fill ``tables`` with what the kept marts are to hold: key → values."""
    units = defaultdict(list)
    for step in world.steps:
        units[step.order, step.sn].append(step)
    for sn, order in world.registry.items():
        units.setdefault((order, sn), [])
    tables: Any = {name: {} for name in ("mart_unit", "mart_order_state")}
    station: Any = defaultdict(Counter)
    intervals: Any = defaultdict(lambda: [0, 0])
    moved: Any = defaultdict(Counter)
    for (order, sn), steps in units.items():
        row = _state(world, order, sn, steps, false_means, station, intervals)
        tables["mart_unit"][order, sn] = row
        for name, at in (("started", row[2]), ("finished", row[6])):
            if at is not None:
                moved[(order, *_shift(world, at))][name] += 1
    tables["mart_station_day"] = {key: tuple(found[name] for name in STATION) for key, found in station.items()}
    tables["mart_interval_day"] = {key: tuple(found) for key, found in intervals.items()}
    tables["mart_order_day"] = {key: (found["started"], found["finished"]) for key, found in moved.items()}
    tables["mart_order_state"] = _orders(tables["mart_unit"])
    world.tables = tables
    return world


STATION = (
    "attempts",
    "passed",
    "failed",
    "undecided",
    "erased",
    "units",
    "first_passed",
    "first_failed",
    "recovered",
    "repeated",
)


def _state(
    world: World, order: str, sn: str, steps: list[Step], false_means: str, station: Any, intervals: Any
) -> tuple[Any, ...]:
    nodes = world.lines[order]
    current = world.registry.get(sn) == order
    if not steps:
        return ("waiting", current, *[None] * 6, *[0] * 8, False)
    live = [step for step in steps if step.gone_at is None]
    newest_live = max((step.at for step in live), default=None)
    last_gone = max((step.gone_at for step in steps if step.gone_at), default=None)
    shown = live or [step for step in steps if step.gone_at == last_gone]

    def result(step: Step) -> str:
        if step.status is None:
            return "undecided"
        if step.status:
            return "passed"
        newest = step.gone_at is not None or step.at >= newest_live
        return "undecided" if false_means == "open" and newest else "failed"

    def place(node: str) -> int:
        return nodes.index(node) + 1 if node in nodes else 0

    route = sorted(steps, key=lambda step: (step.at, place(step.node), step.node))
    back = 0
    for before, step in itertools.pairwise(route):
        a, b = place(before.node), place(step.node)
        back += bool(a and b and b < a)
        kind = (
            "retest"
            if before.node == step.node
            else "off_route"
            if not (a and b)
            else "back"
            if b < a
            else "forward"
            if b > a
            else "level"
        )
        ms = round((step.at - before.at) / timedelta(milliseconds=1))
        bucket = 0 if ms < 1000 else 1 + floor(log10(ms / 1000) * 10 + 1e-9)
        entry = intervals[order, before.node, step.node, kind, _shift(world, step.at)[0], bucket]
        entry[0] += 1
        entry[1] += ms
    at_node = defaultdict(list)
    for step in route:
        at_node[step.node].append(step)
        found = station[(order, step.node, *_shift(world, step.at))]
        found["attempts"] += 1
        found[result(step)] += 1
        found["erased"] += step not in shown
    for node, attempts in at_node.items():
        found = station[(order, node, *_shift(world, attempts[0].at))]
        first = result(attempts[0])
        found["units"] += 1
        found["first_passed"] += first == "passed"
        found["first_failed"] += first == "failed"
        found["recovered"] += first != "passed" and any(result(step) == "passed" for step in attempts)
        found["repeated"] += len(attempts) > 1
    newest = max(step.at for step in shown)
    last = max((step for step in shown if step.at == newest), key=lambda step: (place(step.node), step.node))
    finished = _finished([step for step in shown if step.node == nodes[-1]], result)
    failed = sum(result(step) == "failed" for step in steps)
    repeats = sum(len(attempts) - 1 for attempts in at_node.values())
    erased = len(steps) - len(shown)
    passes = [sum(result(step) == "passed" for step in attempts) for attempts in at_node.values()]
    state = (
        "finished" if finished else "left" if sn in world.registry and not current else "open" if live else "forgotten"
    )
    return (
        state,
        current,
        route[0].at,
        newest,
        last.node,
        result(last),
        finished,
        None if live else last_gone,
        len(live),
        erased,
        failed,
        repeats,
        sum(max(0, count - 1) for count in passes),
        back,
        sum(place(step.node) == 0 for step in steps),
        len({step.node for step in shown if result(step) == "passed"}),
        bool(finished) and failed == repeats == erased == 0,
    )


def _finished(steps: list[Step], result: Any) -> datetime | None:
    passed = [step.at for step in steps if result(step) == "passed"]
    others = [step.at for step in steps if result(step) != "passed"]
    if not passed or (others and max(others) >= max(passed)):
        return None
    return max(passed) if others else min(passed)


def _orders(units: dict[Any, Any]) -> dict[tuple[str], tuple[Any, ...]]:
    by_order = defaultdict(list)
    for (order, _), row in units.items():
        by_order[order].append(row)
    states = ("waiting", "open", "finished", "left", "forgotten")

    def least(values: Any) -> Any:
        return min(filter(None, values), default=None)

    def most(values: Any) -> Any:
        return max(filter(None, values), default=None)

    return {
        (order,): (
            len(rows),
            *[sum(row[0] == state for row in rows) for state in states],
            sum(row[-1] for row in rows),
            sum(bool(row[9] or row[10] or row[11]) for row in rows),
            sum(row[2] is not None for row in rows),
            least(row[2] for row in rows),
            most(row[3] for row in rows),
            most(row[6] for row in rows),
        )
        for order, rows in by_order.items()
    }


def _shift(world: World, at: datetime) -> tuple[date, str]:
    """By walking back from the local wall clock, not by a table."""
    if at.year < 2015:
        return at.date(), "none"
    zone = ZoneInfo(world.zone)
    begun = []
    for ahead in (-2, -1, 0, 1):
        day = at.astimezone(zone).date() + timedelta(days=ahead)
        for name, start in world.shifts:
            local = datetime.combine(day + timedelta(days=start < world.shifts[0][1]), start, zone)
            if local.astimezone(UTC) <= at:
                begun.append((local.astimezone(UTC), day, name))
    _, day, name = max(begun)
    return day, name
