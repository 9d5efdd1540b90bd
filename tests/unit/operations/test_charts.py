"""Charts: what is drawn of values, of gaps, of nothing."""

from __future__ import annotations

import itertools

from ona.drawing.axes import marks, moments
from ona.drawing.shapes import Circle, Polyline, Rect, Text
from operations.drawing.charts import Chart, Series, bars, over_time, sparkline


def chart(*series: Series, unit: str = "Count", limits: list[tuple[str, float]] | None = None) -> Chart:
    return Chart("calls", unit, series, 0.0, 3600.0, 300.0, limits or [])


def lines(*series: Series) -> list[Polyline]:
    return [shape for shape in over_time(chart(*series)).shapes if isinstance(shape, Polyline)]


def words(drawn: object) -> list[str]:
    return [shape.text for shape in drawn.shapes if isinstance(shape, Text)]  # type: ignore[attr-defined]


def test_unbroken_values_are_one_line_and_a_gap_ends_it() -> None:
    whole = Series("a", [(300.0 * n, 1.0) for n in range(12)])
    assert [len(line.points) for line in lines(whole)] == [12]
    broken = Series("a", [value for value in whole.values if value[0] not in (900.0, 1200.0)])
    assert [len(line.points) for line in lines(broken)] == [3, 7]


def test_a_value_between_gaps_is_a_dot() -> None:
    drawn = over_time(chart(Series("a", [(0.0, 1.0), (1500.0, 2.0), (3000.0, 1.0)])))
    assert sum(isinstance(shape, Circle) for shape in drawn.shapes) == 3
    assert not any(isinstance(shape, Polyline) for shape in drawn.shapes)


def test_values_stand_where_their_time_and_size_say() -> None:
    [line] = lines(Series("a", [(0.0, 0.0), (300.0, 5.0), (600.0, 10.0)]))
    (x0, y0), (x1, y1), (x2, y2) = line.points
    assert x1 - x0 == x2 - x1 > 0
    assert abs((y0 - y1) - (y1 - y2)) < 1e-9
    assert y2 < y1 < y0


def test_nothing_measured_is_said_and_is_no_zero() -> None:
    drawn = over_time(chart(Series("a", []), Series("b", [])))
    assert "no values in this time" in words(drawn)
    assert "no values: a, b" in words(drawn)
    zero = words(over_time(chart(Series("a", [(0.0, 0.0), (300.0, 0.0)]), Series("b", []))))
    assert "last 0, highest 0" in zero
    assert "no values: b" in zero
    assert "no values in this time" not in zero


def test_negative_values_and_limits_lie_inside_the_panel() -> None:
    drawn = over_time(chart(Series("a", [(0.0, -5.0), (300.0, 5.0)]), limits=[("limit 80", 80.0)]))
    [line] = [shape for shape in drawn.shapes if isinstance(shape, Polyline)]
    assert all(0 < y < drawn.height for _, y in line.points)
    assert {"limit 80", "-5", "80"} <= set(words(drawn))


def test_every_row_lies_on_the_sheet() -> None:
    many = [
        Series(f"ona-a-long-name-of-a-function-number-{n}-prod" * 3, [(0.0, n * 1e5)]) for n in range(20)
    ]
    drawn = over_time(chart(*many))
    assert all(0 <= shape.at[1] <= drawn.height for shape in drawn.shapes if isinstance(shape, Text))
    assert len([text for text in words(drawn) if text.startswith("last")]) == 20


def test_bars_are_as_long_as_their_values() -> None:
    drawn = bars("cost", "USD", [("ooda", 4.0), ("access", 1.0), ("none", 0.0)])
    long = [shape.width for shape in drawn.shapes if isinstance(shape, Rect)]
    assert long[0] == 4 * long[1]
    assert long[2] == 0.0
    assert words(bars("cost", "USD", [])) == ["cost", "USD", "nothing was measured"]


def test_marks_are_few_and_reach_above_the_highest() -> None:
    for top in (0.001, 0.3, 1, 7, 99, 100, 101, 3333, 5e6, 2.5e9):
        found = marks(top)
        assert found[-1] >= top * 0.999
        assert 2 <= len(found) <= 8
        assert len({round(b - a, 9) for a, b in itertools.pairwise(found)}) == 1


def test_times_are_round_and_few_from_minutes_to_months() -> None:
    for span in (600, 3 * 3600, 86_400, 7 * 86_400, 60 * 86_400):
        found = moments(1_764_300_123.0, 1_764_300_123.0 + span)
        assert 2 <= len(found) <= 8, span
    assert moments(86_400 * 3.0, 86_400 * 7.0)[0][1] == "04 Jan"


def test_a_line_of_text_tells_gaps_from_zeros() -> None:
    values = [(0.0, 0.0), (20.0, 8.0), (30.0, -8.0)]
    assert sparkline(values, 0.0, 40.0, 4) == "▄ █▁"
    assert sparkline([(0.0, 5.0)], 100.0, 200.0, 3) == "   "
    assert sparkline([(0.0, 0.0), (10.0, 0.0)], 0.0, 20.0, 2) == "▁▁"
