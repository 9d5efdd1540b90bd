"""The lines of a graph as a dashboard's body has them: metrics, expressions over them, and limits. Pure.

Source: Amazon CloudWatch User Guide, "Dashboard body structure and syntax": the properties of a metric
widget, and its array of metrics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from operations.reading.metric_data import Ask, Formula

_POINTS = 288
"""No graph has more values than this: a longer time is read by longer periods (ours)."""
_ROUND_S = (300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_FINDS = re.compile(r"\bSEARCH\s*\(|^\s*SELECT\b", re.IGNORECASE)
"""Expressions that find their metrics themselves, and have a period of their own."""
_KEEPS_UNIT = re.compile(r"(?:SUM|AVG|MIN|MAX|ABS|FILL|METRICS|REPEAT|[a-z]\w*|[-+,()\[\]\s]|\b0\b)*")
"""What a sum of a unit is made of; a product or a quotient has another unit."""


@dataclass(frozen=True)
class Drawn:
    """A line that is drawn: what it is called, and the id of its question."""

    name: str
    id: str


@dataclass(frozen=True)
class Graph:
    """A graph: its questions by id, and which of them are drawn, in the order of the body."""

    title: str
    lines: list[Drawn]
    asks: dict[str, Ask]
    formulas: dict[str, Formula]
    limits: list[tuple[str, float]]

    def of_span(self, span_s: float) -> Graph:
        """The same with periods that are long enough for so many seconds."""
        asks = {key: replace(ask, period_s=period(ask.period_s, span_s)) for key, ask in self.asks.items()}
        formulas = {
            key: replace(one, period_s=period(one.period_s, span_s) if one.period_s else 0)
            for key, one in self.formulas.items()
        }
        return replace(self, asks=asks, formulas=formulas)


def graph(properties: dict[str, Any]) -> Graph:
    """The graph of a widget's properties. A line with `visible: false` is asked for, and not drawn.

    >>> one = graph({"title": "t", "stat": "Sum", "metrics": [["n", "a", {"id": "m1", "visible": False}],
    ...              ["n", "b", {"id": "m2"}], [{"expression": "m1 + m2", "label": "all"}]]})
    >>> [line.name for line in one.lines], list(one.asks), one.formulas["q2"].text
    (['b', 'all'], ['m1', 'm2'], 'm1 + m2')
    """
    rows = properties.get("metrics", [])
    given = [row[-1] if row and isinstance(row[-1], dict) else {} for row in rows]
    taken = {str(rendered["id"]) for rendered in given if "id" in rendered}
    lines: list[Drawn] = []
    asks: dict[str, Ask] = {}
    formulas: dict[str, Formula] = {}
    above: list[str] = []
    for number, (row, rendered) in enumerate(zip(rows, given, strict=True)):
        key = str(rendered.get("id") or _free(number, taken))
        by = int(rendered.get("period") or properties.get("period") or 300)
        if "expression" in rendered:
            text = str(rendered["expression"])
            formulas[key] = Formula(text, by if _FINDS.search(text) else 0)
            name = str(rendered.get("label") or text)
        else:
            above = words(row[:-1] if rendered else row, above)
            namespace, metric, *pairs = above
            name = str(rendered.get("label") or (pairs[-1] if pairs else metric))
            statistic = str(rendered.get("stat") or properties.get("stat") or "Average")
            dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
            asks[key] = Ask(namespace, metric, dimensions, statistic, by)
        if rendered.get("visible", True):
            lines.append(Drawn(name, key))
    across = (properties.get("annotations") or {}).get("horizontal", [])
    limits = [(str(item.get("label", "")), float(item["value"])) for item in across]
    return Graph(str(properties.get("title", "")), lines, asks, formulas, limits)


def _free(number: int, taken: set[str]) -> str:
    """An id that no line of the graph has."""
    names: Iterator[str] = (f"q{number}{'_' * more}" for more in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def keeps_unit(expression: str) -> bool:
    """Whether an expression over metrics of one unit has that unit.

    >>> keeps_unit("SUM(METRICS())"), keeps_unit("m1 + FILL(m2, 0)"), keeps_unit("100 * m1 / m2")
    (True, True, False)
    """
    return _KEEPS_UNIT.fullmatch(expression) is not None


def words(line: Sequence[str], above: Sequence[str]) -> list[str]:
    """A metric written out: `.` stands for what stands there in the line above, `...` for several of these.

    >>> words([".", "Errors", ".", "."], ["AWS/Lambda", "Duration", "FunctionName", "a"])
    ['AWS/Lambda', 'Errors', 'FunctionName', 'a']
    >>> words(["...", "b"], ["AWS/Lambda", "Duration", "FunctionName", "a"])
    ['AWS/Lambda', 'Duration', 'FunctionName', 'b']
    """
    whole: list[str] = []
    for number, word in enumerate(line):
        if word == "...":
            whole += above[len(whole) : len(above) - (len(line) - number - 1)]
        else:
            whole.append(above[len(whole)] if word == "." else word)
    return whole


def period(wanted_s: int, span_s: float) -> int:
    """The period of a graph, seconds: the one that it asks for, or a longer round one.

    >>> period(300, 3 * 3600), period(300, 7 * 86_400), period(3600, 600), period(60, 86_400)
    (300, 3600, 3600, 300)
    """
    return next((p for p in (wanted_s, *_ROUND_S) if p >= max(wanted_s, span_s / _POINTS)), _ROUND_S[-1])
