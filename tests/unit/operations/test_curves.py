"""A curve over memory sizes: where its points and names stand. y runs down, as in SVG."""

from __future__ import annotations

from ona.drawing.shapes import GREY, Circle, Line, Polyline, Text
from operations.drawing.curves import Curve, drawn

POINTS = [(512.0, 40.0), (1024.0, 10.0), (2048.0, 20.0)]
NAMED = [(1024.0, "now"), (2048.0, "fastest"), (1024.0, "cheapest")]


def test_points_rise_with_their_value_and_go_right_with_their_size() -> None:
    drawing = drawn(Curve("a", "ms", "MB", POINTS, apart=[(256.0, 50.0)]))
    dots = [shape for shape in drawing.shapes if isinstance(shape, Circle)]
    joined = [shape for shape in drawing.shapes if isinstance(shape, Polyline)]
    assert [dot.fill == GREY for dot in dots] == [False, False, False, True]
    (x1, y1), (x2, y2), (x3, y3), (x0, y0) = [dot.at for dot in dots]
    assert 0 < x0 < x1 < x2 < x3 < drawing.width
    assert 0 < y0 < y1 < y3 < y2 < drawing.height
    assert list(joined[0].points) == [(x1, y1), (x2, y2), (x3, y3)], "what does not count is not joined"


def test_each_name_stands_at_its_own_line_in_a_row_of_its_own() -> None:
    drawing = drawn(Curve("a", "ms", "MB", POINTS, NAMED))
    dots = [shape.at for shape in drawing.shapes if isinstance(shape, Circle)]
    lines = [shape for shape in drawing.shapes if isinstance(shape, Line) and shape.dashes]
    assert [line.start[0] for line in lines] == [dots[1][0], dots[2][0]]
    names = {shape.text: shape for shape in drawing.shapes if isinstance(shape, Text)}
    left, right = names["now, cheapest"], names["fastest"]
    assert left.at[1] != right.at[1]
    assert (left.anchor, right.anchor) == ("start", "end"), "a name at the edge goes to the left"


def test_nothing_measured_is_said() -> None:
    texts = [shape.text for shape in drawn(Curve("a", "ms", "MB", [])).shapes if isinstance(shape, Text)]
    assert "nothing was measured" in texts
