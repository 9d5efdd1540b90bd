"""A deployed dashboard is read as it stands, on moto's CloudWatch; metrics of others lie beside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from typer.testing import CliRunner

from operations.reading import boards
from operations.reading.ringing import On
from ops import cli
from ops.cli import dashboard as command
from ops.target import Target

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
NOW -= timedelta(minutes=NOW.minute % 5)
START = NOW - timedelta(hours=1)
DETECT = ["AWS/Lambda", "Errors", "FunctionName", "ona-detect-dev", {"label": "detect"}]
ORDER = ["AWS/Lambda", "Errors", "FunctionName", "ona-order-dev", {"label": "order"}]
OURS = ["Ona/Platform", "DetectionLatency", "environment", "dev", "service", "detect"]
ARN = "arn:aws:cloudwatch:af-south-1:123456789012:alarm:"


@cache
def client(service: str) -> Any:
    return boto3.client(service, region_name="af-south-1")


@pytest.fixture(autouse=True)
def cloud() -> Iterator[None]:
    client.cache_clear()
    with mock_aws():
        yield
    client.cache_clear()


def graph(*metrics: Any, **more: Any) -> dict[str, Any]:
    properties = {"title": "errors", "region": "af-south-1", "stat": "Sum", "period": 300}
    return {"type": "metric", "properties": {**properties, "metrics": list(metrics), **more}}


def deploy(*widgets: dict[str, Any], name: str = "ona-ooda-dev") -> None:
    client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=json.dumps({"widgets": widgets}))


def put(line: list[Any], *values: tuple[int, float]) -> None:
    """Values, so many minutes before now."""
    namespace, name, *pairs = [word for word in line if isinstance(word, str)]
    dimensions = [{"Name": a, "Value": b} for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    for back, value in values:
        datum = {
            "MetricName": name,
            "Dimensions": dimensions,
            "Timestamp": NOW - timedelta(minutes=back),
            "Value": value,
        }
        client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def alarm(name: str, state: str) -> None:
    client("cloudwatch").put_metric_alarm(
        AlarmName=name, MetricName="m", Namespace="n", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"why {name}")


def read(start: datetime = START) -> boards.Board:
    return boards.read(client, "ona-ooda-dev", start, NOW)


def test_each_line_has_its_own_values_oldest_first() -> None:
    deploy(graph(DETECT, ORDER))
    put(DETECT, (3, 1.0), (4, 2.0), (33, 5.0))
    put(["AWS/Lambda", "Errors", "FunctionName", "ona-detects-dev"], (3, 99.0))
    put(["AWS/Lambda", "Invocations", "FunctionName", "ona-detect-dev"], (3, 99.0))
    [panel] = read().panels
    detect, order = panel.chart.series
    assert [(round((NOW.timestamp() - at) / 60), value) for at, value in detect.values] == [
        (35, 5.0),
        (5, 3.0),
    ]
    assert (order.name, list(order.values)) == ("order", [])
    assert (panel.silent, panel.unit, panel.chart.unit) == (["order"], "Count", "Count, Sum by 5 min")


def test_statistic_and_period_are_the_lines_or_the_graphs() -> None:
    slow = [*OURS, {"label": "slowest", "stat": "Maximum"}]
    deploy(graph([*OURS, {"label": "mean"}], slow, stat="Average", title="latency"))
    put(OURS, (3, 100.0), (4, 300.0))
    [panel] = read().panels
    assert [series.values[0][1] for series in panel.chart.series] == [200.0, 300.0]
    assert panel.unit == "Milliseconds"


def test_a_longer_time_is_read_by_longer_periods_with_a_whole_one_first() -> None:
    deploy(graph(DETECT))
    put(DETECT, (3, 1.0), (40, 2.0))
    [panel] = read(NOW - timedelta(days=7)).panels
    assert panel.chart.period_s == 3600
    assert sum(value for _, value in panel.chart.series[0].values) == 3.0
    assert all(at % 3600 == 0 for at, _ in panel.chart.series[0].values)


def test_shorthand_of_a_hand_made_line_is_written_out() -> None:
    deploy(graph(["AWS/Lambda", "Errors", "FunctionName", "ona-detect-dev"], ["...", "ona-order-dev"]))
    put(ORDER, (3, 4.0))
    [panel] = read().panels
    assert [(s.name, s.last) for s in panel.chart.series] == [
        ("ona-detect-dev", None),
        ("ona-order-dev", 4.0),
    ]


def test_what_cannot_be_read_is_said() -> None:
    deploy(graph(DETECT), graph(DETECT, region="us-east-1", title="bills"))
    board = read()
    assert [panel.title for panel in board.panels] == ["errors"]
    assert board.left_out == ["bills: it is of region us-east-1"]


def result(key: str, label: str, *values: float, **more: Any) -> dict[str, Any]:
    times = [NOW - timedelta(minutes=5 * (len(values) - place)) for place in range(len(values))]
    told = {"Id": key, "Label": label, "StatusCode": "Complete"}
    return {**told, "Timestamps": times, "Values": list(values), **more}


def answered(*lines: Any, pages: list[Any], **more: Any) -> tuple[boards.Board, list[dict[str, Any]]]:
    """A board of one graph whose GetMetricData answers these pages, and what was asked. The stub refuses
    what is not in botocore's model of the service, in a question as in an answer."""
    cloudwatch = boto3.client("cloudwatch", region_name="af-south-1")
    asked: list[dict[str, Any]] = []
    with Stubber(cloudwatch) as stub:
        body = json.dumps({"widgets": [graph(*lines, **more)]})
        stub.add_response("get_dashboard", {"DashboardName": "ona-ooda-dev", "DashboardBody": body})
        for page in pages:
            if isinstance(page, str):
                stub.add_client_error("get_metric_data", "ValidationError", page)
            else:
                stub.add_response("get_metric_data", page)
        cloudwatch.meta.events.register(
            "provide-client-params.cloudwatch.GetMetricData", lambda params, **_: asked.append(params)
        )
        board = boards.read(lambda _: cloudwatch, "ona-ooda-dev", START, NOW)
        stub.assert_no_pending_responses()
    return board, [query for one in asked for query in one["MetricDataQueries"]]


