"""Every function, workflow, API, queue and table is on its family's dashboard, with what it is watched by.

What each must have is written here from the issue, not read from `ops/watch`.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ona.runtime.metric_table import METRICS
from ops.watch.write import outputs
from tests.builders.deployed import RESOURCES, STACKS, of_type
from tests.paths import ROOT

KINDS = {
    "AWS::Serverless::Function": (
        "FunctionName", "FunctionName", {"Invocations", "Errors", "Throttles", "Duration"},
    ),
    "AWS::Serverless::StateMachine": (
        "Name", "StateMachineArn",
        {"ExecutionsStarted", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionTime"},
    ),
    "AWS::Serverless::Api": ("Name", "ApiName", {"Count", "4XXError", "5XXError", "Latency"}),
    "AWS::SQS::Queue": (
        "QueueName", "QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    ),
    "AWS::DynamoDB::Table": (
        "TableName", "TableName",
        {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents",
         "WriteThrottleEvents"},
    ),
}  # fmt: skip
"""By type: the property with its name, the dimension that names it, the metrics that must be drawn."""


def bodies(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The body of each dashboard, by what it is about; substitutions stand as they are."""
    found = {}
    for item in template["Resources"].values():
        if item["Type"] == "AWS::CloudWatch::Dashboard":
            name = re.fullmatch(
                r"ona-(\w+)-\$\{Environment\}", item["Properties"]["DashboardName"]["Fn::Sub"]
            )
            assert name
            found[name[1]] = json.loads(item["Properties"]["DashboardBody"]["Fn::Sub"])
    return found


BODIES = bodies(STACKS["watch"])


