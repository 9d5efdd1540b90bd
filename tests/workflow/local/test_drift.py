"""What a deployment would change is known without deploying."""

from __future__ import annotations

import json

import pytest

from local import drift
from ops.doctor import Level, Subject, configuration
from ops.target import TEMPLATE
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_what_was_just_deployed_is_current(platform: Platform) -> None:
    assert drift.behind(platform.target.client, TEMPLATE, platform.target.stack) == {}


def test_other_contents_are_named_stack_by_stack(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "digest", lambda _template, parameters: f"other {len(parameters)}")
    found = drift.behind(platform.target.client, TEMPLATE, platform.target.stack)
    assert found is not None
    assert f"{platform.target.stack}-ooda" in found
    assert set(found.values()) == {"differs from this checkout"}


def test_nothing_deployed_is_not_the_same_as_current(platform: Platform) -> None:
    assert drift.behind(platform.target.client, TEMPLATE, "ona-platform-none") is None


def test_the_doctor_reads_the_configuration_that_is_deployed(platform: Platform) -> None:
    [found] = configuration.examine(Subject(None, None, platform.target))
    assert found.level is Level.GOOD, found
    files = len(list((ROOT / "configs").rglob("*.yaml")))
    assert found.what == f"what is deployed can be read, and its files agree: {files} files"


def _function(name: str, role: str) -> dict[str, object]:
    return {
        "FunctionName": name, "Runtime": "python3.13", "Handler": "index.handler",
        "Role": role, "Code": {"ZipFile": "def handler(e, c): ..."},
    }  # fmt: skip


def test_a_rule_that_is_turned_off_has_drifted_where_its_template_has_a_state(platform: Platform) -> None:
    """AWS compares "only resource properties explicitly defined in the stack template"."""
    cloudformation, events = (platform.target.client(one) for one in ("cloudformation", "events"))
    role = platform.target.client("lambda").get_function_configuration(
        FunctionName=platform.target.function("detect")
    )["Role"]
    timer = {"ScheduleExpression": "rate(1 day)", "Targets": []}
    rules = {"Said": {**timer, "State": "ENABLED"}, "Silent": timer, "Well": {**timer, "State": "ENABLED"}}
    body = {
        "Resources": {
            name: {"Type": "AWS::Events::Rule", "Properties": {"Name": f"drift-{name}", **given}}
            for name, given in rules.items()
        }
        | {
            name: {
                "Type": "AWS::Lambda::Function",
                "Properties": {**_function(f"drift-{name}", role), **given},
            }
            for name, given in (
                ("Shut", {"ReservedConcurrentExecutions": 2}),
                ("Same", {"ReservedConcurrentExecutions": "2"}),
                ("Free", {}),
            )
        }
    }
    cloudformation.create_stack(StackName="drift-of-rules", TemplateBody=json.dumps(body))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="drift-of-rules", WaiterConfig={"Delay": 1}
    )
    try:
        for name in ("drift-Said", "drift-Silent"):
            events.disable_rule(Name=name)
        events.put_rule(Name="drift-Silent", ScheduleExpression="rate(1 day)", State="DISABLED")
        with pytest.raises(events.exceptions.ResourceNotFoundException):
            events.disable_rule(Name="drift-Said", EventBusName="drift-no-bus")
        for name in ("drift-Shut", "drift-Free"):
            platform.target.client("lambda").put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=0
            )
        number = cloudformation.detect_stack_drift(StackName="drift-of-rules")["StackDriftDetectionId"]
        status = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=number)
        assert status["StackDriftStatus"] == "DRIFTED"
        found = cloudformation.describe_stack_resource_drifts(StackName="drift-of-rules")
        told = {one["LogicalResourceId"]: one for one in found["StackResourceDrifts"]}
        assert {name: one["StackResourceDriftStatus"] for name, one in told.items()} == {
            "Said": "MODIFIED", "Silent": "IN_SYNC", "Well": "IN_SYNC",
            "Shut": "MODIFIED", "Same": "IN_SYNC", "Free": "IN_SYNC",
        }  # fmt: skip
        [difference] = told["Shut"]["PropertyDifferences"]
        assert (difference["PropertyPath"], difference["ExpectedValue"], difference["ActualValue"]) == (
            "/ReservedConcurrentExecutions", "2", "0",
        )  # fmt: skip
        [difference] = told["Said"]["PropertyDifferences"]
        assert (difference["PropertyPath"], difference["ActualValue"]) == ("/State", "DISABLED")
        trail = platform.target.client("cloudtrail")
        asked = [{"AttributeKey": "EventName", "AttributeValue": "DisableRule"}]
        kept = [
            json.loads(one["CloudTrailEvent"])
            for one in trail.lookup_events(LookupAttributes=asked)["Events"]
        ][:3]
        named = [(one["requestParameters"]["name"], one.get("errorCode")) for one in kept]
        assert named == [
            ("drift-Said", "ResourceNotFoundException"), ("drift-Silent", None), ("drift-Said", None),
        ], "the newest first, a refused one with its error, and no reading is kept"  # fmt: skip
        asked = [{"AttributeKey": "EventName", "AttributeValue": "PutRule"}]
        [put, *_] = trail.lookup_events(LookupAttributes=asked)["Events"]
        given = json.loads(put["CloudTrailEvent"])["requestParameters"]
        assert (given["name"], given["state"]) == ("drift-Silent", "DISABLED")
    finally:
        cloudformation.delete_stack(StackName="drift-of-rules")


def test_a_table_can_be_recovered_where_its_template_says_so(platform: Platform) -> None:
    """Those of the stacks' own files, which this test reads as text; the others cannot."""
    text = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "stacks").glob("*.yaml")))
    said = text.count("PointInTimeRecoveryEnabled: true")
    dynamodb = platform.target.client("dynamodb")
    told = [
        dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        for name in dynamodb.list_tables()["TableNames"]
    ]
    states = [one["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] for one in told]
    assert said > 3
    assert states.count("ENABLED") == said
    assert set(states) == {"ENABLED", "DISABLED"}
