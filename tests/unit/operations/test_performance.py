"""The performance report, hand-reckoned from values put into moto's CloudWatch; others' values lie beside.

It is read as HTML, as PDF, as JSON, and in the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from operations.drawing.document import Heading, Paragraph, Pictures, Table
from operations.drawing.sheets import sheets
from operations.reading import performance as reading
from operations.reading.inventory import Inventory
from operations.reading.performance import Performance, Row, Work
from operations.reports import performance as report
from ops import cli
from ops.cli import performance as command
from ops.target import Target
from tests.fakes.pdf_reader import Pdf

NOW = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)
MACHINE = "arn:aws:states:af-south-1:123456789012:stateMachine:ona-ooda-dev"
COSTS = report.Costs(
    "2026-11-28", 1.25, [("ooda, detect", 1.0), ("access, none", 0.0)],
    [("files", 3.0, 0.4), ("forecasts", 0.0, None)], ["By list prices."],
)  # fmt: skip


class Gateway:
    """API Gateway with an API of ours; moto's cannot be imported here. Others' may not be asked for."""

    def get_rest_api(self, restApiId: str) -> Any:  # noqa: N803
        return {"name": {"a1": "ona-api-dev"}[restApiId]}


class Maxima:
    """moto's CloudWatch, which knows no percentiles: the highest value stands for p95."""

    def __init__(self) -> None:
        self.moto = boto3.client("cloudwatch", region_name="af-south-1")

    def put_metric_data(self, **given: Any) -> None:
        self.moto.put_metric_data(**given)

    def get_paginator(self, name: str) -> Any:
        def paginate(**given: Any) -> Any:
            for query in given["MetricDataQueries"]:
                if query["MetricStat"]["Stat"] == "p95":
                    query["MetricStat"]["Stat"] = "Maximum"
            return self.moto.get_paginator(name).paginate(**given)

        return SimpleNamespace(paginate=paginate)


@cache
def client(service: str) -> Any:
    return {"apigateway": Gateway, "cloudwatch": Maxima}[service]()


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    client.cache_clear()
    with mock_aws():
        found = Inventory(
            "ours",
            {},
            {
                "AWS::Lambda::Function": ["ona-detect-dev", "ona-order-dev"],
                "AWS::StepFunctions::StateMachine": [MACHINE],
                "AWS::ApiGateway::RestApi": ["a1"],
            },
        )
        monkeypatch.setattr(reading.inventory, "read", lambda *_: found)
        yield
    client.cache_clear()


def put(namespace: str, name: str, dimensions: dict[str, str], back_hours: float, *values: float) -> None:
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
            "Timestamp": NOW - timedelta(hours=back_hours),
            "Value": value,
        }
        for value in values
    ]
    client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def calls(function: str, back_hours: float, durations: list[float], errors: int) -> None:
    own = {"FunctionName": function}
    put("AWS/Lambda", "Invocations", own, back_hours, float(len(durations)))
    put("AWS/Lambda", "Errors", own, back_hours, float(errors))
    put("AWS/Lambda", "Duration", own, back_hours, *durations)


def made() -> Performance:
    return reading.performance(client, "ours", "dev", NOW, 4)


def test_a_functions_row_is_the_sum_of_its_hours_and_stands_beside_the_hours_before() -> None:
    calls("ona-detect-dev", 0.2, [100.0, 300.0], 1)
    calls("ona-detect-dev", 3.0, [800.0], 0)
    calls("ona-detect-dev", 5.0, [100.0, 100.0], 0)  # in the four hours before
    calls("ona-detect-dev", 9.0, [9000.0], 9)  # of neither
    calls("ona-detect-staging", 0.2, [5.0], 5)  # another environment's
    rows = {row.name: row for row in made().functions}
    detect = rows["ona-detect-dev"]
    assert (detect.now.calls, detect.now.failed, detect.now.mean_ms) == (3.0, 1.0, 400.0)
    assert detect.now.worst_p95_ms == 800.0
    assert (detect.before.calls, detect.before.mean_ms) == (2.0, 100.0)
    assert detect.slower_percent == 300.0
    assert round(detect.now.failed_percent or 0.0, 1) == 33.3
    assert rows["ona-order-dev"].now == Work()
    assert list(rows) == ["ona-detect-dev", "ona-order-dev"], "the busiest first"


