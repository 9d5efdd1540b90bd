"""The shapes that a drawing has. Lengths are in points; x runs to the right and y runs down, as in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

INK, TEXT, GRID, GREY = "#1f2933", "#616e7c", "#e4e7eb", "#9aa5b1"
BLUE, LIGHT_BLUE, RED, AMBER, GREEN, VIOLET = (
    "#1b6ca8", "#7fb2d9", "#b44d3b", "#c99a2e", "#4d8b57", "#6f5aa8",
)  # fmt: skip
COLOURS = (BLUE, AMBER, GREEN, RED, VIOLET, LIGHT_BLUE, TEXT, "#8c6d46")
"""For series, in this order."""

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A straight line."""

    start: Point
    end: Point
    colour: str = GRID
    width: float = 1.0
    dashes: float = 0.0
    """The length of a dash and of the gap behind it; 0: no dashes."""


@dataclass(frozen=True)
class Polyline:
    """A line through points."""

    points: Sequence[Point]
    colour: str = BLUE
    width: float = 1.5


@dataclass(frozen=True)
class Polygon:
    """An area, closed by itself. `opacity`: 1 hides what is below."""

    points: Sequence[Point]
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Rect:
    """A rectangle: filled, or with a line around it, or both. `at` is its upper left corner."""

    at: Point
    width: float
    height: float
    fill: str = ""
    line: str = ""


@dataclass(frozen=True)
class Circle:
    """A filled dot."""

    at: Point
    radius: float
    fill: str


@dataclass(frozen=True)
class Text:
    """One line of text. `at` is the point on its base line that `anchor` names."""

    at: Point
    text: str
    size: float = 12.0
    colour: str = TEXT
    anchor: Anchor = "start"


Shape = Line | Polyline | Polygon | Rect | Circle | Text


@dataclass(frozen=True)
class Drawing:
    """Shapes on a sheet; a later one lies above those before it. `title` is what a reader hears."""

    width: float
    height: float
    shapes: Sequence[Shape]
    title: str = field(default="")


def moved(drawing: Drawing, right: float, down: float) -> list[Shape]:
    """The shapes of a drawing, moved: to stand on a larger one.

    >>> moved(Drawing(9, 9, [Circle((1, 2), 3, BLUE)]), 10, 20)[0].at
    (11, 22)
    """

    def to(point: Point) -> Point:
        return point[0] + right, point[1] + down

    def shape(each: Shape) -> Shape:
        match each:
            case Line():
                return replace(each, start=to(each.start), end=to(each.end))
            case Polyline() | Polygon():
                return replace(each, points=[to(point) for point in each.points])
            case _:
                return replace(each, at=to(each.at))

    return [shape(each) for each in drawing.shapes]
