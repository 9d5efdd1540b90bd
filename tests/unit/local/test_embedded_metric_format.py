"""Lines of a log as metrics, by the specification in Amazon CloudWatch's user guide.

The documents here are written by hand from that page; nothing of the platform makes them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.hooks.emf import NotEmbedded, values

AT_MS = 1_574_109_732_004
EXAMPLE: dict[str, Any] = {
    "_aws": {
        "Timestamp": AT_MS,
        "CloudWatchMetrics": [
            {
                "Namespace": "lambda-function-metrics",
                "Dimensions": [["functionVersion"]],
                "Metrics": [{"Name": "time", "Unit": "Milliseconds"}],
            }
        ],
    },
    "functionVersion": "$LATEST",
    "time": 100,
    "requestId": "989ffbf8-9ace-4817-a57c-e4dd734019ee",
}
"""The page's own example."""


def line(**changes: Any) -> str:
    """The example with other members of its one directive, or (`root`) of its root."""
    root = {**EXAMPLE, **changes.pop("root", {})}
    directive = {**EXAMPLE["_aws"]["CloudWatchMetrics"][0], **changes}
    return json.dumps({**root, "_aws": {"Timestamp": AT_MS, "CloudWatchMetrics": [directive]}})


def test_the_example_of_the_specification() -> None:
    (only,) = values(json.dumps(EXAMPLE))
    assert (only.namespace, only.name, only.value, only.unit) == (
        "lambda-function-metrics",
        "time",
        100.0,
        "Milliseconds",
    )
    assert only.dimensions == (("functionVersion", "$LATEST"),)
    assert only.at == AT_MS / 1000


def test_an_array_is_many_values_and_each_set_of_dimensions_a_metric_of_its_own() -> None:
    found = values(line(Dimensions=[[], ["functionVersion"]], root={"time": [1, 2.5]}))
    assert sorted((one.dimensions, one.value) for one in found) == [
        ((), 1.0),
        ((), 2.5),
        ((("functionVersion", "$LATEST"),), 1.0),
        ((("functionVersion", "$LATEST"),), 2.5),
    ]


def test_two_directives_of_one_line_go_to_two_namespaces() -> None:
    first = EXAMPLE["_aws"]["CloudWatchMetrics"][0]
    about = {"Timestamp": AT_MS, "CloudWatchMetrics": [first, {**first, "Namespace": "Other"}]}
    found = values(json.dumps({**EXAMPLE, "_aws": about}))
    assert [one.namespace for one in found] == ["lambda-function-metrics", "Other"]


def test_a_metric_without_unit_has_none() -> None:
    assert [one.unit for one in values(line(Metrics=[{"Name": "time"}]))] == ["None"]


def test_the_greatest_document_that_is_taken() -> None:
    names = [f"m{n}" for n in range(100)]
    keys = [f"d{n}" for n in range(30)]
    root = {**{name: list(range(100)) for name in names}, **dict.fromkeys(keys, "v")}
    found = values(line(Metrics=[{"Name": name} for name in names], Dimensions=[keys], root=root))
    assert len(found) == 100 * 100


@pytest.mark.parametrize(
    "changes",
    [
        {"Metrics": [{"Name": "time"}] * 101},
        {"Dimensions": [[f"d{n}" for n in range(31)]], "root": {f"d{n}": "v" for n in range(31)}},
        {"root": {"time": [1] * 101}},
        {"root": {"time": "100"}},
        {"root": {"time": True}},
        {"root": {"time": [1, None]}},
        {"root": {"time": {"value": 1}}},
        {"Metrics": [{"Name": "absent"}]},
        {"Metrics": [{"Unit": "Count"}]},
        {"Metrics": [{"Name": "time", "Unit": "Miles"}]},
        {"Dimensions": [["absent"]]},
        {"Dimensions": [["time"]]},
        {"Dimensions": ["functionVersion"]},
        {"Dimensions": []},
        {"Namespace": ""},
        {"Namespace": 7},
    ],
    ids=str,
)
def test_what_the_specification_does_not_allow_is_refused_as_a_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEmbedded):
        values(line(**changes))


def test_a_document_without_its_time_is_refused() -> None:
    with pytest.raises(NotEmbedded, match="Timestamp"):
        values(json.dumps({**EXAMPLE, "_aws": {**EXAMPLE["_aws"], "Timestamp": "now"}}))


@pytest.mark.parametrize(
    "text",
    [
        "START RequestId: 1 Version: 7",
        json.dumps({"level": "INFO", "message": "asset judged", "time": 100}),
        json.dumps({"level": "INFO", "message": json.dumps(EXAMPLE)}),
        json.dumps({"detail": EXAMPLE}),
        json.dumps([EXAMPLE]),
        json.dumps({"_aws": "CloudWatchMetrics"}),
        json.dumps({"_aws": {"Timestamp": AT_MS}}),
        json.dumps(EXAMPLE) + " and more",
        json.dumps(EXAMPLE)[:-1],
    ],
)
def test_a_line_that_only_speaks_of_metrics_has_none(text: str) -> None:
    assert values(text) == []
