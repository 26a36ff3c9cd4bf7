"""Numbers -> the geometry of charts, in the units of an SVG `viewBox`; the templates draw it.

Charts are drawn 420 units wide so that their text stays readable on a telephone, and every one comes with a text
alternative; the page shows the same numbers in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 420.0
Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    place: float
    label: str


@dataclass(frozen=True)
class Bar:
    """One bar with its label above and its value after; `whisker` is where an interval begins and ends."""

    label: str
    value: str
    y: float
    width: float
    value_x: float
    whisker: Point | None = None


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars, one below the other."""

    id: str
    title: str
    alternative: str
    height: float
    bars: tuple[Bar, ...]
    has_intervals: bool
    width: float = WIDTH


@dataclass(frozen=True)
class Line:
    """A line: `style` names how it is drawn, `points` is as SVG has it; a dot is x, y and radius."""

    style: str
    points: str
    dots: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class LineChart:
    """Lines over two axes, the second always from 0 to 1; `marks` are vertical lines, `notes` stand at the top."""

    id: str
    title: str
    alternative: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_title: str
    marks: tuple[Tick, ...] = ()
    notes: tuple[Tick, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column with a filled part at its foot."""

    x: float
    width: float
    y: float
    height: float
    filled_y: float
    filled_height: float


@dataclass(frozen=True)
class ColumnChart:
    """Columns side by side over time."""

    id: str
    title: str
    alternative: str
    columns: tuple[Column, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left: float
    bottom: float
    width: float = WIDTH
    height: float = 240.0


@dataclass(frozen=True)
class Series:
    """Numbers for one line; a point without a second number interrupts nothing and is left out.

    `sizes` gives each point a dot, as large as its number.
    """

    style: str
    points: Sequence[tuple[float, float | None]]
    sizes: Sequence[float] = ()


def bar_chart(
    id_: str,
    title: str,
    alternative: str,
    rows: Sequence[tuple[str, str, float]],
    *,
    top_value: float | None = None,
    intervals: Sequence[tuple[float, float] | None] = (),
) -> BarChart:
    """Lay out bars; a row is its label, its value as text and as a number; `intervals` are in the same unit."""
    step, room = 38.0, WIDTH - 70.0
    scale = room / (top_value or max((value for _, _, value in rows), default=0.0) or 1.0)
    bars = []
    for i, (label, text, value) in enumerate(rows):
        interval = intervals[i] if intervals else None
        whisker = None
        if interval and interval[0] < interval[1]:
            whisker = (round(interval[0] * scale, 1), round(interval[1] * scale, 1))
        end = max(value * scale, whisker[1] if whisker else 0.0)
        bars.append(Bar(label, text, i * step + 18, round(value * scale, 1), round(end + 6, 1), whisker))
    return BarChart(id_, title, alternative, len(rows) * step + 4, tuple(bars), bool(intervals))


def line_chart(
    id_: str,
    title: str,
    alternative: str,
    series: Sequence[Series],
    *,
    x_title: str,
    marks: Sequence[tuple[float, str]] = (),
    notes: Sequence[tuple[float, str]] = (),
    is_small: bool = False,
    is_percent: bool = True,
) -> LineChart:
    """Lay out lines of points with x and y in [0, 1]; `is_percent` tells how x is written."""
    width, height = (260.0, 200.0) if is_small else (WIDTH, 300.0)
    left, right, top, bottom = 42.0, width - 12.0, 26.0, height - 40.0

    def x_of(x: float) -> float:
        return round(left + x * (right - left), 1)

    def y_of(y: float) -> float:
        return round(bottom - y * (bottom - top), 1)

    shares = (0.0, 0.5, 1.0) if is_small else (0.0, 0.25, 0.5, 0.75, 1.0)
    return LineChart(
        id_,
        title,
        alternative,
        width,
        height,
        left,
        right,
        top,
        bottom,
        tuple(_line(one, x_of, y_of) for one in series),
        tuple(Tick(x_of(share), f"{share:.0%}" if is_percent else f"{share:g}") for share in shares),
        tuple(Tick(y_of(share), f"{share:.0%}") for share in shares),
        x_title,
        tuple(Tick(x_of(x), label) for x, label in marks),
        tuple(Tick(x_of(x), label) for x, label in notes),
    )


def _line(series: Series, x_of: Callable[[float], float], y_of: Callable[[float], float]) -> Line:
    places = [(x_of(x), y_of(y)) for x, y in series.points if y is not None]
    sizes = series.sizes or [0.0] * len(series.points)
    largest = max(sizes, default=0.0)
    drawn = [size for size, (_, y) in zip(sizes, series.points, strict=True) if y is not None]
    dots = tuple((x, y, round(3 + 6 * (n / largest) ** 0.5, 1)) for (x, y), n in zip(places, drawn, strict=True) if n)
    return Line(series.style, " ".join(f"{x},{y}" for x, y in places), dots)


def column_chart(id_: str, title: str, alternative: str, rows: Sequence[tuple[str, int, int]]) -> ColumnChart:
    """Lay out columns; a row is its label, its whole and the part of it that is filled."""
    left, right, top, bottom = 52.0, WIDTH - 6.0, 14.0, 204.0
    highest = max((whole for _, whole, _ in rows), default=0) or 1
    step = (right - left) / max(len(rows), 1)
    scale = (bottom - top) / highest
    columns = tuple(
        Column(
            round(left + i * step + step * 0.1, 2),
            round(step * 0.8, 2),
            round(bottom - whole * scale, 1),
            round(whole * scale, 1),
            round(bottom - part * scale, 1),
            round(part * scale, 1),
        )
        for i, (_, whole, part) in enumerate(rows)
    )
    every = -(-len(rows) // 6) or 1
    x_ticks = tuple(Tick(round(left + (i + 0.5) * step, 1), rows[i][0]) for i in range(0, len(rows), every))
    y_ticks = tuple(Tick(round(bottom - n * scale, 1), f"{n:,}") for n in range(0, highest + 1, _round_step(highest)))
    return ColumnChart(id_, title, alternative, columns, x_ticks, y_ticks, left, bottom)


def _round_step(highest: int) -> int:
    """Return the least of 1, 2, 5, 10, 20, ... that cuts an axis into five parts or fewer."""
    step = 1
    while step * 5 < highest:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return step
