"""Widgets on a dashboard, its body as text, and what CloudWatch takes of it. Pure.

Source: Amazon CloudWatch User Guide, "Dashboard body structure and syntax" and "CloudWatch service quotas".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ona.runtime.words import counted

MOST_WIDGETS, MOST_A_WIDGET, MOST_METRICS = 500, 500, 2500
"""Widgets of a dashboard; metrics of a widget, and of a dashboard over all its widgets."""
MOST_ALARMS = 100
"""Alarms of one widget ("Properties of an Alarm Status Widget Object")."""
_LINES = 40
"""More lines than this go into a second widget: nobody could tell them apart (ours)."""
_COLUMNS, _WIDE, _HIGH = 24, 8, 6
"""The grid's columns; what a graph takes of the grid."""
_LAST = ("metrics", "alarms")

Line = list[Any]
"""A metric of a graph: namespace, name, dimensions in pairs, and what it is called."""
Widget = dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A graph that is still to be placed. `limits`: lines across it, with their names."""

    title: str
    statistic: str
    lines: Sequence[Line]
    period_s: int = 300
    limits: dict[str, float] = field(default_factory=dict)


def placed(text: str, alarms: Sequence[str], graphs: Iterable[Graph]) -> list[Widget]:
    """A text above, then the alarms (ARNs), then the graphs in rows of three. A graph without a line is
    left out."""
    widgets = [_widget("text", (0, 0), (_COLUMNS, 2), {"markdown": text})]
    y = 2
    for number, some in enumerate(_parts(alarms, MOST_ALARMS), 1):
        title = "Alarms" if len(alarms) <= MOST_ALARMS else f"Alarms ({number})"
        high = 2 + (len(some) + 7) // 8
        properties = {"title": title, "sortBy": "stateUpdatedTimestamp", "alarms": some}
        widgets.append(_widget("alarm", (0, y), (_COLUMNS, high), properties))
        y += high
    pieces = [piece for graph in graphs for piece in _pieces(graph)]
    for number, graph in enumerate(pieces):
        row, column = divmod(number, _COLUMNS // _WIDE)
        at = column * _WIDE, y + row * _HIGH
        widgets.append(_widget("metric", at, (_WIDE, _HIGH), _properties(graph)))
    return widgets


def _parts(values: Sequence[Any], most: int) -> Iterator[list[Any]]:
    for first in range(0, len(values), most):
        yield list(values[first : first + most])


def _pieces(graph: Graph) -> Iterator[Graph]:
    for number, lines in enumerate(_parts(graph.lines, _LINES), 1):
        more = f" ({number})" if len(graph.lines) > _LINES else ""
        yield replace(graph, title=graph.title + more, lines=lines)


def _properties(graph: Graph) -> dict[str, Any]:
    across = [{"label": label, "value": value} for label, value in graph.limits.items()]
    return {
        "title": graph.title,
        "region": "${AWS::Region}",
        "view": "timeSeries",
        "stacked": False,
        "stat": graph.statistic,
        "period": graph.period_s,
        **({"annotations": {"horizontal": across}} if across else {}),
        "metrics": graph.lines,
    }


def _widget(kind: str, at: tuple[int, int], size: tuple[int, int], properties: dict[str, Any]) -> Widget:
    places = {"x": at[0], "y": at[1], "width": size[0], "height": size[1]}
    return {"type": kind, **places, "properties": properties}


def check(name: str, widgets: Sequence[Widget]) -> None:
    """Raise ValueError where CloudWatch would take no such dashboard."""
    lines = [len(widget["properties"].get("metrics", [])) for widget in widgets]
    for what, count, most in (
        ("widget", len(widgets), MOST_WIDGETS),
        ("metric of a widget", max(lines, default=0), MOST_A_WIDGET),
        ("metric", sum(lines), MOST_METRICS),
    ):
        if count > most:
            raise ValueError(f"dashboard {name}: {counted(count, what)}; CloudWatch takes {most}")


def body(widgets: Sequence[Widget]) -> str:
    """The body as JSON. Each widget, each metric and each alarm has a line, so that a change is seen."""
    parts = []
    for widget in widgets:
        properties = {key: value for key, value in widget["properties"].items() if key not in _LAST}
        text = json.dumps({**widget, "properties": properties}, ensure_ascii=False)
        for key in _LAST:
            if entries := widget["properties"].get(key):
                lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
                text = f'{text[:-2]}, "{key}": [\n{lines}\n]}}}}'
        parts.append(text)
    joined = ",\n".join(parts)
    return f'{{"start": "-PT3H", "periodOverride": "inherit", "widgets": [\n{joined}\n]}}\n'
