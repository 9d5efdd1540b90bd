"""CloudWatch Logs: a metric filter makes a value of each line that it means.

ministack keeps metric filters and does nothing with them. A filter counts from when it is made on. Its
default value stands in each minute in which lines came and none was meant. TestMetricFilter is answered,
and a pattern that cannot be read is refused (InvalidParameterException).
Source: Amazon CloudWatch Logs User Guide, "Creating metrics from log events using filters"; API reference,
PutMetricFilter and TestMetricFilter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace
from local.hooks.filter_patterns import BadPattern, matcher, value_at

MOST_DIMENSIONS = 3
Json = dict[str, Any]


def refused(data: Json) -> str:
    """What is wrong with a metric filter; empty where nothing is.

    >>> one = {"metricName": "n", "metricNamespace": "N", "metricValue": "1"}
    >>> refused({"filterPattern": "ERROR", "metricTransformations": [one]})
    ''
    >>> refused({"filterPattern": "{ $.a = }", "metricTransformations": [one]})
    'Invalid filter pattern: it ends too early'
    >>> refused({"metricTransformations": [{**one, "defaultValue": 0, "dimensions": {"a": "$.a"}}]})
    'Invalid metric transformation: dimensions are not compatible with a default value.'
    """
    try:
        matcher(str(data.get("filterPattern") or ""))
    except BadPattern as error:
        return f"Invalid filter pattern: {error}"
    given = data.get("metricTransformations") or []
    if len(given) != 1:
        return "Exactly one metric transformation is needed."
    for one in given:
        dimensions = one.get("dimensions") or {}
        if dimensions and one.get("defaultValue") is not None:
            return "Invalid metric transformation: dimensions are not compatible with a default value."
        if len(dimensions) > MOST_DIMENSIONS:
            return f"Invalid metric transformation: it takes no more dimensions than {MOST_DIMENSIONS}."
    return ""


def made(one: Json, line: str) -> tuple[float, dict[str, str]] | None:
    """The value and the dimensions that a transformation makes of a line that is meant; None where its
    value is no number, or a dimension is not there.

    >>> made({"metricValue": "$.ms", "dimensions": {"task": "$.task"}}, '{"ms": 4, "task": "send"}')
    (4.0, {'task': 'send'})
    >>> made({"metricValue": "$.ms"}, '{"ms": "long"}')
    """
    wanted = str(one.get("metricValue", ""))
    try:
        value = float(value_at(wanted, line) if wanted.startswith("$") else wanted)
    except (TypeError, ValueError):
        return None
    found = {name: value_at(str(path), line) for name, path in (one.get("dimensions") or {}).items()}
    if any(each is None or isinstance(each, dict | list) for each in found.values()):
        return None
    return value, {name: str(each) for name, each in found.items()}


def heard(filters: Iterable[Json], lines: list[tuple[float, str]]) -> None:
    """Record what filters make of new lines of their group; each line with its time, seconds since 1970."""
    for own in filters:
        means = matcher(str(own.get("filterPattern") or ""))
        meant = [(at, line) for at, line in lines if means(line)]
        for one in own.get("metricTransformations") or ():
            about = (str(one.get("metricNamespace")), str(one.get("metricName")))
            unit = str(one.get("unit") or "None")
            for at, line in meant:
                if (value := made(one, line)) is not None:
                    metrics.record(*about, value[1], value[0], unit, at)
            if one.get("defaultValue") is None:
                continue
            minutes = {at // metrics.MINUTE_S * metrics.MINUTE_S for at, _ in lines}
            for minute in sorted(minutes - {at // metrics.MINUTE_S * metrics.MINUTE_S for at, _ in meant}):
                end = minute + metrics.MINUTE_S
                if not metrics.series(*about, {}, minute, end, metrics.MINUTE_S, "SampleCount"):
                    metrics.record(*about, {}, float(one["defaultValue"]), unit, minute)


def tested(data: Json) -> list[Json]:
    """TestMetricFilter's matches. Raises BadPattern."""
    means = matcher(str(data.get("filterPattern") or ""))
    lines = enumerate(data.get("logEventMessages") or [], 1)
    return [
        {"eventNumber": number, "eventMessage": line, "extractedValues": {}}
        for number, line in lines
        if means(line)
    ]


def install() -> None:
    """Apply the hooks. Raises HookBroken when a private name has moved."""
    from ministack.services import cloudwatch_logs as logs

    groups, filters = private(logs, "_log_groups"), private(logs, "_metric_filters")
    appended, put = private(logs, "_append_log_events"), private(logs, "_put_metric_filter")
    handle = private(logs, "handle_request")

    def of_group(stream: Json) -> list[Json]:
        """The filters of the group that a stream is in."""
        if not filters:
            return []
        names = {own["logGroupName"] for own in filters.values()}
        there = [name for name in names if any(one is stream for one in _streams(groups, name))]
        return [own for own in filters.values() if own["logGroupName"] in there]

    def append(stream: Json, events: list[Json]) -> None:
        appended(stream, events)
        if own := of_group(stream):
            heard(own, [(event["timestamp"] / 1000, str(event["message"])) for event in events])

    def filtered(data: Json) -> Any:
        why = refused(data)
        return logs.error_response_json("InvalidParameterException", why, 400) if why else put(data)

    async def handled(method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        if not str(headers.get("x-amz-target", "")).endswith(".TestMetricFilter"):
            return await handle(method, path, headers, body, *rest)
        try:
            return logs.json_response({"matches": tested(json.loads(body))})
        except BadPattern as error:
            text = f"Invalid filter pattern: {error}"
            return logs.error_response_json("InvalidParameterException", text, 400)

    replace(logs, "_append_log_events", append)
    replace(logs, "_put_metric_filter", filtered)
    replace(logs, "handle_request", handled)


def _streams(groups: Any, name: str) -> list[Json]:
    return list((groups.get(name) or {}).get("streams", {}).values())