def test_workflows_that_failed_timed_out_or_were_stopped_count_as_failed() -> None:
    own = {"StateMachineArn": MACHINE}
    put("AWS/States", "ExecutionsStarted", own, 1.0, 10.0)
    for name in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
        put("AWS/States", name, own, 1.0, 1.0)
    put("AWS/States", "ExecutionsSucceeded", own, 1.0, 7.0)
    [row] = made().workflows
    assert (row.name, row.now.calls, row.now.failed) == ("ona-ooda-dev", 10.0, 3.0)
    assert row.now.mean_ms is None


def test_an_api_is_counted_by_its_requests_and_others_apis_are_not() -> None:
    own = {"ApiName": "ona-api-dev", "Stage": "dev"}
    put("AWS/ApiGateway", "Count", own, 1.0, 1.0, 1.0, 1.0)
    put("AWS/ApiGateway", "5XXError", own, 1.0, 0.0, 1.0, 0.0)
    put("AWS/ApiGateway", "Count", {"ApiName": "ona-api-staging", "Stage": "staging"}, 1.0, 1.0)
    [row] = made().apis
    assert (row.name, row.now.calls, row.now.failed) == ("ona-api-dev", 3.0, 1.0)


def test_the_platforms_own_figures_are_those_of_this_environment() -> None:
    own = {"environment": "dev", "service": "detect"}
    put("Ona/Platform", "DetectionLatency", own, 0.1, 100.0, 300.0)
    put("Ona/Platform", "DetectionLatency", own, 2.0, 600.0)
    put("Ona/Platform", "DetectionLatency", {**own, "environment": "prod"}, 0.1, 9999.0)
    put("Ona/DataQuality", "DataCompleteness", own, 5.0, 90.0)
    found = {each.name: each for each in made().measured}
    latency = found["DetectionLatency"]
    assert (latency.mean, latency.mean_before, latency.lowest, latency.highest) == (
        400.0,
        None,
        200.0,
        600.0,
    )
    assert (found["DataCompleteness"].mean, found["DataCompleteness"].mean_before) == (None, 90.0)
    assert "EnergyAtRisk, critical" in found


def performance(*functions: Row) -> Performance:
    start = datetime(2026, 11, 28, tzinfo=UTC)
    return Performance("ours", start, start + timedelta(hours=4), list(functions), [], [], [], [])


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (Work(10, 2, 100.0, 1.0), Work(), "a: 2 of 10 calls failed."),
        (
            Work(10, 0, 160.0, 1.0),
            Work(9, 0, 100.0, 1.0),
            "a: a call takes 160 ms, 60 % longer than before.",
        ),
        (
            Work(10, 0, 140.0, 1.0),
            Work(9, 0, 100.0, 1.0),
            "Nothing failed, and nothing became much slower.",
        ),
        (Work(10, 0, 160.0, 1.0), Work(), "Nothing failed, and nothing became much slower."),
        (Work(), Work(9, 9, 100.0, 1.0), "Nothing was called in these hours."),
    ],
)
def test_what_stands_out(now: Work, before: Work, said: str) -> None:
    [line] = report.outstanding(performance(Row("a", now, before)))
    assert line.text == said
    assert (line.kind == "warning") is (not said.startswith("Nothing"))


def test_what_was_not_measured_is_a_dash_and_no_zero() -> None:
    blocks = report.blocks(performance(Row("a", Work(3, 0), Work())), None)
    [table] = [
        block for block in blocks if isinstance(block, Table) and block.rows and block.rows[0][0] == "a"
    ]
    assert list(table.rows[0]) == ["a", "3", "0", "0.0", "–", "–", "0", "–", "–"]
    assert not any(isinstance(block, Heading) and block.text == "Cost" for block in blocks)


