"""Metric filters of the embedded CloudWatch Logs: which lines they mean, and what they make of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.fakes.lab import Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
LINES = [
    '{"level": "ERROR", "ms": 12.5, "task": "send", "tags": ["a", "b"]}',
    '{"level": "ERROR", "ms": 3, "task": "poll", "at": null}',
    '{"level": "error", "ms": "slow", "done": true}',
    "ERROR: timeout of north",
    "Error of south",
    "[WARN] timeout",
]
PATTERNS: list[tuple[str, list[int]]] = [  # the pattern, and which lines AWS's guide says it means
    ("", [1, 2, 3, 4, 5, 6]),
    ("ERROR", [1, 2, 4]),
    ("ERROR timeout", [4]),
    ("?ERROR ?WARN", [1, 2, 4, 6]),
    ("timeout -WARN", [4]),
    ('"timeout of"', [4]),
    (r"%[Ee]rror\sof%", [5]),
    ('{ $.level = "ERROR" }', [1, 2]),
    ('{ $.level = "ERR*" && $.ms > 5 }', [1]),
    ('{ ($.ms <= 3) || ($.done IS TRUE) }', [2, 3]),
    ('{ $.level != "ERROR" }', [3]),
    ('{ $.tags[1] = "b" }', [1]),
    ("{ $.at IS NULL }", [2]),
    ("{ $.task NOT EXISTS }", [3]),
    ("{ $.task = %^s.nd$% }", [1]),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "meant"), PATTERNS)
def test_a_pattern_means_the_lines_that_the_guide_says(lab: Lab, pattern: str, meant: list[int]) -> None:
    logs = lab.platform.target.client("logs")
    answer = logs.test_metric_filter(filterPattern=pattern, logEventMessages=LINES)
    assert [match["eventNumber"] for match in answer["matches"]] == meant


@pytest.fixture
def group(lab: Lab) -> Any:
    logs, name = lab.platform.target.client("logs"), unique("/lab")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")

    def write(*lines: str) -> None:
        at = int(1000 * time.time())
        events = [{"timestamp": at, "message": line} for line in lines]
        logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)

    return logs, name, write


def test_a_search_reads_patterns_as_a_metric_filter_does(group: Any) -> None:
    logs, name, write = group
    write(*LINES)
    for pattern, meant in (PATTERNS[0], PATTERNS[1], PATTERNS[4], PATTERNS[8], PATTERNS[12]):
        found = logs.filter_log_events(logGroupName=name, filterPattern=pattern)["events"]
        assert [event["message"] for event in found] == [LINES[number - 1] for number in meant], pattern
    wrong = logs.exceptions.InvalidParameterException
    with pytest.raises(wrong, match="Invalid filter pattern"):
        logs.filter_log_events(logGroupName=name, filterPattern="{ $.level = }")
    given = {"logGroupName": name, "filterName": "f", "destinationArn": "arn:aws:lambda:::function:f"}
    with pytest.raises(wrong, match="Invalid filter pattern"):
        logs.put_subscription_filter(**given, filterPattern="%(x)%")
    logs.put_subscription_filter(**given, filterPattern='{ $.level = "ERROR" }')


def test_a_filter_makes_values_of_what_comes_after_it(lab: Lab, group: Any) -> None:
    logs, name, write = group
    namespace = unique("Lab")
    write(*LINES)  # before there was a filter
    for filter_name, pattern, transformation in (
        ("errors", "ERROR", {"metricName": "Errors", "metricValue": "1", "defaultValue": 0.0}),
        ("rare", "never", {"metricName": "Rare", "metricValue": "1", "defaultValue": 0.0}),
        (
            "times",
            "{ $.ms > 0 }",
            {
                "metricName": "Ms",
                "metricValue": "$.ms",
                "unit": "Milliseconds",
                "dimensions": {"task": "$.task"},
            },
        ),
    ):
        logs.put_metric_filter(
            logGroupName=name,
            filterName=filter_name,
            filterPattern=pattern,
            metricTransformations=[{"metricNamespace": namespace, **transformation}],
        )
    write(*LINES)
    seen = lab.platform.target.client("cloudwatch")

    def values(metric: str, **dimensions: str) -> list[tuple[float, float]]:
        points = seen.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 3600,
            Period=86_400,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        return [(point["Sum"], point["SampleCount"]) for point in points]

    assert values("Errors") == [(3, 3)], "what came before the filter is not counted"
    assert values("Rare") == [(0, 1)], "lines came, and none was meant"
    assert values("Ms", task="send") == [(12.5, 1)]
    assert values("Ms", task="poll") == [(3, 1)]
    assert values("Ms") == [], "a metric is one set of dimensions"


@pytest.mark.parametrize("pattern", ["{ $.a = }", "{ $.a > x }", "{ $.a = 1", "%(%"])
def test_a_pattern_that_cannot_be_read_is_refused(lab: Lab, group: Any, pattern: str) -> None:
    logs, name, _ = group
    one = {"metricName": "n", "metricNamespace": "N", "metricValue": "1"}
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Invalid filter pattern"):
        logs.put_metric_filter(
            logGroupName=name, filterName="f", filterPattern=pattern, metricTransformations=[one]
        )
    with pytest.raises(logs.exceptions.InvalidParameterException, match="not compatible"):
        logs.put_metric_filter(
            logGroupName=name,
            filterName="f",
            filterPattern=json.dumps("x"),
            metricTransformations=[{**one, "defaultValue": 0.0, "dimensions": {"a": "$.a"}}],
        )
