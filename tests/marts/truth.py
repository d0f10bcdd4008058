"""The views of work orders in plain Python, from the units and steps of a second opinion; no shared code.

Shares are exact fractions rounded half up, as the marts say of themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pandas

from tests.marts.second import STATION, World, _shift

Rows = list[dict[str, Any]]
VIEWS = (
    "mart_wip",
    "mart_stuck_unit",
    "mart_rework_unit",
    "mart_order",
    "mart_throughput",
    "mart_station_yield",
    "mart_station_daily",
    "mart_line_yield",
    "mart_pareto",
    "mart_interval",
    "mart_day_summary",
)
HOUR = timedelta(hours=1)


def plan_of(orders: Sequence[Any], units: int) -> Rows:
    """A plan for two of three work orders, some of them of more units than will be made, some due soon."""
    return [
        {
            "order_code": order.code,
            "planned_units": units + (order.position % 4 == 0) * 2,
            "due_at": datetime.fromisoformat("2026-11-01T00:00+00:00")
            + timedelta(days=order.start_day + 6 + order.position % 3 * 5),
            "product": f"Product {order.position}",
        }
        for order in orders
        if order.position % 3
    ]


def plain(frame: pandas.DataFrame) -> Rows:
    """The cells as Python has them."""

    def cell(value: Any) -> Any:
        if value is None or value is pandas.NA or value is pandas.NaT or value != value:
            return None
        if isinstance(value, pandas.Timestamp):
            return value.to_pydatetime() if value.tzinfo else value.date()
        return value.item() if hasattr(value, "item") else value

    return [{name: cell(row[name]) for name in frame.columns} for row in frame.astype(object).to_dict("records")]


def rows_of(frame: pandas.DataFrame, expected: Rows) -> Rows:
    """The rows of a mart with the columns that the truth tells, in its order; days without anything are left out."""
    rows = [row for row in plain(frame) if row.get("attempts", 1) or row["started"] or row["finished"]]
    names = list(expected[0]) if expected else list(frame.columns)
    return ordered([{name: row[name] for name in names} for row in rows])


def ordered(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: [str(value) for value in row.values()])


def rounded(part: int, whole: int, digits: int = 4) -> float | None:
    if not whole:
        return None
    exact = Fraction(part, whole)
    shown = Decimal(exact.numerator) / Decimal(exact.denominator)
    return float(shown.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def hours(between: timedelta) -> float:
    ms = between // timedelta(milliseconds=1)
    return rounded(ms, 3_600_000, 2) or 0.0


def views(
    world: World, line_of: Mapping[str, str], plan: Rows, now: datetime, stuck_after: timedelta
) -> dict[str, Rows]:
    """What each view is to hold at that present; every unit was asked just then. ``line_of``: order → craft line."""
    told = _Truth(world, line_of, plan, now, stuck_after)
    return {name: ordered(getattr(told, name.removeprefix("mart_"))()) for name in VIEWS}


class _Truth:
    def __init__(
        self, world: World, line_of: Mapping[str, str], plan: Rows, now: datetime, stuck_after: timedelta
    ) -> None:
        self.world, self.line_of, self.now, self.stuck_after = world, line_of, now, stuck_after
        self.plan = {row["order_code"]: row for row in plan}
        names = (
            "state is_current first_step_at last_step_at last_node last_result finished_at gone_at steps erased failed "
            "repeats repasses back_moves off_route nodes_passed clean"
        ).split()
        self.units = {
            key: dict(zip(names, row, strict=True)) for key, row in world.tables["mart_unit"].items()
        }  # (order, sn) → facts
        self.today, _ = _shift(world, now)
        self.worked = {_shift(world, step.at)[0] for step in world.steps}

    def _stuck(self, unit: dict[str, Any]) -> bool:
        return unit["state"] == "open" and self.now - unit["last_step_at"] >= self.stuck_after

    def wip(self) -> Rows:
        places: dict[Any, list[Any]] = defaultdict(list)
        for (order, _), unit in self.units.items():
            if unit["state"] == "open":
                places[order, unit["last_node"], unit["last_result"]].append(unit["last_step_at"])
        rows = []
        for (order, node, result), times in places.items():
            nodes = self.world.lines[order]
            later = nodes[nodes.index(node) + 1 :]
            due = (later[0] if later else None) if result == "passed" else node
            oldest = min(times)
            rows.append(
                {"order_code": order, "due_node": due, "last_node": node, "last_result": result, "units": len(times),
                 "oldest_at": oldest, "oldest_h": hours(self.now - oldest)}
            )  # fmt: skip
        return rows

    def stuck_unit(self) -> Rows:
        return [
            {"order_code": order, "sn": sn, "last_node": unit["last_node"], "last_step_at": unit["last_step_at"],
             "failed": unit["failed"], "repeats": unit["repeats"]}
            for (order, sn), unit in self.units.items() if self._stuck(unit)
        ]  # fmt: skip

    def rework_unit(self) -> Rows:
        kept = ("state", "failed", "repeats", "repasses", "back_moves", "erased", "last_node")
        return [
            {"order_code": order, "sn": sn, **{name: unit[name] for name in kept}}
            for (order, sn), unit in self.units.items()
            if unit["repeats"] or unit["erased"] or unit["back_moves"]
        ]

    # -------------------------------------------------------------------------------------------------------- orders

    def order(self) -> Rows:
        by_order: dict[str, list[Any]] = defaultdict(list)
        for (order, _), unit in self.units.items():
            by_order[order].append(unit)
        return [self._order(order, units) for order, units in by_order.items()]

    def _order(self, order: str, units: list[dict[str, Any]]) -> dict[str, Any]:
        plan = self.plan.get(order, {})
        count = Counter(unit["state"] for unit in units)
        stuck, finished = sum(map(self._stuck, units)), count["finished"]
        target = plan.get("planned_units") or len(units)
        starts = [unit["first_step_at"] for unit in units if unit["first_step_at"]]
        remaining = max(target - finished - stuck, 0)
        past = [self.today - timedelta(days=n) for n in range(60, 0, -1)]
        days = [day for day in past if day in self.worked][-7:]
        days = [day for day in days if starts and day >= _shift(self.world, min(starts))[0]]
        done = [_shift(self.world, unit["finished_at"])[0] for unit in units if unit["finished_at"]]
        pace = rounded(sum(day in days for day in done), len(days), 2) if len(days) >= 2 else None
        left = ceil(remaining / pace) if remaining and pace else None
        return {
            "order_code": order,
            "product": plan.get("product"),
            "units": len(units),
            "target": target,
            "waiting": count["waiting"],
            "open": count["open"],
            "finished": finished,
            "left_": count["left"],
            "forgotten": count["forgotten"],
            "stuck": stuck,
            "clean_share": rounded(sum(unit["clean"] for unit in units), finished),
            "finished_share": rounded(finished, target),
            "pace_per_day": pace,
            "remaining": remaining,
            "workdays_left": left,
            "due_at": plan.get("due_at"),
        }

    def throughput(self) -> Rows:
        days: dict[Any, Counter[str]] = defaultdict(Counter)
        for (order, day, shift), (started, finished) in self.world.tables["mart_order_day"].items():
            days[self.line_of[order], day, shift].update(started=started, finished=finished)
        return [
            {"craft_line_code": line, "factory_day": day, "shift": shift, "started": one["started"],
             "finished": one["finished"]}
            for (line, day, shift), one in days.items()
        ]  # fmt: skip

    def day_summary(self) -> Rows:
        days: dict[date, Counter[str]] = defaultdict(Counter)
        for (_, day, _), (started, finished) in self.world.tables["mart_order_day"].items():
            days[day].update(started=started, finished=finished)
        for (_, _, day, _), counts in self.world.tables["mart_station_day"].items():
            days[day].update(dict(zip(STATION, counts, strict=True)))
        rows, in_process = [], 0
        for day, one in sorted(days.items()):
            in_process += one["started"] - one["finished"]
            decided = one["first_passed"] + one["first_failed"]
            rows.append(
                {"factory_day": day, "started": one["started"], "finished": one["finished"], "in_process": in_process,
                 "attempts": one["attempts"], "first_attempts": one["units"],
                 "fpy": rounded(one["first_passed"], decided), "erased": one["erased"]}
            )  # fmt: skip
        return rows

    # --------------------------------------------------------------------------------------------------------- nodes

    def _nodes(self, key: Any) -> dict[Any, Counter[str]]:
        """Counts of nodes, added up over what the key leaves out; a key of None is left out itself."""
        nodes: dict[Any, Counter[str]] = defaultdict(Counter)
        for (order, node, day, _), counts in self.world.tables["mart_station_day"].items():
            if (found := key(order, node, day)) is not None:
                nodes[found].update(dict(zip(STATION, counts, strict=True)))
        return nodes

    def _yield(self, one: Counter[str]) -> dict[str, Any]:
        return {
            "units": one["units"],
            "first_failed": one["first_failed"],
            "recovered": one["recovered"],
            "attempts": one["attempts"],
            "fpy": rounded(one["first_passed"], one["first_passed"] + one["first_failed"]),
            "final_yield": rounded(one["first_passed"] + one["recovered"], one["units"]),
            "attempts_per_unit": rounded(one["attempts"], one["units"], 3),
            "rework_share": rounded(one["repeated"], one["units"]),
        }

    def station_yield(self) -> Rows:
        return [
            {"order_code": order, "node": node, "sort": self.world.lines[order].index(node) + 1, **self._yield(one)}
            for (order, node), one in self._nodes(lambda order, node, _: (order, node)).items()
        ]

    def station_daily(self) -> Rows:
        return [
            {"craft_line_code": line, "node": node, "factory_day": day, **self._yield(one)}
            for (line, node, day), one in self._nodes(lambda o, node, day: (self.line_of[o], node, day)).items()
        ]

    def line_yield(self) -> Rows:
        nodes = self._nodes(lambda order, node, _: (order, node))
        begun = {step.order for step in self.world.steps}  # a craft line is asked once a step names its order
        rows = []
        for order in begun:
            product, measured = Fraction(1), 0
            for node in self.world.lines[order]:
                one = nodes.get((order, node), Counter())
                if decided := one["first_passed"] + one["first_failed"]:
                    product, measured = product * Fraction(one["first_passed"], decided), measured + 1
            shown = rounded(product.numerator, product.denominator)
            whole = measured == len(self.world.lines[order])
            rows.append(
                {"order_code": order, "nodes_measured": measured, "rty": shown if whole else None, "rty_so_far": shown}
            )
        return rows

    def pareto(self) -> Rows:
        first = self.today - timedelta(days=28)
        nodes = self._nodes(lambda o, node, day: (self.line_of[o], node) if first < day <= self.today else None)
        failed = sorted(
            ((key, one) for key, one in nodes.items() if one["first_failed"]),
            key=lambda e: (-e[1]["first_failed"], e[0]),
        )
        total, so_far, rows = sum(one["first_failed"] for _, one in failed), 0, []
        for place, ((line, node), one) in enumerate(failed, 1):
            so_far += one["first_failed"]
            rows.append(
                {"place": place, "craft_line_code": line, "node": node, "first_failed": one["first_failed"],
                 "units": one["units"], "cumulative_share": rounded(so_far, total)}
            )  # fmt: skip
        return rows

    def interval(self) -> Rows:
        sums: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
        for (order, one, other, kind, _, _), (units, ms) in self.world.tables["mart_interval_day"].items():
            sums[order, one, other, kind][0] += units
            sums[order, one, other, kind][1] += ms
        return [
            {"order_code": order, "from_node": one, "to_node": other, "kind": kind, "units": units,
             "mean_h": rounded(ms, units * 3_600_000, 3)}
            for (order, one, other, kind), (units, ms) in sums.items()
        ]  # fmt: skip
