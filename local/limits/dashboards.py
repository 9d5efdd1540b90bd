"""What CloudWatch refuses of a dashboard: a body of another shape, and a name with other letters.

Source: Amazon CloudWatch User Guide, "Dashboard body structure and syntax"; API reference of PutDashboard.
The words are those that CloudWatch answered others (their reports of failed deployments name the path and
the message), and ours where no such report was found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from local.hooks.base import private, replace
from local.limits.refusal import Refusal

MOST_WIDGETS, MOST_ALARMS = 500, 100
_CODE = "InvalidParameterInput"
_KINDS = ("metric", "text", "log", "alarm", "explorer", "custom", "chart")
_BOUNDS = {"x": (0, 23), "y": (0, None), "width": (1, 24), "height": (1, 1000)}
_RENDERED = {
    "accountId", "color", "expression", "id", "label", "period", "region", "stat", "visible", "yAxis",
}  # fmt: skip
"""What the object at the end of a metric may have ("Metric Widget: Rendering Properties Object Format")."""
_ARRAYS = (
    'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as '
    "last element"
)
Problem = tuple[str, str]
"""Where in the body, and what is wrong there."""


def dashboard(data: dict[str, Any]) -> Refusal | None:
    """PutDashboard and AWS::CloudWatch::Dashboard. A name is looked at where there is one.

    >>> dashboard({"DashboardBody": "{"}).message
    'The field DashboardBody must be a valid JSON object'
    >>> graph = {"type": "metric", "properties": {"metrics": [["AWS/Lambda", "Errors"]]}}
    >>> print(dashboard({"DashboardBody": json.dumps({"widgets": [graph]})}).message)
    The dashboard body is invalid, there are 1 validation errors:
    [
      {
        "dataPath": "/widgets/0/properties",
        "message": "Should have required property 'region'"
      }
    ]
    """
    name = data.get("DashboardName")
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
        return Refusal(_CODE, f"The value {name} for field DashboardName contains invalid characters.")
    body = data.get("DashboardBody")
    try:
        read = json.loads(body) if isinstance(body, str) else body
    except ValueError:
        read = None
    if not isinstance(read, dict):
        return Refusal(_CODE, "The field DashboardBody must be a valid JSON object")
    found = [{"dataPath": path, "message": message} for path, message in problems(read)]
    if not found:
        return None
    listed = json.dumps(found, indent=2)
    return Refusal(
        _CODE, f"The dashboard body is invalid, there are {len(found)} validation errors:\n{listed}"
    )


def problems(body: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong in a body."""
    widgets = body.get("widgets")
    if widgets is None:
        yield "", "Should have required property 'widgets'"
    elif not isinstance(widgets, list):
        yield "/widgets", "Should be array"
    else:
        if len(widgets) > MOST_WIDGETS:
            yield "/widgets", f"Should NOT have more than {MOST_WIDGETS} items"
        for number, widget in enumerate(widgets):
            yield from _widget(f"/widgets/{number}", widget)


def _widget(path: str, widget: Any) -> Iterator[Problem]:
    if not isinstance(widget, dict):
        yield path, "Should be object"
        return
    for name in ("type", "properties"):
        if name not in widget:
            yield path, f"Should have required property '{name}'"
    for name, (least, most) in _BOUNDS.items():
        value = widget.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{path}/{name}", "Should be integer"
        elif value < least:
            yield f"{path}/{name}", f"Should be >= {least}"
        elif most is not None and value > most:
            yield f"{path}/{name}", f"Should be <= {most}"
    kind, properties = widget.get("type"), widget.get("properties")
    if "type" in widget and kind not in _KINDS:
        yield f"{path}/type", "Should be equal to one of the allowed values"
    if "properties" in widget and not isinstance(properties, dict):
        yield f"{path}/properties", "Should be object"
    elif isinstance(properties, dict) and isinstance(kind, str) and kind in _PROPERTIES:
        yield from _PROPERTIES[kind](f"{path}/properties", properties)


def _graph(path: str, properties: dict[str, Any]) -> Iterator[Problem]:
    if "region" not in properties:
        yield path, "Should have required property 'region'"
    metrics = properties.get("metrics")
    if metrics is None:
        if not (properties.get("annotations") or {}).get("alarms"):
            yield path, "Should have required property 'metrics'"
    elif not isinstance(metrics, list) or not all(isinstance(metric, list) for metric in metrics):
        yield f"{path}/metrics", _ARRAYS
    else:
        for number, metric in enumerate(metrics):
            yield from _metric(f"{path}/metrics/{number}", metric)
    period = properties.get("period", 60)
    if not isinstance(period, int) or period < 1 or (period not in (1, 5, 10, 20, 30) and period % 60):
        yield f"{path}/period", "Should be 1, 5, 10, 20, 30 or a multiple of 60"


def _metric(path: str, metric: list[Any]) -> Iterator[Problem]:
    rendered = metric[-1] if metric and isinstance(metric[-1], dict) else None
    words = metric[:-1] if rendered is not None else metric
    odd = [number for number, word in enumerate(words) if not isinstance(word, str)]
    for number in odd:
        yield f"{path}/{number}", 'Invalid metric field type, only "String" type is allowed'
    if odd:
        return
    if rendered is not None and not rendered.keys() <= _RENDERED:
        yield path, f"Should NOT have more than {len(words)} items"
    elif rendered is not None and "expression" in rendered:
        return
    elif len(words) < 2 and "..." not in words:
        yield path, "Should NOT have fewer than 2 items"
    elif len(words) % 2 and "..." not in words:
        yield path, "A dimension has a name and a value"


def _alarms(path: str, properties: dict[str, Any]) -> Iterator[Problem]:
    alarms = properties.get("alarms")
    if alarms is None:
        yield path, "Should have required property 'alarms'"
    elif not isinstance(alarms, list) or not 1 <= len(alarms) <= MOST_ALARMS:
        yield f"{path}/alarms", f"Should have 1 to {MOST_ALARMS} items"
    else:
        for number, arn in enumerate(alarms):
            if not re.fullmatch(r"arn:[^:]+:cloudwatch:[^:]+:\d{12}:alarm:.+", str(arn)):
                yield f"{path}/alarms/{number}", "Should be the ARN of an alarm"


def _markdown(path: str, properties: dict[str, Any]) -> Iterator[Problem]:
    if not isinstance(properties.get("markdown"), str):
        yield path, "Should have required property 'markdown'"


_PROPERTIES: dict[str, Callable[[str, dict[str, Any]], Iterator[Problem]]] = {
    "metric": _graph,
    "alarm": _alarms,
    "text": _markdown,
}


def install() -> None:
    """Let PutDashboard refuse too. Raises HookBroken when a private name has moved."""
    from ministack.services import cloudwatch

    put, error = private(cloudwatch, "_put_dashboard"), private(cloudwatch, "_error")
    given = private(cloudwatch, "_p")

    def checked(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        names = ("DashboardName", "DashboardBody")
        asked = data if is_cbor or is_json else {name: given(params, name) for name in names}
        refusal = dashboard(asked)
        if refusal:
            return error(refusal.code, refusal.message, refusal.status, use_json=is_json, use_cbor=is_cbor)
        return put(params, data, is_cbor, is_json)

    replace(cloudwatch, "_put_dashboard", checked)
