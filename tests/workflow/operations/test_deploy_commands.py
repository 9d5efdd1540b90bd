"""`ona deploy validate|history|rollback|prune`, on the embedded cloud."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.cli import releases
from ops.deployment import validate, versions, workflows
from ops.target import OpsError
from tests.fakes.lab import ROLE, Lab, unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


@pytest.fixture
def lab(platform: Platform) -> Lab:
    return Lab(platform)


def asks(lab: Lab) -> Callable[[str], Any]:
    return lab.platform.target.client


def everything(platform: Platform) -> dict[str, Any]:
    """How much lies in buckets, tables and queues, and how many executions and orders there are."""
    client, outputs = platform.target.client, platform.target.outputs
    found: dict[str, Any] = {}
    for bucket in (platform.target.input_bucket, platform.target.output_bucket):
        listed = client("s3").list_object_versions(Bucket=bucket)
        found[bucket] = len(listed.get("Versions", [])) + len(listed.get("DeleteMarkers", []))
    for name, value in outputs.items():
        if name.endswith("TableName"):
            found[value] = sorted(map(str, client("dynamodb").scan(TableName=value)["Items"]))
        elif name.endswith("QueueUrl"):
            told = client("sqs").get_queue_attributes(QueueUrl=value, AttributeNames=["All"])["Attributes"]
            found[value] = (
                told["ApproximateNumberOfMessages"],
                told["ApproximateNumberOfMessagesNotVisible"],
            )
    found["executions"] = {
        name: len(platform.states.list_executions(stateMachineArn=arn)["executions"])
        for name, arn in platform.target.machines.items()
    }
    return found


def test_validate_tries_everything_and_leaves_no_trace(platform: Platform) -> None:
    before = everything(platform)
    found = list(validate.findings(platform.target))
    assert [item for item in found if item.state == "wrong"] == []
    tried = {item.about: item.text for item in found if item.state == "ok"}
    for api in ("accountApi", "operationsApi"):
        assert tried[api].endswith(": answered"), "refused at the door, an API's work is not tried"
    assert {"detect", "order", "deliver", "forecastingApi", "ooda", "fleet-history", "API"} <= tried.keys()
    assert everything(platform) == before


@pytest.fixture
def broken(platform: Platform) -> Iterator[str]:
    """Diagnose's alias names a version that cannot start; its neighbours are sound."""
    client, name = platform.target.client("lambda"), platform.target.function("diagnose")
    live = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    right = client.get_function_configuration(FunctionName=name)["Handler"]
    client.update_function_configuration(FunctionName=name, Handler="nowhere.lambda_handler")
    made = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=made)
    yield made
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=live)
    client.update_function_configuration(FunctionName=name, Handler=right)