def test_a_long_document_goes_over_several_sheets_and_loses_nothing() -> None:
    rows = [[f"function {n}", str(n)] for n in range(150)]
    text = " ".join(f"word{n}" for n in range(200))
    data = sheets(
        "T (x)", [Heading("H"), Paragraph(text), Table(["name", "n"], rows, [1]), Table(["a"], [])]
    )
    pages = Pdf(data).texts()
    said = [line for page in pages for line in page]
    assert len(pages) >= 4
    assert [f"function {n}" in said for n in range(150)] == [True] * 150
    assert " ".join(line for line in said if line.startswith("word")) == text
    assert said.count("name") == len([page for page in pages if any("function" in line for line in page)])
    assert "nothing was measured" in said
    assert [page[-1] for page in pages] == [f"{n + 1} of {len(pages)}" for n in range(len(pages))]


def test_a_heading_does_not_stand_alone_at_the_end_of_a_sheet() -> None:
    rows = [["x"] for _ in range(38)]
    pages = Pdf(sheets("T", [Table(["a"], rows), Heading("next"), Table(["b"], rows)])).texts()
    [page] = [page for page in pages if "next" in page]
    assert "b" in page


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Any:
    target = Target("test", "ours", client)
    target.__dict__["outputs"] = {"Environment": "dev"}
    monkeypatch.setattr(command, "resolve", lambda *_: target)
    monkeypatch.setattr(command, "utc_now", lambda: NOW)
    monkeypatch.setattr(command, "_costs", lambda *_: COSTS)

    def call(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["ops", "performance", *words], env={"COLUMNS": "200"})
        return result.exit_code, result.output

    return call


def test_the_command_writes_the_same_into_both_files(called: Any, tmp_path: Path) -> None:
    calls("ona-detect-dev", 0.2, [100.0, 300.0], 1)
    code, said = called(
        "--hours", "4", "--html", str(tmp_path / "a.html"), "--pdf", str(tmp_path / "a.pdf")
    )
    assert (code, said.startswith("Performance of ours, ")) == (0, True), said
    html = (tmp_path / "a.html").read_text("utf-8")
    root = ET.fromstring(html.replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', ""))
    told = [line for page in Pdf((tmp_path / "a.pdf").read_bytes()).texts() for line in page]
    cells = [cell.text for cell in root.iter("td")]
    assert {"ona-detect-dev", "2", "1", "50.0", "200"} <= set(cells) & set(told)
    assert [heading.text for heading in root.iter("h2")] == [
        line for line in told if line in {heading.text for heading in root.iter("h2")}
    ]
    pictures = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert pictures == ["Cost of 2026-11-28", "Functions: calls", "Functions: duration"]
    assert set(pictures) <= set(told)
    assert "ona-detect-dev: 1 of 2 calls failed." in told


def test_the_terminal_and_json_say_the_same(called: Any) -> None:
    calls("ona-detect-dev", 0.2, [100.0, 300.0], 1)
    code, said = called("--hours", "4")
    assert (code, "ona-detect-dev: 1 of 2 calls failed." in said) == (0, True), said
    assert "1.250000 USD by list prices" in said
    code, said = called("--hours", "4", "--json")
    document = json.loads(said)
    assert (code, document["functions"][0]["now"]["calls"], document["cost"]["usd"]) == (0, 2.0, 1.25)


def test_what_cannot_be_read_ends_with_2_as_monitors_expect(
    called: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> Any:
        raise reading.inventory.NotDeployed("ours")

    monkeypatch.setattr(reading.inventory, "read", gone)
    assert called()[0] == 2


def test_pictures_without_values_are_left_out() -> None:
    calls("ona-detect-dev", 0.2, [100.0], 0)
    [pictures] = [block for block in report.blocks(made(), None) if isinstance(block, Pictures)]
    assert [drawing.title for drawing in pictures.drawings] == ["Functions: calls", "Functions: duration"]