def test_a_sum_is_asked_for_with_its_metrics_and_drawn_with_their_unit() -> None:
    hidden = [*ORDER[:-1], {"label": "order", "id": "m1", "visible": False}]
    total = [{"expression": "SUM(METRICS())", "label": "all", "id": "e1"}]
    first = {"MetricDataResults": [result("q0", "Errors", 1.0), result("e1", "e1", 5.0)], "NextToken": "2"}
    rest = {"MetricDataResults": [result("e1", "e1", 7.0)]}
    board, asked = answered(DETECT, hidden, total, pages=[first, rest])
    [panel] = board.panels
    assert [(s.name, [v for _, v in s.values]) for s in panel.chart.series] == [
        ("detect", [1.0]), ("all", [5.0, 7.0]),
    ]  # fmt: skip
    assert (panel.unit, board.left_out) == ("Count", [])
    queries = {query["Id"]: query for query in asked}
    assert {key: query["ReturnData"] for key, query in queries.items()} == {
        "q0": True, "m1": False, "e1": True,
    }  # fmt: skip
    assert queries["e1"] == {"Id": "e1", "Expression": "SUM(METRICS())", "ReturnData": True}
    assert queries["m1"]["MetricStat"]["Period"] == 300


def test_a_quotient_has_no_unit_and_a_search_brings_a_line_a_metric() -> None:
    share = [{"expression": "100 * bad / n", "label": "share"}]
    search = [{"expression": "SEARCH('{AWS/Lambda,FunctionName} Errors', 'Sum')", "label": "found"}]
    page = {"MetricDataResults": [result("q0", "q0", 25.0), result("q1", "a", 1.0), result("q1", "b", 2.0)]}
    board, asked = answered(share, search, pages=[page])
    [panel] = board.panels
    assert [(s.name, s.last) for s in panel.chart.series] == [
        ("share", 25.0), ("found: a", 1.0), ("found: b", 2.0),
    ]  # fmt: skip
    assert panel.unit == ""
    assert [query.get("Period") for query in asked] == [None, 300], "a sum has its metrics' period"


def test_of_a_graph_whose_sum_is_refused_the_metrics_stay() -> None:
    wrong = [{"expression": "SOM(METRICS())", "label": "all"}]
    rest = {"MetricDataResults": [result("m0", "Errors", 3.0)]}
    board, _ = answered(DETECT, wrong, pages=["SOM is no function", rest])
    assert [(s.name, s.last) for s in board.panels[0].chart.series] == [("detect", 3.0)]
    assert board.left_out == ["errors: all: CloudWatch does not compute it: SOM is no function"]
    said = {"StatusCode": "InternalError", "Messages": [{"Code": "x", "Value": "too many series"}]}
    page = {"MetricDataResults": [result("q1", "q1", **said)]}
    board, _ = answered(DETECT, wrong, pages=[page, rest])
    assert board.left_out == ["errors: all: CloudWatch does not compute it: too many series"]


def test_alarms_that_are_on_come_first_and_others_are_not_read() -> None:
    for name, state in (("ona-a-dev", "OK"), ("ona-b-dev", "ALARM"), ("ona-c-dev", "INSUFFICIENT_DATA")):
        alarm(name, state)
    alarm("ona-b-dev-2", "ALARM")
    names = ["ona-a-dev", "ona-b-dev", "ona-c-dev", "ona-gone-dev"]
    deploy({"type": "alarm", "properties": {"alarms": [ARN + name for name in names]}})
    board = read()
    assert [(one.name, one.state) for one in board.alarms] == [
        ("ona-b-dev", "ALARM"), ("ona-a-dev", "OK"), ("ona-c-dev", "INSUFFICIENT_DATA"),
    ]  # fmt: skip
    assert board.alarms[0].reason == "why ona-b-dev"


