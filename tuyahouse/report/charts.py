"""The forms that charts have, as inline SVG: bars, stacked bars, a line with its limits, a Pareto, a strip.

A chart is 360 wide and is shown about that wide, so its letters keep their size on a phone and on a desktop. Colours
differ in lightness too, and nothing is told by colour alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from tuyahouse.report.markup import EMPTY, join, short, tag

WIDTH = 360
_LEFT, _RIGHT = 40, 8


class Part(NamedTuple):
    """A part of a stacked bar: its class in the stylesheet, its value, what it is."""

    kind: str
    value: float
    title: str


class Point(NamedTuple):
    """A day of a control chart; shares are 0 to 1."""

    day: str
    share: float | None
    lower: float | None
    upper: float | None
    is_out: bool
    title: str


class Bar(NamedTuple):
    """A bar of a Pareto."""

    label: str
    value: float
    shown: str
    cumulative: float


class Cell(NamedTuple):
    """A cell of a strip: its class in the stylesheet, the sign in it, what it is."""

    kind: str
    sign: str
    title: str


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _svg(height: float, label: str, *inside: Markup) -> Markup:
    return tag(
        "svg",
        *inside,
        viewBox=f"0 0 {WIDTH} {_n(height)}",
        role="img",
        aria_label=label,
        class_="chart",
        preserveAspectRatio="xMidYMid meet",
    )


def _letters(x: float, y: float, inside: str, anchor: str = "start", kind: str = "axis") -> Markup:
    return tag("text", inside, x=_n(x), y=_n(y), text_anchor=anchor, class_=kind)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=kind)


def _rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Markup:
    inside = tag("title", title) if title else EMPTY
    return tag("rect", inside, x=_n(x), y=_n(y), width=_n(max(width, 0)), height=_n(max(height, 0)), class_=kind)


def stacked(parts: Sequence[Part], label: str) -> Markup:
    """One bar as wide as its place, its parts side by side."""
    total = sum(part.value for part in parts) or 1
    drawn, x = [], 0.0
    for part in parts:
        if part.value > 0:
            width = 1000 * part.value / total
            drawn.append(_rect(x, 0, width, 12, part.kind, part.title))
            x += width
    return tag(
        "svg", *drawn, viewBox="0 0 1000 12", preserveAspectRatio="none", role="img", aria_label=label, class_="stacked"
    )


def bar(value: float, most: float, label: str, kind: str = "main") -> Markup:
    """One bar as wide as its place, filled as far as ``value`` is of ``most``."""
    share = 1000 * value / most if most else 0
    return tag(
        "svg",
        _rect(0, 0, 1000, 10, "rest"),
        _rect(0, 0, share, 10, kind),
        viewBox="0 0 1000 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_="bar",
    )


def columns(labels: Sequence[str], layers: Sequence[tuple[str, str, Sequence[float]]], label: str) -> Markup:
    """Columns over days, ``layers`` (class, name, values) on top of each other."""
    top, bottom, height = 14, 128, 148
    totals = [sum(values) for values in zip(*[layer[2] for layer in layers], strict=True)]
    most = _round_up(max(totals, default=0))
    step = (WIDTH - _LEFT - _RIGHT) / max(len(labels), 1)
    drawn = [*_grid([0, most / 2, most], most, top, bottom)]
    for place, day in enumerate(labels):
        y = float(bottom)
        for kind, name, values in layers:
            tall = (bottom - top) * values[place] / most if most else 0
            y -= tall
            if tall:
                x = _LEFT + step * place + step * 0.14
                drawn.append(_rect(x, y, step * 0.72, tall, kind, f"{day} {name}: {values[place]:,.0f}"))
    return _svg(height, label, *drawn, *_days(labels, step, height - 5))


def _grid(ticks: Sequence[float], most: float, top: float, bottom: float) -> list[Markup]:
    drawn = []
    for tick in ticks:
        y = bottom - (bottom - top) * tick / most if most else bottom
        drawn += [_line(_LEFT, y, WIDTH - _RIGHT, y, "grid"), _letters(_LEFT - 5, y + 3.5, _compact(tick), "end")]
    return drawn


def _compact(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _round_up(value: float) -> float:
    if value <= 0:
        return 1
    scale = 1.0
    while value > 10 * scale:
        scale *= 10
    return next(step * scale for step in (1, 2, 3, 4, 5, 6, 8, 10) if value <= step * scale)


def _days(labels: Sequence[str], step: float, y: float) -> list[Markup]:
    """Labels below columns: the last day, and every seventh before it."""
    chosen = range(len(labels) - 1, -1, -7)
    last = len(labels) - 1
    return [
        _letters(WIDTH - _RIGHT, y, labels[place][5:], "end")
        if place == last
        else _letters(_LEFT + step * (place + 0.5), y, labels[place][5:], "middle")
        for place in chosen
        if place == last or step * (last - place) > 40
    ]


def control(points: Sequence[Point], mean: float | None, label: str) -> Markup:
    """First-pass yield by day, the mean, and the band in which days are no news."""
    top, bottom, height = 10, 118, 138
    limits = sorted(one.lower for one in points if one.lower is not None)
    usual = limits[len(limits) // 2] if limits else 1.0  # a day of few units has limits far out: they are cut
    low = min([usual, *[one.share for one in points if one.share is not None]])
    low = max(0.0, low - 0.1 * (1 - low) - 0.005)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(points), 1)

    def x(place: int) -> float:
        return _LEFT + step * (place + 0.5)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / ((1 - low) or 1)

    drawn = [
        join(
            (
                _line(_LEFT, y(v), WIDTH - _RIGHT, y(v), "grid"),
                _letters(_LEFT - 5, y(v) + 3.5, f"{v:.0%}" if low < 0.9 else f"{v:.1%}", "end"),
            )
        )
        for v in (low, (1 + low) / 2, 1.0)
    ]
    band = [(place, one.lower, one.upper) for place, one in enumerate(points) if one.lower is not None]
    if band:
        above = [f"{_n(x(place))},{_n(y(upper or 0))}" for place, _, upper in band]
        below = [f"{_n(x(place))},{_n(y(max(lower or 0, low)))}" for place, lower, _ in reversed(band)]
        drawn.append(tag("polygon", points=" ".join(above + below), class_="band"))
    if mean is not None:
        drawn.append(_line(_LEFT, y(mean), WIDTH - _RIGHT, y(mean), "mean"))
    path = [f"{_n(x(place))},{_n(y(one.share))}" for place, one in enumerate(points) if one.share is not None]
    drawn.append(tag("polyline", points=" ".join(path), class_="line"))
    for place, one in enumerate(points):
        if one.share is None:
            continue
        at = {"cx": _n(x(place)), "cy": _n(y(one.share))}
        if one.is_out:
            a, b = x(place), y(one.share)
            corners = f"{_n(a)},{_n(b - 5)} {_n(a + 5)},{_n(b)} {_n(a)},{_n(b + 5)} {_n(a - 5)},{_n(b)}"
            drawn.append(tag("polygon", tag("title", one.title), points=corners, class_="out"))
        else:
            drawn.append(tag("circle", tag("title", one.title), r="2", class_="dot", **at))
    return _svg(height, label, *drawn, *_days([one.day for one in points], step, height - 5))


def pareto(bars: Sequence[Bar], label: str) -> Markup:
    """Bars from the largest, and how much of all they are together."""
    row, top = 34, 22
    most = max((one.value for one in bars), default=0) or 1
    drawn, names, dots = [], [], []
    for place, one in enumerate(bars):
        y = top + row * place
        drawn.append(_rect(2, y + 16, (WIDTH - 6) * one.value / most, 12, "warn"))
        names.append(_letters(2, y + 11, short(one.label, 40), kind="name"))
        names.append(_letters(WIDTH - 4, y + 11, one.shown, "end", "value"))
        dots.append((2 + (WIDTH - 6) * one.cumulative, y + 22))
    drawn.append(tag("polyline", points=" ".join(f"{_n(x)},{_n(y)}" for x, y in dots), class_="cumulative"))
    drawn += [*names, *[tag("circle", cx=_n(x), cy=_n(y), r="3", class_="cumulative-dot") for x, y in dots]]
    scale = [
        _letters(2 + (WIDTH - 6) * at, 10, f"{at:.0%}", anchor)
        for at, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    ]
    return _svg(top + row * len(bars), label, *scale, *drawn)


def spark(values: Sequence[float | None], label: str) -> Markup:
    """The course of a number, without scales."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0), max(known, default=0)
    step = 116 / max(len(values) - 1, 1)
    at = [
        (2 + step * place, 26 - 22 * ((value - low) / ((high - low) or 1)))
        for place, value in enumerate(values)
        if value is not None
    ]
    path = tag("polyline", points=" ".join(f"{_n(x)},{_n(y)}" for x, y in at), class_="line")
    end = tag("circle", cx=_n(at[-1][0]), cy=_n(at[-1][1]), r="3", class_="dot") if at else EMPTY
    return tag(
        "svg",
        path,
        end,
        viewBox="0 0 120 30",
        preserveAspectRatio="xMinYMid",
        role="img",
        aria_label=label,
        class_="spark",
    )


def strip(cells: Sequence[Cell], label: str) -> Markup:
    """A row of cells, the newest on the right."""
    step = WIDTH / max(len(cells), 14)
    drawn = []
    for place, cell in enumerate(cells):
        drawn.append(_rect(step * place + 1, 1, step - 2, 22, cell.kind, cell.title))
        drawn.append(_letters(step * (place + 0.5), 16, cell.sign, "middle", "sign"))
    return _svg(24, label, *drawn)