def test_validate_names_the_one_that_does_not_start(
    platform: Platform, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [item for item in validate.findings(platform.target) if item.state == "wrong"]
    assert [item.about for item in wrong] == ["diagnose", "ooda"], "the function, and the workflow of it"
    assert f"version {broken}" in wrong[0].text
    assert "Diagnose" in wrong[1].text
    monkeypatch.setattr(releases, "resolve", lambda *_: platform.target)
    done = CliRunner().invoke(cli.app, ["deploy", "history", "--all"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert f"diagnose                     live {broken}" in done.output


def changed(platform: Platform, old: str, new: str) -> Callable[[], None]:
    """Put other text into the loop's live definition; returns what puts it back."""
    machine = platform.target.machine
    definition = platform.states.describe_state_machine(stateMachineArn=machine)["definition"]
    assert old in definition
    return platform.redefine("ooda", definition.replace(old, new))


def wrong_of_workflows(platform: Platform) -> list[tuple[str, str]]:
    client, environment = platform.target.client, platform.target.outputs["Environment"]
    found = [
        workflows.finding(client, item, lambda _: None)
        for item in versions.published(client, environment)
        if item.kind == "workflow"
    ]
    assert len(found) >= len(platform.target.machines)
    return [(item.about, item.text) for item in found if item.state != "ok"]


def test_a_workflow_with_a_gap_or_without_a_right_is_named_and_no_other(platform: Platform) -> None:
    before = everything(platform)
    assert wrong_of_workflows(platform) == []
    back = changed(platform, "-dev-output-000000000000", "-dev-output-000000000000${Suffix}")
    try:
        [(about, text)] = wrong_of_workflows(platform)
    finally:
        back()
    assert (about, "nothing was put in for ${Suffix}" in text) == ("ooda", True)
    iam = platform.target.client("iam")
    live = platform.states.describe_state_machine(stateMachineArn=platform.target.machine)
    role = live["roleArn"].rpartition("/")[2]
    kept = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]}  # fmt: skip
    for lost, state in (("lambda:InvokeFunction", "Detect"), ("dynamodb:PutItem", "LogAlert")):
        for name, document in kept.items():
            text = json.dumps(document).replace(lost, "sqs:ListQueues")
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
        try:
            [(about, text)] = wrong_of_workflows(platform)
        finally:
            for name, document in kept.items():
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        assert (about, lost.partition(":")[2] in text) == ("ooda", True), text
        assert f"state {state}" in text, text
    assert wrong_of_workflows(platform) == []
    assert everything(platform) == before


# ------------------------------------------------------------------ throw-away functions


def make(lab: Lab, name: str, *releases: str) -> None:
    """A function with a version for each release, the last of them live."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return context.function_version\n")
    given = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE}
    lab.functions.create_function(FunctionName=name, Code={"ZipFile": buffer.getvalue()}, **given)
    for release in releases:
        variables = {"Variables": {"ONA_RELEASE": release}}
        lab.functions.update_function_configuration(
            FunctionName=name, Environment=variables, Description=unique("d")
        )
        made = lab.functions.publish_version(FunctionName=name)["Version"]
    lab.functions.create_alias(FunctionName=name, Name="live", FunctionVersion=made)


def answers(lab: Lab, name: str) -> str:
    answer = lab.functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
    return str(json.loads(answer["Payload"].read()))


@pytest.fixture
def env() -> str:
    return unique("lab").replace("-", "")


def test_all_go_back_to_the_release_before_and_a_stranger_stays(lab: Lab, env: str) -> None:
    make(lab, f"ona-one-{env}", "aaa", "bbb", "bbb")
    make(lab, f"ona-two-{env}", "aaa", "bbb")
    make(lab, f"ona-new-{env}", "bbb")
    make(lab, f"ona-one-{env}x", "aaa", "bbb")  # of another environment
    steps = versions.way_back(versions.published(asks(lab), env), "all")
    assert {step.thing.short: step.to for step in steps} == {"one": 1, "two": 1, "new": None}
    for step in steps:
        versions.take(asks(lab), step)
    assert [answers(lab, f"ona-{name}-{env}") for name in ("one", "two", "new")] == ["1", "1", "1"]
    assert answers(lab, f"ona-one-{env}x") == "2"
    forth = versions.way_back(versions.published(asks(lab), env), "one", "bbb")
    assert [(step.thing.short, step.to) for step in forth] == [("one", 3)]


def test_a_canary_ends_with_a_roll_back(lab: Lab, env: str) -> None:
    name = f"ona-one-{env}"
    make(lab, name, "aaa", "bbb", "ccc")
    weights = {"AdditionalVersionWeights": {"3": 0.9}}
    lab.functions.update_alias(FunctionName=name, Name="live", FunctionVersion="2", RoutingConfig=weights)
    [step] = versions.way_back(versions.published(asks(lab), env), "one")
    assert (step.to, "90%" in step.why) == (2, True)
    versions.take(asks(lab), step)
    assert {answers(lab, name) for _ in range(10)} == {"2"}


def test_a_wrong_name_or_release_is_refused(lab: Lab, env: str) -> None:
    make(lab, f"ona-one-{env}", "aaa")
    things = versions.published(asks(lab), env)
    with pytest.raises(OpsError, match="no function or workflow tow; there are one"):
        versions.way_back(things, "tow")
    with pytest.raises(OpsError, match="no version is of release zzz"):
        versions.way_back(things, "all", "zzz")
    with pytest.raises(OpsError, match="deploy first"):
        versions.published(asks(lab), "nowhere")


def test_pruning_keeps_the_newest_and_what_the_alias_names(lab: Lab, env: str) -> None:
    name = f"ona-one-{env}"
    make(lab, name, *"abcdefgh")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    lab.functions.update_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig=weights)
    [thing] = versions.published(asks(lab), env)
    found = versions.surplus(thing, 5)
    assert [version.number for version in found] == [3]
    for version in found:
        versions.remove(asks(lab), thing, version)
    [thing] = versions.published(asks(lab), env)
    assert [version.number for version in thing.versions] == [8, 7, 6, 5, 4, 2, 1]
    with pytest.raises(lab.functions.exceptions.ResourceConflictException):
        versions.remove(asks(lab), thing, thing.versions[-1])


def test_a_workflow_goes_back_and_is_pruned(lab: Lab, env: str) -> None:
    name, says = f"ona-flow-{env}", {"QueryLanguage": "JSONata", "StartAt": "S"}

    def definition(word: str) -> str:
        return json.dumps({**says, "States": {"S": {"Type": "Pass", "Output": word, "End": True}}})

    arn = lab.states.create_state_machine(name=name, definition=definition("0"), roleArn=ROLE)[
        "stateMachineArn"
    ]
    for word in "123":
        lab.states.update_state_machine(stateMachineArn=arn, definition=definition(word))
        made = lab.states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    route = [{"stateMachineVersionArn": made, "weight": 100}]
    lab.states.create_state_machine_alias(name="live", routingConfiguration=route)
    [step] = versions.way_back(versions.published(asks(lab), env), "flow")
    assert (step.thing.kind, step.to) == ("workflow", 2)
    versions.take(asks(lab), step)
    run = lab.states.start_execution(stateMachineArn=f"{arn}:live")["executionArn"]
    assert json.loads(lab.platform.wait(run, 60)["output"]) == "2"
    [thing] = versions.published(asks(lab), env)
    assert [version.number for version in versions.surplus(thing, 1)] == [1]
