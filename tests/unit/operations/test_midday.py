"""The midday review against hand-reckoned weeks, and on moto's CloudWatch with its distractors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from operations.reading import midday
from operations.reading.inventory import Inventory
from operations.reading.midday import Load, compare

NOW = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)
"""moto, as AWS, takes no values of long ago: the weeks are those before now."""
USUAL = [Load(100, 1, 20_000), Load(100, 0, 20_000), Load(100, 2, 20_000), Load(100, 0, 20_000)]


@pytest.mark.parametrize(
    ("what", "today", "before", "state", "said"),
    [
        ("as always", Load(100, 1, 20_000), USUAL, "ok", "100 calls, 1 error, mean 200 ms"),
        ("three errors", Load(100, 3, 20_000), USUAL, "warning", "more errors than in any"),
        ("two errors, as once before", Load(100, 2, 20_000), USUAL, "ok", "2 errors"),
        ("three errors, and a week with four", Load(9, 3, 90), [Load(9, 4, 90)] * 2, "ok", "3 errors"),
        ("twice as slow", Load(100, 0, 40_000), USUAL, "warning", "slower than usual"),
        ("90 ms slower", Load(100, 0, 29_000), USUAL, "ok", "mean 290 ms"),
        ("a fast one twice as slow", Load(50, 0, 1_000), [Load(50, 0, 500)] * 4, "ok", "mean 20 ms"),
        ("one slow call", Load(1, 0, 9_000), USUAL, "ok", "mean 9,000 ms"),
        ("not called", Load(), USUAL, "warning", "not called at all"),
        ("seldom called, and not today", Load(), [Load(2, 0, 5)] * 4, "ok", "0 calls"),
        ("a week without calls", Load(), [*USUAL[:3], Load()], "warning", "(3 weeks)"),
        ("one week only", Load(100, 50, 90_000), [USUAL[0]], "ok", "nothing to compare with"),
        ("no week", Load(100, 50, 90_000), [], "ok", "no week before"),
    ],
)
def test_what_is_unusual(what: str, today: Load, before: list[Load], state: str, said: str) -> None:
    found = compare("ona-detect-dev", today, before)
    assert (found.state, said in found.text) == (state, True), (what, found.text)


@cache
def moto_client(service: str) -> Any:
    return boto3.client(service, region_name="af-south-1")


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    found = Inventory("ours", {}, {"AWS::Lambda::Function": ["ona-detect-dev"]})
    monkeypatch.setattr(midday.inventory, "read", lambda *_: found)

    def values(at: datetime, function: str = "ona-detect-dev", **metrics: float) -> None:
        for name, value in metrics.items():
            moto_client("cloudwatch").put_metric_data(
                Namespace="AWS/Lambda",
                MetricData=[
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": "FunctionName", "Value": function}],
                        "Timestamp": at,
                        "Value": value,
                    }
                ],
            )

    with mock_aws():
        yield values


def test_only_the_same_hours_of_the_same_weekday_count(put: Callable[..., None]) -> None:
    for week in (1, 2):
        at = NOW - timedelta(weeks=week, hours=2)
        put(at, Invocations=40.0, Errors=1.0, Duration=4_000.0)
        put(at - timedelta(days=1), Invocations=900.0, Errors=90.0, Duration=9e6)  # another weekday
        put(at - timedelta(hours=6), Invocations=900.0, Errors=90.0, Duration=9e6)  # other hours
        put(at, "ona-detect-prod", Invocations=900.0, Errors=90.0, Duration=9e6)  # another environment
    put(NOW - timedelta(hours=1), Invocations=20.0, Errors=2.0, Duration=2_000.0)
    put(NOW - timedelta(hours=3), Invocations=22.0, Errors=1.0, Duration=2_200.0)
    put(NOW - timedelta(minutes=10), Invocations=900.0, Errors=90.0, Duration=9e6)  # the hour that runs
    put(NOW - timedelta(hours=5), Invocations=900.0, Errors=90.0, Duration=9e6)  # before the hours
    report = midday.midday(moto_client, "ours", NOW, 4)
    assert [finding.text for finding in report.findings] == [
        "more errors than in any of these weeks: 42 calls, 3 errors, mean 100 ms; "
        "usually 40 calls, 1 error, mean 100 ms (2 weeks)"
    ]
    assert report.state == "warning"


def test_a_function_without_any_value_is_told(put: Callable[..., None]) -> None:
    report = midday.midday(moto_client, "ours", NOW, 4)
    assert report.state == "ok"
    assert report.findings[0].text == "0 calls, 0 errors; no week before: nothing to compare with"
