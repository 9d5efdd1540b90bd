"""CloudWatch: GetMetricData, with math expressions, pages of data points, and times as AWS rounds them.

ministack answers expressions with InternalError, and knows neither MaxDatapoints nor NextToken.
Sources: Amazon CloudWatch API Reference, GetMetricData and MetricDataQuery; Amazon CloudWatch User Guide,
"Using math expressions with CloudWatch metrics". What expressions are known: `local/alarms/expressions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local import clock
from local.alarms.expressions import BadExpression, Values, evaluated
from local.hooks import metrics
from local.hooks.base import private, replace

MOST_QUERIES = 500
"""MetricDataQueries of one call (GetMetricData)."""
MOST_DATAPOINTS = 100_800
"""Data points of one answer, where the caller names no fewer (GetMetricData, MaxDatapoints)."""
DESCENDING = "TimestampDescending"
_ID = re.compile(r"[a-z][A-Za-z0-9_]*")
_DAY_S = 86_400
_ROUNDED = ((15 * _DAY_S, 60), (63 * _DAY_S, 300))
"""Up to this age a start is rounded down to so many seconds, an older one to an hour (StartTime)."""
Json = dict[str, Any]


def refusal(given: Json, start: float | None, end: float | None) -> str:
    """Why CloudWatch refuses a GetMetricData; "" when it does not.

    >>> asked = {"MetricDataQueries": [{"Id": "a", "MetricStat": {"Period": 90}}]}
    >>> refusal(asked, 0.0, 60.0)
    'Period 90 must be 1, 5, 10, 30 or a multiple of 60'
    """
    queries = given.get("MetricDataQueries", [])
    if start is None or end is None or start >= end:
        return "The parameter StartTime must be less than the parameter EndTime."
    if not 1 <= len(queries) <= MOST_QUERIES:
        return f"MetricDataQueries must have at least one member, and at most {MOST_QUERIES}"
    if not 1 <= int(given.get("MaxDatapoints", MOST_DATAPOINTS)) <= MOST_DATAPOINTS:
        return f"MaxDatapoints must be from 1 to {MOST_DATAPOINTS}"
    if not any(query.get("ReturnData", True) for query in queries):
        return "At least one query must return data"
    seen: set[str] = set()
    for query in queries:
        name = str(query.get("Id", ""))
        if not _ID.fullmatch(name) or name in seen:
            return f"Id {name!r} must begin with a small letter, and be no other query's"
        seen.add(name)
        if ("Expression" in query) == ("MetricStat" in query):
            return f"query {name} must have either MetricStat or Expression"
        period = int(query.get("MetricStat", query).get("Period", metrics.MINUTE_S))
        if period < 1 or (period not in (1, 5, 10, 30) and period % metrics.MINUTE_S):
            return f"Period {period} must be 1, 5, 10, 30 or a multiple of 60"
    return ""


def rounded(start: float, now: float) -> float:
    """Where CloudWatch begins: on a full minute, five minutes or hour, by the age of the start.

    >>> rounded(12_634.0, 20_000.0), rounded(12_634.0, 20 * 86_400.0), rounded(12_634.0, 70 * 86_400.0)
    (12600.0, 12600.0, 10800.0)
    """
    step = next((step for age, step in _ROUNDED if now - start < age), 3600)
    return start // step * step


class _Answer:
    """One question's queries: their series by period, and their expressions.

    All metrics of one expression have the same period, else BadExpression (ours: AWS's pages do not say
    what it does with two).
    """

    def __init__(self, queries: list[Json], start: float, end: float) -> None:
        self.queries = {query["Id"]: query for query in queries}
        self.start, self.end = start, end
        self._open: list[str] = []

    def points(self, name: str) -> metrics.Series:
        """A query's values, oldest first. Raises BadExpression."""
        query = self.queries[name]
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = stat["Metric"]
            dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
            about = metric["Namespace"], metric["MetricName"], dimensions
            return metrics.series(*about, self.start, self.end, int(stat["Period"]), stat["Stat"])
        if name in self._open:
            raise BadExpression(f"the expression of {name} has itself in it")
        self._open.append(name)
        try:
            return self._computed(str(query["Expression"]))
        finally:
            self._open.pop()

    def _computed(self, expression: str) -> metrics.Series:
        if "SEARCH(" in expression:
            raise BadExpression("not known here: SEARCH")
        used = {
            name: query for name, query in self.queries.items() if re.search(rf"\b{name}\b", expression)
        }
        if "METRICS(" in expression:
            used |= {name: query for name, query in self.queries.items() if "MetricStat" in query}
        periods = {period for name in used for period in self._periods(name)}
        if len(periods) != 1:
            raise BadExpression(f"{expression}: metrics of one period each, not of {sorted(periods)}")
        [period] = periods
        first = int(self.start // period * period)
        times = [float(at) for at in range(first, max(first, int(self.end)), period)]
        known: dict[str, Values] = {}
        for name in used:
            own = dict(self.points(name))
            known[name] = [own.get(at) for at in times]
        values = evaluated(expression, known)
        return [(at, value) for at, value in zip(times, values, strict=True) if value is not None]

    def _periods(self, name: str) -> Iterator[int]:
        query = self.queries[name]
        if "MetricStat" in query:
            yield int(query["MetricStat"]["Period"])
            return
        for other in self.queries:
            if other != name and re.search(rf"\b{other}\b", str(query["Expression"])):
                yield from self._periods(other)


def answered(given: Json, start: float, end: float, now: float) -> Json:
    """MetricDataResults, and NextToken where there is more. Times are texts, UTC."""
    from ministack.services import cloudwatch

    answer = _Answer(given["MetricDataQueries"], rounded(start, now), end)
    newest_first = given.get("ScanBy", DESCENDING) == DESCENDING
    room, skip = int(given.get("MaxDatapoints", MOST_DATAPOINTS)), int(given.get("NextToken") or 0)
    results: list[Json] = []
    more, passed = "", 0
    for query in given["MetricDataQueries"]:
        if not query.get("ReturnData", True):
            continue
        result: Json = {
            "Id": query["Id"],
            "Label": query.get("Label", _label(query)),
            "StatusCode": "Complete",
        }
        points: metrics.Series = []
        try:
            points = answer.points(query["Id"])
        except BadExpression as error:
            result["StatusCode"] = "InternalError"
            result["Messages"] = [{"Code": "Unsupported", "Value": str(error)}]
        points = points[::-1] if newest_first else points
        own = points[max(0, skip - passed) :]
        passed += len(points)
        if points and not own:
            continue  # a page before this one had it
        if len(own) > room:
            own, more = own[:room], str(passed - len(own) + room)
            result["StatusCode"] = "PartialData"
        room -= len(own)
        result["Timestamps"] = [private(cloudwatch, "_ts_iso")(at) for at, _ in own]
        result["Values"] = [value for _, value in own]
        results.append(result)
        if more:
            break
    return {"MetricDataResults": results, **({"NextToken": more} if more else {})}


def _label(query: Json) -> str:
    """What a query without a label is called: its metric, or its own id."""
    return str(query["MetricStat"]["Metric"]["MetricName"]) if "MetricStat" in query else str(query["Id"])


def install() -> None:
    """Apply the hook, after that of metrics. Raises HookBroken when a private name has moved."""
    from ministack.services import cloudwatch

    original = private(cloudwatch, "_get_metric_data")
    parsed, error = private(cloudwatch, "_parse_ts"), private(cloudwatch, "_error")
    encoders = private(cloudwatch, "_json_ok"), private(cloudwatch, "_cbor_ok")
    binary = private(cloudwatch, "_cbor_metric_data_result")

    def data(params: Any, given: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if not (is_cbor or is_json):
            return original(params, given, is_cbor, is_json)  # the form that no client of today sends
        start, end = parsed(given.get("StartTime")), parsed(given.get("EndTime"))
        why = refusal(given, start, end)
        if why:
            return error("ValidationError", why, 400, use_json=is_json, use_cbor=is_cbor)
        token = given.get("NextToken")
        if token is not None and not str(token).isdigit():
            return error(
                "InvalidNextToken", "NextToken is none of ours", 400, use_json=is_json, use_cbor=is_cbor
            )
        answer = answered(given, start, end, clock.now())
        if is_json:
            return encoders[0](answer)
        return encoders[1]({**answer, "MetricDataResults": list(map(binary, answer["MetricDataResults"]))})

    replace(cloudwatch, "_get_metric_data", data)
