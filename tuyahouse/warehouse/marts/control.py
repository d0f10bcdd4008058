"""Limits of control charts. Pure."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

BASELINE, LEAST, SIGMAS = 28, 8, 3.0
MEAN_MOVING_RANGE = 1.128
"""Mean distance of two neighbours in a series of standard normal numbers."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A day of a control chart; limits are None while there is no baseline, or where it never varied."""

    factory_day: date
    units: int
    share: float
    mean: float | None
    sigma_z: float | None
    lower: float | None
    upper: float | None
    is_out: bool


def control_limits(points: Sequence[tuple[date, int, int]]) -> list[Judged]:
    """Judge days of (day, passed, units), oldest first, none with 0 units; the last one is the newest.

    A p-chart: mean ± 3 · sigma_z · √(mean (1 − mean) / units), clipped to 0 and 1. The mean is that of the 28 days
    before the newest, at least 8. sigma_z (Laney's p′) widens the limits where days vary beyond chance: with thousands
    of units a day plain limits would hug the mean.
    """
    base = points[:-1][-BASELINE:]
    if len(base) < LEAST:
        return [Judged(day, units, passed / units, None, None, None, None, False) for day, passed, units in points]
    mean = sum(passed for _, passed, _ in base) / sum(units for _, _, units in base)
    if mean in (0.0, 1.0):
        return [Judged(day, units, passed / units, mean, None, None, None, False) for day, passed, units in points]
    sigma_z = max(1.0, _mean_moving_range(base, mean) / MEAN_MOVING_RANGE)
    return [_judged(point, mean, sigma_z) for point in points]


def _mean_moving_range(base: Sequence[tuple[date, int, int]], mean: float) -> float:
    z = [(passed / units - mean) / sqrt(mean * (1 - mean) / units) for _, passed, units in base]
    return sum(abs(after - before) for before, after in itertools.pairwise(z)) / (len(z) - 1)


def _judged(point: tuple[date, int, int], mean: float, sigma_z: float) -> Judged:
    day, passed, units = point
    width = SIGMAS * sigma_z * sqrt(mean * (1 - mean) / units)
    lower, upper, share = max(0.0, mean - width), min(1.0, mean + width), passed / units
    return Judged(day, units, share, mean, sigma_z, lower, upper, not lower <= share <= upper)