def test_more_than_fifty_alarms_are_read_whole() -> None:
    names = [f"ona-{number:03}-dev" for number in range(120)]
    for name in names:
        alarm(name, "OK")
    arns = [ARN + name for name in names]
    deploy(*({"type": "alarm", "properties": {"alarms": some}} for some in (arns[:100], arns[100:])))
    assert [one.name for one in read().alarms] == names


def test_a_dashboard_that_is_not_there_is_an_error_that_names_the_others() -> None:
    deploy(graph(DETECT), name="ona-access-dev")
    with pytest.raises(boards.NoDashboard, match="no dashboard ona-ooda-dev; there are ona-access-dev"):
        read()


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Any:
    target = Target("test", "ona-platform-dev", client)
    target.__dict__["outputs"] = {"Environment": "dev"}
    monkeypatch.setattr(command, "resolve", lambda *_: target)
    monkeypatch.setattr(command, "utc_now", lambda: NOW)

    def call(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["dashboard", *words], env={"COLUMNS": "200"})
        return result.exit_code, result.output

    return call


def test_the_terminal_shows_last_highest_unit_gaps_and_what_is_silent(called: Any) -> None:
    alarm("ona-b-dev", "ALARM")
    deploy(
        {"type": "alarm", "properties": {"alarms": [f"{ARN}ona-b-dev"]}},
        graph(DETECT, ORDER, annotations={"horizontal": [{"label": "alarm above 5", "value": 5}]}),
        graph(ORDER, title="other"),
    )
    put(DETECT, (3, 1.0), (13, 8.0), (33, 8.0))
    code, said = called("--family", "ooda", "--since", "1h")
    assert code == 0, said
    assert "alarms: 1 on\n" in said
    assert "ona-b-dev since " in said
    assert "errors (Count, Sum by 5 min)" in said
    line = next(line for line in said.splitlines() if line.startswith("    detect"))
    assert line[33:45] == "     █   █ ▁"
    assert line.endswith("last 1, highest 8")
    assert "alarm above 5" in said
    assert "no values: other" in said
    assert "order" not in said.replace("no values: other", "")


def test_an_alarm_counts_once_as_ona_alarms_counts_it(called: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parts are behind it; one that stands for itself is on. moto knows no composite alarms."""
    for name in ("ona-b-dev", "ona-c-dev", "ona-other-dev", "ona-unwell-dev"):
        alarm(name, "ALARM")
    alarm("ona-d-dev", "OK")
    common: dict[str, Any] = {"since": START, "what": "", "page": "", "reason": "five errors"}
    unwell = On(**common, name="ona-unwell-dev", parts=["ona-b-dev"], behind=["ona-c-dev"])
    other = On(**common, name="ona-other-dev", parts=[], behind=[])
    monkeypatch.setattr(boards, "ringing", lambda *_: [unwell, other])
    names = ("ona-b-dev", "ona-c-dev", "ona-d-dev", "ona-other-dev", "ona-unwell-dev")
    deploy({"type": "alarm", "properties": {"alarms": [ARN + name for name in names]}})
    code, said = called("--family", "ooda", "--since", "1h")
    assert code == 0, said
    assert "alarms: 2 on, 2 behind, 1 OK" in said
    assert "    ona-c-dev behind ona-unwell-dev" in said
    assert "    ona-other-dev since " in said
    assert re.search(r"    ona-unwell-dev since .* five errors", said)


def test_the_page_is_whole_and_has_a_picture_for_each_graph(called: Any, tmp_path: Any) -> None:
    alarm("ona-b-dev", "ALARM")
    deploy(
        {"type": "alarm", "properties": {"alarms": [f"{ARN}ona-b-dev"]}},
        graph(DETECT, title="<errors> & more"),
        graph(ORDER, title="other"),
    )
    put(DETECT, (3, 1.0))
    code, said = called("--family", "ooda", "--page", str(tmp_path / "a.html"))
    assert (code, "2 pictures in" in said) == (0, True), said
    text = (tmp_path / "a.html").read_text("utf-8")
    root = ET.fromstring(text.replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', ""))
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["<errors> & more", "other"]
    assert "why ona-b-dev" in text
    assert "no values in this time" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), "it needs no network"


def test_json_has_every_value(called: Any) -> None:
    deploy(graph(DETECT, ORDER))
    put(DETECT, (3, 1.0))
    code, said = called("--family", "ooda", "--since", "1h", "--json")
    [one] = json.loads(said)["graphs"]
    assert (code, one["unit"], one["statistic"], one["period_s"]) == (0, "Count", "Sum", 300)
    assert one["series"] == [
        {"name": "detect", "values": [[NOW.timestamp() - 300, 1.0]]}, {"name": "order", "values": []},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--family", "grid"], "there is no dashboard ona-grid-dev; there is none at all"),
        (["--since", "3"], "give a number with m, h or d"),
        (["--since", "h"], "give a number with m, h or d"),
        (["--since", "1m"], "from 5m to 60d"),
        (["--since", "90d"], "from 5m to 60d"),
    ],
)
def test_what_cannot_be_shown_is_refused(called: Any, words: list[str], why: str) -> None:
    code, said = called(*words)
    assert (code, why in said.replace("\n", " ")) == (1, True), said
