"""Charts as drawings: values over time, and bars. Pure; times are seconds since 1970, shown in UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ona.drawing.axes import marks, moments, number
from ona.drawing.letters import broken, fitting, width
from ona.drawing.shapes import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    RED,
    Circle,
    Drawing,
    Line,
    Polyline,
    Rect,
    Shape,
    Text,
)

_LEFT, _RIGHT, _TOP, _BOTTOM, _LETTER, _ROW = 48.0, 18.0, 30.0, 20.0, 10.0, 14.0
_GAP = 1.5
"""Two values further apart than so many periods are not joined: between them nothing was measured."""

Value = tuple[float, float]
"""A time and what was measured."""


@dataclass(frozen=True)
class Series:
    """One line: its name, and its values, the oldest first."""

    name: str
    values: Sequence[Value]

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1][1] if self.values else None

    @property
    def highest(self) -> float | None:
        """The largest value."""
        return max((value for _, value in self.values), default=None)


@dataclass(frozen=True)
class Chart:
    """Values over time. `unit` is written above the axis; `limits` are drawn across, with their names."""

    title: str
    unit: str
    series: Sequence[Series]
    start: float
    end: float
    period_s: float
    limits: Sequence[tuple[str, float]] = field(default=())


def over_time(chart: Chart, wide: float = 560.0, high: float = 150.0) -> Drawing:
    """A chart, `wide` points wide, its panel `high` points high; below it one row a series: its name, its
    last and its highest value. Series without values are named in the last rows, and draw nothing; where
    there are no others, there is no panel."""
    seen = [series for series in chart.series if series.values]
    silent = _silent(chart, wide)
    if not seen:
        return _nothing(chart.title, silent, wide)
    values = [value for series in seen for _, value in series.values]
    whole = 1.0 if chart.unit.startswith("Count") else 0.0
    ticks = marks(max([*values, *(limit for _, limit in chart.limits), 0.0]), least=whole)
    lowest = min([*values, 0.0])
    right, bottom = wide - _RIGHT, _TOP + high

    def at(moment: float, value: float) -> tuple[float, float]:
        share = (moment - chart.start) / max(chart.end - chart.start, 1.0)
        part = (value - lowest) / (ticks[-1] - lowest)
        return _LEFT + share * (right - _LEFT), bottom - part * high

    shapes: list[Shape] = [Text((2, 12), fitting(chart.title, wide - 80, 12), 12, INK)]
    shapes.append(Text((wide - 2, 12), chart.unit, _LETTER, anchor="end"))
    for tick in [lowest, *ticks] if lowest < 0 else ticks:
        y = at(chart.start, tick)[1]
        shapes.append(Line((_LEFT, y), (right, y)))
        shapes.append(Text((_LEFT - 4, y + 3.5), number(tick), _LETTER, anchor="end"))
    for moment, text in moments(chart.start, chart.end):
        x = at(moment, lowest)[0]
        shapes.append(Line((x, bottom), (x, bottom + 3), GREY))
        shapes.append(Text((x, bottom + 14), text, _LETTER, anchor="middle"))
    for name, limit in chart.limits:
        y = at(chart.start, limit)[1]
        shapes.append(Line((_LEFT, y), (right, y), RED, dashes=4))
        shapes.append(Text((right, y - 3), name, _LETTER, RED, "end"))
    for series, colour in zip(seen, _colours(len(seen)), strict=True):
        shapes += _drawn(series, chart.period_s, at, colour)
    rows = _legend(seen, silent, wide, bottom + _BOTTOM + 8)
    total = bottom + _BOTTOM + _ROW * (len(seen) + len(silent)) + 4
    return Drawing(wide, total, [*shapes, *rows], chart.title)


def _nothing(title: str, silent: Sequence[str], wide: float) -> Drawing:
    """A chart in which nothing was measured: its title and what would be in it, no panel."""
    shapes: list[Shape] = [Text((2, 12), fitting(title, wide - 80, 12), 12, INK)]
    texts = ["no values in this time", *silent]
    rows = [Text((_LEFT, _TOP + row * _ROW), text, _LETTER, GREY) for row, text in enumerate(texts)]
    return Drawing(wide, _TOP + _ROW * len(texts), [*shapes, *rows], title)


def _silent(chart: Chart, wide: float) -> list[str]:
    """Which series have no values, in lines."""
    silent = [series.name for series in chart.series if not series.values]
    if not silent:
        return []
    return list(broken(f"no values: {', '.join(silent)}", wide - _LEFT - _RIGHT, _LETTER))


def _colours(count: int) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(count)]


def _drawn(
    series: Series, period_s: float, at: Callable[[float, float], tuple[float, float]], colour: str
) -> list[Shape]:
    """A series in pieces: a line through values in unbroken order, a dot for one that stands alone."""
    pieces: list[list[Value]] = []
    for value in series.values:
        if pieces and value[0] - pieces[-1][-1][0] <= _GAP * period_s:
            pieces[-1].append(value)
        else:
            pieces.append([value])
    return [
        Polyline([at(*value) for value in piece], colour)
        if len(piece) > 1
        else Circle(at(*piece[0]), 2, colour)
        for piece in pieces
    ]


def _legend(seen: Sequence[Series], silent: Sequence[str], wide: float, top: float) -> list[Shape]:
    shapes: list[Shape] = []
    for row, (series, colour) in enumerate(zip(seen, _colours(len(seen)), strict=True)):
        y = top + row * _ROW
        shapes.append(Rect((_LEFT, y - 7), 8, 8, colour))
        shapes.append(Text((_LEFT + 14, y), fitting(series.name, wide - 260, _LETTER), _LETTER, INK))
        told = f"last {number(series.last or 0.0)}, highest {number(series.highest or 0.0)}"
        shapes.append(Text((wide - _RIGHT, y), told, _LETTER, anchor="end"))
    for row, text in enumerate(silent, len(seen)):
        shapes.append(Text((_LEFT, top + row * _ROW), text, _LETTER, GREY))
    return shapes


def bars(title: str, unit: str, values: Sequence[tuple[str, float]], wide: float = 560.0) -> Drawing:
    """Bars from left to right, one a name, in the order given; each with its value behind it."""
    names = max((width(name, _LETTER) for name, _ in values), default=0.0)
    left = min(names + 10, wide * 0.45)
    room = wide - left - 60
    top = max((value for _, value in values), default=0.0)
    shapes: list[Shape] = [Text((2, 12), title, 12, INK), Text((wide - 2, 12), unit, _LETTER, anchor="end")]
    for row, (name, value) in enumerate(values):
        y = 24 + row * 18.0
        long = room * max(value, 0.0) / top if top > 0 else 0.0
        shapes.append(Text((left - 6, y + 9.5), fitting(name, left - 8, _LETTER), _LETTER, INK, "end"))
        shapes.append(Rect((left, y), long, 12, BLUE))
        shapes.append(Text((left + long + 4, y + 9.5), number(value), _LETTER))
    if not values:
        shapes.append(Text((2, 34), "nothing was measured", 12, GREY))
    return Drawing(wide, 24 + 18.0 * max(len(values), 1) + 4, shapes, title)


_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[Value], start: float, end: float, columns: int) -> str:
    """Values over time in one line of text: the highest of each column, a space where there is none.

    >>> sparkline([(0, 0.0), (1, 7.0), (3, 3.5)], 0, 4, 4)
    '▁█ ▄'
    """
    highest: dict[int, float] = {}
    for at, value in values:
        column = int((at - start) / max(end - start, 1e-9) * columns)
        if 0 <= column < columns:
            highest[column] = max(value, highest.get(column, value))
    low, top = min([0.0, *highest.values()]), max([0.0, *highest.values()])

    def block(value: float) -> str:
        return _BLOCKS[int((value - low) / (top - low) * (len(_BLOCKS) - 1))] if top > low else _BLOCKS[0]

    return "".join(block(highest[column]) if column in highest else " " for column in range(columns))
