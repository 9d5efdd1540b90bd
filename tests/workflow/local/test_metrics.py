"""CloudWatch in the embedded cloud: what a function prints is what get-metric-data answers.

What is expected is reckoned here from the values themselves, by AWS's definitions of the statistics.
"""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.lab import Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

PRINTS = """
import json, time

def handler(event, context):
    for root in event["lines"]:
        print(json.dumps(root) if isinstance(root, dict) else root)
"""


class Watch:
    """The CloudWatch of a platform, and a namespace that nobody else writes into."""

    def __init__(self, lab: Lab) -> None:
        self.api = lab.platform.target.client("cloudwatch")
        self.logs = lab.platform.target.client("logs")
        self.namespace = unique("Test/Metrics")
        self.now = datetime.now(UTC)

    def document(self, values: Any, at: float | None = None, **dimensions: str) -> dict[str, Any]:
        about = {"Namespace": self.namespace, "Dimensions": [list(dimensions)], "Metrics": [{"Name": "m"}]}
        stamp = int(1000 * (time.time() if at is None else at))
        return {"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [about]}, "m": values, **dimensions}

    def ask(self, stat: str, period: int = 3600, order: str = "", **dimensions: str) -> list[float]:
        metric = {
            "Namespace": self.namespace,
            "MetricName": "m",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }
        query = {"Id": "a", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}
        answer = self.api.get_metric_data(
            MetricDataQueries=[query],
            StartTime=self.now - timedelta(days=20),
            EndTime=self.now + timedelta(hours=3),
            **({"ScanBy": order} if order else {}),
        )
        return [float(value) for value in answer["MetricDataResults"][0]["Values"]]

    def total(self, **dimensions: str) -> float:
        return sum(self.ask("Sum", **dimensions))


@pytest.fixture
def watch(lab: Lab) -> Watch:
    return Watch(lab)


def test_what_a_function_prints_is_what_cloudwatch_answers(lab: Lab, watch: Watch) -> None:
    prints = lab.function(PRINTS)
    lines = [
        watch.document([4, 1, 3], kind="a"),
        watch.document(2, kind="a"),
        watch.document(100, kind="b"),
        watch.document(1000),
        f"a person writes of {json.dumps(watch.document(7, kind='a'))}",
        {"message": "no metric", "m": 8, "kind": "a"},
        watch.document("9", kind="a"),
    ]
    lab.functions.invoke(FunctionName=prints, Payload=json.dumps({"lines": lines}))
    values = [4.0, 1.0, 3.0, 2.0]
    assert sum(watch.ask("SampleCount", kind="a")) == len(values)
    assert watch.total(kind="a") == sum(values)
    if len(watch.ask("Sum", kind="a")) == 1:  # else the hour changed meanwhile
        assert watch.ask("Average", kind="a") == [statistics.mean(values)]
        assert (watch.ask("Minimum", kind="a"), watch.ask("Maximum", kind="a")) == ([1.0], [4.0])
        assert watch.ask("p50", kind="a") == [statistics.median(values)]
    assert watch.total(kind="b") == 100
    assert watch.total() == 1000, "no dimensions is a metric of its own, not all of them"
    assert watch.total(kind="a", other="x") == 0


def test_put_log_events_is_heard_too_and_times_that_cloudwatch_does_not_take_are_dropped(
    watch: Watch,
) -> None:
    group = unique("/test/group")
    watch.logs.create_log_group(logGroupName=group)
    watch.logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = time.time()
    days, hours = 86_400, 3_600
    documents = [
        watch.document(1, at=now - 13 * days),
        watch.document(10, at=now - 15 * days),
        watch.document(100, at=now + 1 * hours),
        watch.document(1000, at=now + 3 * hours),
    ]
    watch.logs.put_log_events(
        logGroupName=group,
        logStreamName="s",
        logEvents=[{"timestamp": int(1000 * now), "message": json.dumps(one)} for one in documents],
    )
    assert watch.total() == 101


def test_put_metric_data_and_the_order_of_the_answer(watch: Watch) -> None:
    for hours, value in ((3, 30.0), (1, 10.0), (2, 20.0)):
        watch.api.put_metric_data(
            Namespace=watch.namespace,
            MetricData=[
                {"MetricName": "m", "Value": value, "Timestamp": watch.now - timedelta(hours=hours)},
            ],
        )
    assert watch.ask("Sum", period=60) == [10.0, 20.0, 30.0], "the newest first, where nothing is said"
    assert watch.ask("Sum", period=60, order="TimestampAscending") == [30.0, 20.0, 10.0]


def test_a_thousand_values_of_one_minute_keep_their_sum_and_about_their_percentiles(watch: Watch) -> None:
    for begin in range(0, 1000, 100):
        watch.api.put_metric_data(
            Namespace=watch.namespace,
            MetricData=[
                {
                    "MetricName": "m",
                    "Values": [float(value) for value in range(begin, begin + 100)],
                    "Timestamp": watch.now,
                }
            ],
        )
    assert watch.ask("Sum", period=60) == [sum(range(1000))]
    assert watch.ask("SampleCount", period=60) == [1000]
    (p95,) = watch.ask("p95", period=60)
    assert abs(p95 - 949) < 15


def test_statistic_sets_add_up_and_have_no_percentile(watch: Watch) -> None:
    for four in ((2, 30, 10, 20), (1, 5, 5, 5)):
        watch.api.put_metric_data(
            Namespace=watch.namespace,
            MetricData=[
                {
                    "MetricName": "m",
                    "StatisticValues": dict(
                        zip(("SampleCount", "Sum", "Minimum", "Maximum"), map(float, four), strict=True)
                    ),
                    "Timestamp": watch.now,
                }
            ],
        )
    assert watch.ask("Sum", period=60) == [35.0]
    assert watch.ask("Minimum", period=60) == [5.0]
    assert watch.ask("p90", period=60) == []


def test_what_aws_refuses(watch: Watch) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        watch.ask("Sum", period=90)
    with pytest.raises(ClientError, match="ValidationError"):
        watch.api.get_metric_data(MetricDataQueries=[], StartTime=watch.now, EndTime=watch.now)


def _query(watch: Watch, name: str, stat: str, own: str, **more: Any) -> dict[str, Any]:
    metric = {
        "Namespace": watch.namespace,
        "MetricName": name,
        "Dimensions": [{"Name": "kind", "Value": own}],
    }
    return {"Id": f"{own}_{name}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, **more}


def _put(watch: Watch, minute: int, **values: float) -> None:
    at = watch.now.replace(second=20) - timedelta(minutes=minute)
    data = [
        {
            "MetricName": name.partition("_")[2],
            "Dimensions": [{"Name": "kind", "Value": name.partition("_")[0]}],
            "Value": value,
            "Timestamp": at,
        }
        for name, value in values.items()
    ]
    watch.api.put_metric_data(Namespace=watch.namespace, MetricData=data)


def _asked(watch: Watch, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = watch.api.get_metric_data(
        MetricDataQueries=list(queries),
        StartTime=watch.now - timedelta(minutes=30),
        EndTime=watch.now + timedelta(minutes=1),
        **more,
    )
    return answer


def test_an_expression_is_computed_minute_by_minute(watch: Watch) -> None:
    """The share of errors: 2 of 8, 1 of 4, none at all, and no metric of errors."""
    _put(watch, 9, a_errors=2, a_requests=8)
    _put(watch, 8, a_errors=1, a_requests=4)
    _put(watch, 7, a_errors=0, a_requests=0)
    _put(watch, 6, a_requests=5)
    hidden = {"ReturnData": False}
    errors, requests = _query(watch, "errors", "Sum", "a"), _query(watch, "requests", "Sum", "a")
    share = {"Id": "share", "Expression": "100 * a_errors / a_requests", "Label": "share of errors"}
    filled = {"Id": "filled", "Expression": "FILL(a_errors, 0) + a_requests"}
    twice = {"Id": "twice", "Expression": "share * 2"}
    answer = _asked(
        watch, errors | hidden, requests | hidden, share, filled, twice, ScanBy="TimestampAscending"
    )
    by_id = {result["Id"]: result for result in answer["MetricDataResults"]}
    assert list(by_id) == ["share", "filled", "twice"], "what is not asked for stays away"
    assert (by_id["share"]["Label"], by_id["share"]["Values"]) == ("share of errors", [25.0, 25.0])
    assert by_id["twice"]["Values"] == [50.0, 50.0]
    assert by_id["filled"]["Values"] == [10.0, 5.0, 0.0, 5.0]
    first = watch.now.replace(second=0, microsecond=0) - timedelta(minutes=9)
    assert [at - first for at in by_id["share"]["Timestamps"]] == [timedelta(0), timedelta(minutes=1)]


def test_an_expression_that_is_not_known_spoils_no_other_query(watch: Watch) -> None:
    _put(watch, 5, a_errors=3)
    errors = _query(watch, "errors", "Sum", "a")
    answer = _asked(
        watch,
        errors,
        {"Id": "odd", "Expression": "SEARCH('{X}', 'Sum')"},
        {"Id": "own", "Expression": "own"},
    )
    told = {r["Id"]: (r["StatusCode"], r["Values"]) for r in answer["MetricDataResults"]}
    assert told["a_errors"] == ("Complete", [3.0])
    assert [told[name][1] for name in ("odd", "own")] == [[], []]
    assert {told[name][0] for name in ("odd", "own")} == {"InternalError"}


def test_data_points_come_by_pages(watch: Watch) -> None:
    for minute in range(5):
        _put(watch, minute + 1, a_m=minute, b_m=10 + minute)
    queries = _query(watch, "m", "Sum", "a"), _query(watch, "m", "Sum", "b")
    pages = []
    more: dict[str, Any] = {}
    while True:
        page = _asked(watch, *queries, MaxDatapoints=4, **more)
        pages.append([(r["Id"], r["Values"], r["StatusCode"]) for r in page["MetricDataResults"]])
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert pages == [
        [("a_m", [0.0, 1.0, 2.0, 3.0], "PartialData")],
        [("a_m", [4.0], "Complete"), ("b_m", [10.0, 11.0, 12.0], "PartialData")],
        [("b_m", [13.0, 14.0], "Complete")],
    ]
    with pytest.raises(ClientError, match="InvalidNextToken"):
        _asked(watch, *queries, NextToken="of another question")


def test_a_start_within_a_minute_is_rounded_down_to_it(watch: Watch) -> None:
    """API Reference, StartTime: 12:32:34 is rounded down to 12:32:00."""
    at = watch.now.replace(second=5, microsecond=0) - timedelta(minutes=3)
    _put(watch, 3, a_m=7)
    _put(watch, 4, a_m=9)
    query = _query(watch, "m", "Sum", "a")
    answer = watch.api.get_metric_data(
        MetricDataQueries=[query], StartTime=at + timedelta(seconds=40), EndTime=watch.now
    )
    assert answer["MetricDataResults"][0]["Values"] == [7.0]