def drawn(body: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    """By the dimension and value that name a thing, the metrics that are drawn of it."""
    found: dict[tuple[str, str], set[str]] = {}
    for widget in body["widgets"]:
        for _, metric, *pairs, _ in widget["properties"].get("metrics", []):
            for dimension, value in zip(pairs[::2], pairs[1::2], strict=True):
                found.setdefault((dimension, value.rpartition(":")[2]), set()).add(metric)
    return found


def family_of(logical: str) -> str:
    """The folder of the handlers in the stack that has a resource; else what its name begins with."""
    [(name, stack)] = [(n, s) for n, s in STACKS.items() if logical in s["Resources"] and n != "watch"]
    handlers = [
        item["Properties"]["Handler"]
        for item in stack["Resources"].values()
        if "Serverless::Function" in item["Type"]
    ]
    return str(handlers[0]).split(".")[0] if handlers else name.partition("_")[0]


@pytest.mark.parametrize(
    "logical", sorted(name for name, item in RESOURCES.items() if item["Type"] in KINDS)
)
def test_everything_that_runs_is_on_its_familys_dashboard(logical: str) -> None:
    named_by, dimension, metrics = KINDS[RESOURCES[logical]["Type"]]
    name = RESOURCES[logical]["Properties"][named_by]["Fn::Sub"]
    assert metrics <= drawn(BODIES[family_of(logical)]).get((dimension, name), set())


def test_every_metric_of_ours_is_on_a_dashboard_with_all_its_dimensions() -> None:
    lines = [
        line
        for body in BODIES.values()
        for widget in body["widgets"]
        for line in widget["properties"].get("metrics", [])
    ]
    for metric in METRICS.values():
        if metric.name == "FunctionExecutionTime":  # AWS/Lambda's Duration says the same
            continue
        own = [line for line in lines if line[1] == metric.name]
        assert own, metric.name
        for namespace, _, *pairs, _ in own:
            assert namespace in metric.namespaces
            names = tuple(name for name in pairs[::2] if name not in ("environment", "service"))
            assert names in metric.dimensions, (metric.name, names)
            assert pairs[::2][:2] == ["environment", "service"]


def test_every_alarm_is_on_the_overview_and_on_its_familys_dashboard() -> None:
    alarms = {
        item["Properties"]["AlarmName"]["Fn::Sub"] for item in of_type("AWS::CloudWatch::Alarm").values()
    }

    def shown(body: dict[str, Any]) -> list[str]:
        arns = [arn for widget in body["widgets"] for arn in widget["properties"].get("alarms", [])]
        return [arn.rpartition(":alarm:")[2] for arn in arns]

    assert alarms <= set(shown(BODIES["overview"]))
    families = [name for about, body in BODIES.items() if about != "overview" for name in shown(body)]
    assert len(families) == len(set(families))
    assert alarms <= set(families)


def test_no_two_widgets_of_a_dashboard_lie_on_each_other() -> None:
    for about, body in BODIES.items():
        taken: set[tuple[int, int]] = set()
        for widget in body["widgets"]:
            cells = {
                (widget["x"] + right, widget["y"] + down)
                for right in range(widget["width"])
                for down in range(widget["height"])
            }
            assert max(x for x, _ in cells) < 24
            assert not cells & taken, (about, widget["properties"].get("title"))
            taken |= cells


def test_cloudwatchs_quotas_are_kept() -> None:
    """CloudWatch User Guide, "CloudWatch service quotas": 500 metrics a widget, 2 500 a dashboard."""
    for body in BODIES.values():
        counts = [len(widget["properties"].get("metrics", [])) for widget in body["widgets"]]
        assert len(counts) <= 500
        assert max(counts) <= 500
        assert sum(counts) <= 2500


def test_a_threshold_is_drawn_where_an_alarm_has_one() -> None:
    [latency] = [
        widget["properties"]
        for widget in BODIES["ooda"]["widgets"]
        if widget["properties"].get("title", "").startswith("DetectionLatency")
    ]
    assert latency["annotations"]["horizontal"] == [{"label": "alarm above 5000", "value": 5000.0}]
    assert latency["stat"] == "Average", "as its alarm looks at it"


FUNCTION = {
    "Type": "AWS::Serverless::Function",
    "Properties": {
        "FunctionName": {"Fn::Sub": "ona-weigh-${Environment}"},
        "Handler": "grid.weigh.handler.handler",
    },
}


def house(tmp_path: Path, stacks: dict[str, Any]) -> Path:
    """A checkout that has other stacks beside ours."""
    for part in ("stacks", "configs/operations", "docs/operations/symptoms"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for name, resources in stacks.items():
        (tmp_path / "stacks" / f"{name}.yaml").write_text(yaml.safe_dump({"Resources": resources}))
    return tmp_path


def test_a_new_family_has_its_dashboard_on_its_first_day(tmp_path: Path) -> None:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {"TableName": {"Fn::Sub": "${ResourcePrefix}-grid"}},
    }
    root = house(tmp_path, {"grid": {"Weigh": FUNCTION, "GridTable": table}})
    made = outputs(root)
    new = bodies(yaml.safe_load(made[root / "stacks" / "watch.yaml"]))
    assert new.keys() - BODIES.keys() == {"grid"}
    lines = drawn(new["grid"])
    assert {"Invocations", "Errors", "MemoryUtilization"} <= lines[
        "FunctionName", "ona-weigh-${Environment}"
    ]
    assert "ConsumedReadCapacityUnits" in lines["TableName", "${ResourcePrefix}-grid"]
    assert ("FunctionName", "ona-detect-${Environment}") not in lines
    assert ("FunctionName", "ona-weigh-${Environment}") in drawn(new["overview"])
    assert new["ooda"] == BODIES["ooda"], "another family's stays as it was"
    catalogue = yaml.safe_load(made[root / "configs" / "operations" / "catalogue.yaml"])
    assert "ona-grid-{environment}" in catalogue["dashboards"]


def test_a_family_cannot_take_the_name_of_a_dashboard_that_is_no_familys(tmp_path: Path) -> None:
    function = {
        **FUNCTION,
        "Properties": {**FUNCTION["Properties"], "Handler": "cost.weigh.handler.handler"},
    }
    with pytest.raises(ValueError, match="a family cannot be called cost"):
        outputs(house(tmp_path, {"cost": {"Weigh": function}}))


def test_a_family_with_more_lines_than_one_graph_shows_gets_a_second_graph(tmp_path: Path) -> None:
    def function(number: int) -> dict[str, Any]:
        name = {"Fn::Sub": f"ona-weigh{number}-${{Environment}}"}
        return {**FUNCTION, "Properties": {**FUNCTION["Properties"], "FunctionName": name}}

    root = house(tmp_path, {"grid": {f"Weigh{number}": function(number) for number in range(45)}})
    new = bodies(yaml.safe_load(outputs(root)[root / "stacks" / "watch.yaml"]))["grid"]
    graphs = {w["properties"]["title"]: w["properties"] for w in new["widgets"] if w["type"] == "metric"}
    assert [len(graphs[f"Functions: errors ({n})"]["metrics"]) for n in (1, 2)] == [40, 5]
    alarms = [w["properties"]["alarms"] for w in new["widgets"] if w["type"] == "alarm"]
    assert len(alarms) == 2
    assert len(alarms[0]) == 100, "so many a widget takes"
    assert len({arn for some in alarms for arn in some}) == sum(map(len, alarms)) >= 45 * 3
