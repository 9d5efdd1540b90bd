"""One correlation id through every workflow: the deployed definitions, read as JSON, pass it on everywhere.

Nothing here comes from `ops/asl_correlation.py`, which puts it in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.hooks import definitions
from ops import asl
from tests.fakes.walker import Walk, after
from tests.paths import ROOT

EXPANDED = sorted((ROOT / "statemachines/expanded").glob("*/*.asl.json"))


def tasks(machine: dict[str, Any], *, child: bool = False) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each Task by name, and whether it runs in an execution that a Map has started."""
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state, child
        if state["Type"] == "Map":
            inner = state["ItemProcessor"]
            apart = inner["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
            if apart:
                assert state["ItemSelector"]["correlation_id"] == "{% $correlation_id %}", name
            yield from tasks(inner, child=child or apart)


def has_it(value: Any, child: bool) -> bool:
    """Whether an object, or the text that makes one, gets the id where it can be read."""
    where = "$states.context.Execution.Input.correlation_id" if child else "$correlation_id"
    if isinstance(value, dict):
        own = "{% $result.publish.detail.correlation_id %}"  # an alert's: that of what it tells of
        return value.get("correlation_id") in ("{% " + where + " %}", own)
    return str(value).startswith(f"{{% $merge([{{'correlation_id': {where}}}, ")


@pytest.mark.parametrize("path", EXPANDED, ids=lambda path: path.name.split(".")[0])
def test_each_function_event_and_message_gets_it(path: Path) -> None:
    machine = json.loads(path.read_text())
    assert "correlation_id" in machine["States"][machine["StartAt"]]["Assign"]
    found = 0
    for name, state, child in tasks(machine):
        resource, arguments = state["Resource"], state["Arguments"]
        if "lambda:invoke" in resource:
            found += 1
            assert has_it(arguments["Payload"], child), name
        if "events:putEvents" in resource:
            found += 1
            assert all(has_it(entry["Detail"], child) for entry in arguments["Entries"]), name
        if resource.endswith("dynamodb:putItem") and arguments["TableName"] == "${OutboxTable}":
            found += 1
            assert arguments["Item"]["correlation_id"] == {"S": "{% $correlation_id %}"}, name
    assert found or path.name.startswith("forecast_training_container"), "it does nothing to be followed"


def test_other_peoples_tables_are_left_alone() -> None:
    """A distractor: the table of accepted uploads has the items that its readers know."""
    upload = json.loads(
        next(path for path in EXPANDED if path.name.startswith("forecast_upload")).read_text()
    )
    others = [
        state["Arguments"]["Item"]
        for _, state, _ in tasks(upload)
        if state["Resource"].endswith("dynamodb:putItem")
        and state["Arguments"]["TableName"] != "${OutboxTable}"
    ]
    assert others
    assert not any("correlation_id" in item for item in others)


NAME = {"Execution": {"Name": "by-hand", "Id": "arn:x"}, "StateMachine": {"Id": "arn:m"}}


@pytest.mark.parametrize(
    ("event", "own"),
    [
        ({"id": "of-the-bus", "detail": {"object": {}}}, "of-the-bus"),
        ({"id": "of-the-bus", "detail": {"id": "ours", "correlation_id": "passed-on"}}, "passed-on"),
        ({"task": "forecast"}, "by-hand"),
        ({"id": {"no": "text"}, "detail": [1]}, "by-hand"),
        ("no object", "by-hand"),
        ([{"id": "one"}, {"id": "two"}], "by-hand"),
        (None, "by-hand"),
    ],
)
def test_whose_id_a_workflow_takes(event: Any, own: str) -> None:
    """The first state, evaluated; no event of any shape makes it fail."""
    for source in asl.sources():
        machine = asl.expanded(source)
        first = machine["States"][machine["StartAt"]]
        alone = {
            "QueryLanguage": "JSONata",
            "StartAt": "First",
            "States": {
                "First": {
                    "Type": "Pass",
                    "Assign": {"id": first["Assign"]["correlation_id"]},
                    "Next": "Tell",
                },
                "Tell": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
                    "Arguments": {"Bucket": "b", "Key": "k", "Body": "{% $id %}"},
                    "End": True,
                },
            },
        }
        assert definitions.problems(json.dumps(alone)) == []
        told: list[Any] = []

        def effect(_resource: str, arguments: dict[str, Any], told: list[Any] = told) -> dict[str, Any]:
            told.append(arguments["Body"])
            return {}

        Walk(alone, NAME, effect, after(-1)).run(event)
        assert told == [own], source.name


def test_a_workflow_that_begins_with_work_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (tmp_path / "retries.yaml").write_text("Retries: {}\n")
    (folder / "hasty.asl.yaml").write_text(
        "StartAt: Work\nStates:\n  Work: {Type: Task, Resource: arn, Arguments: {}, End: true}\n"
    )
    with pytest.raises(ValueError, match="Work must be a Pass"):
        asl.expanded(folder / "hasty.asl.yaml")
