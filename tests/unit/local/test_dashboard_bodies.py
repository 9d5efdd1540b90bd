"""Which bodies of dashboards are refused, with what CloudWatch answered people whose deployments failed.

Each bad body stands beside one that looks alike and is taken.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.limits.dashboards import dashboard

ARN = "arn:aws:cloudwatch:af-south-1:000000000000:alarm:ona-detect-error-rate-dev"
DIMENSION = ["FunctionName", "ona-detect-dev"]


def graph(*metrics: Any, **more: Any) -> dict[str, Any]:
    return {"type": "metric", "properties": {"region": "af-south-1", "metrics": list(metrics), **more}}


def text(**places: Any) -> dict[str, Any]:
    return {"type": "text", "properties": {"markdown": "# a"}, **places}


CASES: list[tuple[Any, Any, str, str]] = [
    # the first is refused, the second taken; the path and the words of the refusal
    (graph(["AWS/Lambda", "Errors", {"FunctionName": "x"}]),
     graph(["AWS/Lambda", "Errors", {"stat": "Sum"}]),
     "/widgets/0/properties/metrics/0", "Should NOT have more than 2 items"),
    (graph(["AWS/Lambda", "Errors", {"FunctionName": "x"}, {"stat": "Sum"}]),
     graph(["AWS/Lambda", "Errors", *DIMENSION, {"stat": "Sum", "label": "detect"}]),
     "/widgets/0/properties/metrics/0/2", 'Invalid metric field type, only "String" type is allowed'),
    (graph("AWS/Lambda", "Errors"), graph(["AWS/Lambda", "Errors"], ["...", "x"]),
     "/widgets/0/properties/metrics",
     'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as '
     "last element"),
    ({"type": "metric", "properties": {"metrics": [["AWS/Lambda", "Errors"]]}},
     graph(["AWS/Lambda", "Errors"]), "/widgets/0/properties", "Should have required property 'region'"),
    ({"type": "metric", "properties": {"region": "a"}},
     {"type": "metric", "properties": {"region": "a", "annotations": {"alarms": [ARN]}}},
     "/widgets/0/properties", "Should have required property 'metrics'"),
    (graph(["AWS/Lambda", "Errors", "FunctionName"]), graph(["AWS/Lambda", "Errors", *DIMENSION]),
     "/widgets/0/properties/metrics/0", "A dimension has a name and a value"),
    (graph(["AWS/Lambda"]), graph([{"expression": "SUM(METRICS())", "id": "e1"}]),
     "/widgets/0/properties/metrics/0", "Should NOT have fewer than 2 items"),
    (graph(["a", "b"], period=45), graph(["a", "b"], period=30),
     "/widgets/0/properties/period", "Should be 1, 5, 10, 20, 30 or a multiple of 60"),
    ({"type": "graph", "properties": {}}, {"type": "explorer", "properties": {}},
     "/widgets/0/type", "Should be equal to one of the allowed values"),
    ({"type": "text"}, text(), "/widgets/0", "Should have required property 'properties'"),
    ({"type": "text", "properties": {"text": "a"}}, text(), "/widgets/0/properties",
     "Should have required property 'markdown'"),
    (text(width=25), text(width=24), "/widgets/0/width", "Should be <= 24"),
    (text(x=24), text(x=23), "/widgets/0/x", "Should be <= 23"),
    (text(y=-1), text(y=100_000), "/widgets/0/y", "Should be >= 0"),
    (text(height="6"), text(height=6), "/widgets/0/height", "Should be integer"),
    ({"type": "alarm", "properties": {"alarms": []}}, {"type": "alarm", "properties": {"alarms": [ARN]}},
     "/widgets/0/properties/alarms", "Should have 1 to 100 items"),
    ({"type": "alarm", "properties": {"alarms": [ARN] * 101}},
     {"type": "alarm", "properties": {"alarms": [ARN] * 100}},
     "/widgets/0/properties/alarms", "Should have 1 to 100 items"),
    ({"type": "alarm", "properties": {"alarms": [ARN, "ona-detect-error-rate-dev"]}},
     {"type": "alarm", "properties": {"alarms": [ARN, ARN]}},
     "/widgets/0/properties/alarms/1", "Should be the ARN of an alarm"),
]  # fmt: skip


def refusal(*widgets: Any) -> Any:
    return dashboard({"DashboardName": "ona-dev", "DashboardBody": json.dumps({"widgets": list(widgets)})})


@pytest.mark.parametrize(("bad", "good", "path", "words"), CASES)
def test_a_body_is_refused_with_its_path_and_one_that_looks_alike_is_taken(
    bad: Any, good: Any, path: str, words: str
) -> None:
    assert refusal(good) is None
    refused = refusal(bad)
    assert refused.code == "InvalidParameterInput"
    head, _, listed = refused.message.partition("\n")
    assert head == "The dashboard body is invalid, there are 1 validation errors:"
    assert json.loads(listed) == [{"dataPath": path, "message": words}]


def test_every_error_of_a_body_is_named() -> None:
    refused = refusal(text(x=24), text(), text(y=-1, width=0))
    assert [item["dataPath"] for item in json.loads(refused.message.partition("\n")[2])] == [
        "/widgets/0/x", "/widgets/2/y", "/widgets/2/width",
    ]  # fmt: skip


def test_a_dashboard_takes_500_widgets_and_no_more() -> None:
    assert refusal(*[text()] * 500) is None
    assert "Should NOT have more than 500 items" in refusal(*[text()] * 501).message


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "", None])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    refused = dashboard({"DashboardBody": body})
    assert refused.message == "The field DashboardBody must be a valid JSON object"
    assert dashboard({"DashboardBody": '{"widgets": []}'}) is None
    assert "required property 'widgets'" in dashboard({"DashboardBody": "{}"}).message  # type: ignore[union-attr]


def test_a_name_has_letters_digits_hyphens_and_underlines() -> None:
    body = '{"widgets": []}'
    for good in ("ona-overview-dev", "A_1", "a" * 255):
        assert dashboard({"DashboardName": good, "DashboardBody": body}) is None
    for bad in ("ona overview", "ona/overview", "ü", "a" * 256):
        assert dashboard({"DashboardName": bad, "DashboardBody": body}) is not None
    assert dashboard({"DashboardName": {"Fn::Sub": "x"}, "DashboardBody": body}) is None
