"""Versions and aliases of state machines: which definition an execution runs, and who may start it.

The rules are those of AWS's guide ("How Step Functions associates executions with a version or alias",
"State machine versions", "Authorization for versions and aliases"), tried through the API alone.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.fakes.lab import Lab, unique

START = "states:StartExecution"


def says(word: str, seconds: int = 0) -> dict[str, Any]:
    """A workflow that waits and then answers a word."""
    end = {"Type": "Pass", "Output": word, "End": True}
    wait = {"Type": "Wait", "Seconds": seconds, "Next": "Say"}
    states = {"Wait": wait, "Say": end} if seconds else {"Say": end}
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def publish(lab: Lab, machine: str, word: str) -> str:
    lab.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(says(word)))
    return str(lab.states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"])


def alias(lab: Lab, *routes: tuple[str, int]) -> str:
    given = [{"stateMachineVersionArn": version, "weight": weight} for version, weight in routes]
    made = lab.states.create_state_machine_alias(name="live", routingConfiguration=given)
    return str(made["stateMachineAliasArn"])


def ended(lab: Lab, arn: str) -> dict[str, Any]:
    return lab.platform.wait(arn, 60)


def test_an_alias_runs_its_version_and_not_the_latest(lab: Lab) -> None:
    machine = lab.machine(says("draft"))
    first = publish(lab, machine, "first")
    live = alias(lab, (first, 100))
    publish(lab, machine, "second")  # nobody shifted to it
    runs = {
        what: ended(lab, lab.states.start_execution(stateMachineArn=arn)["executionArn"])
        for what, arn in (("alias", live), ("version", first), ("base", machine))
    }
    assert {what: json.loads(run["output"]) for what, run in runs.items()} == {
        "alias": "first",
        "version": "first",
        "base": "second",
    }
    assert runs["alias"]["stateMachineArn"] == machine
    assert runs["alias"]["stateMachineAliasArn"] == live
    assert runs["alias"]["stateMachineVersionArn"] == runs["version"]["stateMachineVersionArn"] == first
    assert "stateMachineAliasArn" not in runs["version"]
    assert "stateMachineVersionArn" not in runs["base"]
    assert len(lab.states.list_executions(stateMachineArn=machine)["executions"]) == 3


def test_two_weights_are_both_taken(lab: Lab) -> None:
    machine = lab.machine(says("draft"))
    first, second = publish(lab, machine, "first"), publish(lab, machine, "second")
    live = alias(lab, (first, 70), (second, 30))
    arns = [lab.states.start_execution(stateMachineArn=live)["executionArn"] for _ in range(30)]
    words = [json.loads(ended(lab, arn)["output"]) for arn in arns]
    assert 10 <= words.count("first") <= 29, words  # 21 are expected; 1 draw in 10 000 lies outside
    assert words.count("first") + words.count("second") == 30


def test_who_waits_runs_what_it_was_started_with(lab: Lab) -> None:
    """`Running executions will continue to use the previous definition` (UpdateStateMachine)."""
    machine = lab.machine(says("old", seconds=1))
    crowd = [lab.states.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(12)]
    lab.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(says("new")))
    late = lab.states.start_execution(stateMachineArn=machine)["executionArn"]
    assert [json.loads(ended(lab, arn)["output"]) for arn in crowd] == ["old"] * 12
    assert json.loads(ended(lab, late)["output"]) == "new"


def test_a_version_that_an_alias_names_is_not_deleted(lab: Lab) -> None:
    machine = lab.machine(says("draft"))
    first, second = publish(lab, machine, "first"), publish(lab, machine, "second")
    alias(lab, (second, 100))
    with pytest.raises(lab.states.exceptions.ConflictException):
        lab.states.delete_state_machine_version(stateMachineVersionArn=second)
    lab.states.delete_state_machine_version(stateMachineVersionArn=first)
    left = lab.states.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]
    assert [item["stateMachineVersionArn"] for item in left] == [second]


@pytest.mark.parametrize(
    ("named", "allowed"), [("{machine}", True), ("{machine}:live", False), ("{machine}-other", False)]
)
def test_an_alias_is_started_with_the_right_on_its_workflow(lab: Lab, named: str, allowed: bool) -> None:
    machine = lab.machine(says("draft"))
    live = alias(lab, (publish(lab, machine, "first"), 100))
    resource = named.format(machine=machine)
    role = lab.role([{"Effect": "Allow", "Action": START, "Resource": resource}])
    client = lab.acting_as(role, "stepfunctions")
    if allowed:
        assert client.start_execution(stateMachineArn=live)["executionArn"]
    else:
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.start_execution(stateMachineArn=live)


@pytest.mark.parametrize(("named", "started"), [("{machine}", 1), ("{machine}:live", 0)])
def test_a_rule_starts_an_alias_with_the_right_on_its_workflow(lab: Lab, named: str, started: int) -> None:
    machine = lab.machine(says("draft"))
    live = alias(lab, (publish(lab, machine, "first"), 100))
    statement = {"Effect": "Allow", "Action": START, "Resource": named.format(machine=machine)}
    role = lab.role([statement])
    events, rule = lab.platform.target.client("events"), unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "x", "Arn": live, "RoleArn": role}])
    events.put_events(Entries=[{"Source": rule, "DetailType": "x", "Detail": "{}"}])
    deadline = time.monotonic() + (10 if started else 0.5)
    found: list[Any] = []
    while len(found) < max(started, 1) and time.monotonic() < deadline:
        found = lab.states.list_executions(stateMachineArn=machine)["executions"]
        time.sleep(0.05)
    events.remove_targets(Rule=rule, Ids=["x"])
    events.delete_rule(Name=rule)
    assert len(found) == started
