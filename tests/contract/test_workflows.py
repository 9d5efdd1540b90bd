"""The workflows against the code and the stacks: names that must agree do."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest

import ona.runtime.errors
from local.hooks import definitions
from ona.config import services
from ona.runtime.errors import InvalidInput, RetryableError
from ops import target
from tests.builders import deployed
from tests.builders.deployed import ALL_STATES, RESOURCES, TASKS, WORKFLOWS, definition
from tests.paths import ROOT

OURS = dict(inspect.getmembers(ona.runtime.errors, inspect.isclass))
AWS = re.compile(r"^(States|Lambda|Sandbox|Runtime|DynamoDB|SQS|SNS|S3|EventBridge|ECS)\.[A-Za-z]+$")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_definition_is_sound(path: Any) -> None:
    assert definitions.problems(json.dumps(definition(path))) == []
    names = [name for name, _ in deployed.states(definition(path))]
    assert len(names) == len(set(names)), "a state's name stands twice"


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=[f"{f}:{n}" for f, n, _ in TASKS])
def test_every_task_has_a_timeout_named_retries_and_a_catch(file: str, name: str, state: Any) -> None:
    assert state.get("TimeoutSeconds", 0) > 0
    assert state.get("Catch"), "no Catch"
    tries = [retry for retry in state.get("Retry", []) if retry.get("MaxAttempts") != 0]
    assert tries, "no Retry"
    for retry in tries:
        assert retry["MaxAttempts"] >= 1
        assert retry["MaxDelaySeconds"] >= retry["IntervalSeconds"]
        assert retry["JitterStrategy"] == "FULL"
        assert "States.ALL" not in retry["ErrorEquals"], "retry by name, not everything"
        timed_out = "States.Timeout" in retry["ErrorEquals"]
        assert timed_out or "States.TaskFailed" not in retry["ErrorEquals"], "it matches no time-out"
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_what_catches_all_errors_catches_too_much_data_too() -> None:
    """`States.ALL` does not match `States.DataLimitExceeded`: it has a rule of its own."""
    catching = [(name, state["Catch"]) for _, name, state in ALL_STATES if "Catch" in state]
    assert len(catching) > 50
    for name, rules in catching:
        *_, too_much, everything = rules
        assert everything["ErrorEquals"] == ["States.ALL"], name
        assert too_much == {**everything, "ErrorEquals": ["States.DataLimitExceeded"]}, name


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=[f"{f}:{n}" for f, n, _ in TASKS])
def test_error_names_are_classes_or_aws_names(file: str, name: str, state: Any) -> None:
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        for error in rule["ErrorEquals"]:
            assert error in OURS or AWS.match(error), error
    for retry in state.get("Retry", []):
        for error in retry["ErrorEquals"]:
            if error in OURS:
                assert issubclass(OURS[error], RetryableError), f"{error} must not be retried"


def test_every_retryable_error_is_retried_and_no_bad_input_is() -> None:
    retried = {e for _, _, state in TASKS for r in state.get("Retry", []) for e in r["ErrorEquals"]}
    leaves = {n for n, c in OURS.items() if issubclass(c, RetryableError) and c is not RetryableError}
    assert leaves <= retried
    assert not {n for n, c in OURS.items() if issubclass(c, InvalidInput)} & retried


CALLS = [(f, n, s) for f, n, s in TASKS if s["Resource"] == "arn:aws:states:::lambda:invoke"]
TURN_S = 600
"""So long a call waits at least for its turn, s, with the longest waits that its retries have."""


@pytest.mark.parametrize(("file", "name", "state"), CALLS, ids=[f"{f}:{n}" for f, n, _ in CALLS])
def test_a_call_waits_for_its_turn_when_too_many_run(file: str, name: str, state: Any) -> None:
    """A burst uses up what a function, or the account, may run at once: work is late then, and not lost."""
    assert longest(state, "Lambda.TooManyRequestsException") >= TURN_S
    if (
        file == "alerts.asl.yaml"
    ):  # the timer wakes what is due each minute: executions would pile up behind it
        assert 0 < longest(state, "TableThrottled") <= 120
    else:
        assert longest(state, "TableThrottled") >= TURN_S


TABLES = [(f, n, s) for f, n, s in TASKS if ":dynamodb:" in s["Resource"]]


@pytest.mark.parametrize(("file", "name", "state"), TABLES, ids=[f"{f}:{n}" for f, n, _ in TABLES])
def test_a_table_is_waited_for_until_it_has_grown(file: str, name: str, state: Any) -> None:
    """Auto scaling gives it units after two minutes; a condition that fails is no reason to wait."""
    for error in ("ProvisionedThroughputExceededException", "ThrottlingException"):  # the second: on demand
        assert longest(state, f"DynamoDB.{error}") >= TURN_S
    # An SDK without a class for the second says this, and the same of what no wait mends.
    assert 300 <= longest(state, "DynamoDB.AmazonDynamoDBException") < TURN_S
    assert longest(state, "DynamoDB.ConditionalCheckFailedException") == 0


def longest(state: Any, error: str) -> float:
    """Seconds that a state waits at most for an error to pass, by its first rule that names it."""
    rule = next(retry for retry in state["Retry"] if error in retry["ErrorEquals"])
    first, rate = rule.get("IntervalSeconds", 0), rule.get("BackoffRate", 1)
    waits = [first * rate**n for n in range(rule["MaxAttempts"])]
    return float(sum(min(wait, rule.get("MaxDelaySeconds", wait)) for wait in waits))


LETTERS = {
    "ooda": 5,
    "forecast_upload": 2,
    "forecast_training": 1,
    "forecast_schedule": 2,
    "fleet_history": 2,
}


@pytest.mark.parametrize("name", LETTERS)
def test_every_failure_ends_in_the_dead_letter_queue_with_its_input(name: str) -> None:
    machine = definition(next(path for path in WORKFLOWS if path.name == f"{name}.asl.yaml"))
    letters = [
        state["Arguments"]["MessageBody"]
        for _, state in deployed.states(machine)
        if str(state.get("Resource", "")).endswith("sqs:sendMessage")
    ]
    late = "{% $states.input.letter %}"  # a note of a letter, as it could not be written when it was due
    assert letters.count(late) == (name in ("fleet_history", "forecast_schedule"))
    letters = [letter for letter in letters if letter != late]
    assert len(letters) == LETTERS[name]
    for letter in letters:
        assert {"kind", "state", "error", "cause", "execution", "state_machine", "at", "input"} <= set(
            letter
        )
        assert letter["input"] in ("{% $event %}", "{% $states.input.event %}")


@pytest.mark.parametrize("name", ["fleet_history", "forecast_schedule"])
def test_a_note_has_all_that_its_letter_would_have(name: str) -> None:
    machine = definition(next(path for path in WORKFLOWS if path.name == f"{name}.asl.yaml"))
    bodies = [
        state["Arguments"].get("MessageBody") or state["Arguments"].get("Body")
        for label, state in deployed.states(machine)
        if re.fullmatch(r"(SendFileTo|SendSiteTo|Note).*", label)
    ]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


def test_every_caught_failure_reaches_a_dead_letter_or_fails_its_map() -> None:
    """What a Catch of everything leads to: a dead letter, a Fail that the map's own Catch takes, or, where
    work may go on without the step, a state named here with its reason."""
    goes_on = {
        "Fill": "an upload without weather is filled by other means",
        "NotRenewed": "telemetry and model are safe",
        "RecordRepeated": "the upload id brought another version, whose execution answers for it",
        "AnswerFailed": "the workflow that asked fails with it and makes the letter",
        "NoteFileLost": "it fails its file's execution, and with its note the whole one at the end",
        "NoteSiteLost": "as NoteFileLost",
        "PlanRegionSimply": "its own failure makes the letter",
        "DivideAgain": "it is planned anew, five times at most, then it makes the letter",
        "NotAsked": "the site stands in the table as due, and the timer asks",
    }
    for file, name, state in TASKS:
        for rule in state["Catch"]:
            target = next(s for f, n, s in ALL_STATES if f == file and n == rule["Next"])
            to_letter = str(target.get("Resource", "")).endswith("sqs:sendMessage")
            quarantines = rule["Next"] in ("CopyToQuarantine", "RecordQuarantined", "LogAlert")
            assert to_letter or quarantines or target["Type"] == "Fail" or rule["Next"] in goes_on, name


def test_substitutions_and_template_agree() -> None:
    for path, properties in deployed.state_machines():
        used = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
        assert used == set(properties["DefinitionSubstitutions"])


def test_a_state_waits_longer_than_its_function() -> None:
    limits = services.service_limits()
    for _, name, state in TASKS:
        if str(state["Resource"]).endswith("lambda:invoke"):
            wanted = re.search(r"\$\{(\w+)Function(?:Arn)\}", state["Arguments"]["FunctionName"])
            assert wanted is not None
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", wanted[1]).lower()
            service = {"training": "global_training_service"}.get(snake, snake)
            assert state["TimeoutSeconds"] > limits[service].timeout, name


def test_the_loop_keeps_its_budgets() -> None:
    limits = services.service_limits()
    assert limits["detect"].timeout < 300
    assert limits["diagnose"].timeout < 600
    assert limits["schedule"].timeout < 900


@pytest.mark.parametrize(
    ("workflow", "machine", "rule"),
    [
        ("ooda", "OodaStateMachine", "ObservationArrived"),
        ("forecast_upload", "ForecastUploadStateMachine", "UploadArrived"),
        ("forecast_training", "ForecastTrainingStateMachine", "TrainingDataArrived"),
    ],
)
def test_the_workflows_sample_event_matches_its_rule(workflow: str, machine: str, rule: str) -> None:
    event = json.loads(next((ROOT / "events").glob(f"*/{workflow}.json")).read_text())
    properties = RESOURCES[machine]["Properties"]["Events"][rule]["Properties"]
    pattern = properties["Pattern"]
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    wildcards = [rule["wildcard"] for rule in pattern["detail"]["object"]["key"]]
    key = event["detail"]["object"]["key"]
    assert any(re.fullmatch(re.escape(w).replace(r"\*", ".*"), key) for w in wildcards)
    assert properties["DeadLetterConfig"]


def test_timers_send_what_their_workflow_takes() -> None:
    events = RESOURCES["ForecastScheduleStateMachine"]["Properties"]["Events"]
    assert [json.loads(e["Properties"]["Input"]) for e in events.values()] == [
        {"task": "forecast"},
        {"task": "accuracy"},
    ]


def test_accounting_knows_the_rules_keys() -> None:
    """What no rule takes is ignored, not lost: one list in ops, compared with the stacks'."""
    wildcards = [
        rule["wildcard"]
        for item in deployed.of_type("AWS::Serverless::StateMachine").values()
        for event in item["Properties"].get("Events", {}).values()
        if event["Type"] == "EventBridgeRule"
        and "object" in event["Properties"]["Pattern"].get("detail", {})
        for rule in event["Properties"]["Pattern"]["detail"]["object"]["key"]
    ]
    assert sorted(wildcards) == sorted(target.TAKEN)


def test_no_object_starts_two_workflows() -> None:
    """A key under one prefix matches the rule of one machine only."""
    keys = {
        "observations/2025/01/15/a.csv": 1,
        "historical/c/a.csv": 1,
        "nowcast/2025/01/15/a_nowcast.csv": 1,
        "training/c/s/hourly/x.parquet": 1,
        "training/c/s/enriched/x.parquet": 0,
        "forecasts/2025/01/15/a.csv": 0,
        "weather/cache/p_202501.json": 0,
    }
    wildcards = [
        [rule["wildcard"] for rule in event["Properties"]["Pattern"]["detail"]["object"]["key"]]
        for item in deployed.of_type("AWS::Serverless::StateMachine").values()
        for event in item["Properties"].get("Events", {}).values()
        if event["Type"] == "EventBridgeRule"
        and "object" in event["Properties"]["Pattern"].get("detail", {})
    ]
    for key, expected in keys.items():
        hits = sum(
            any(re.fullmatch(re.escape(w).replace(r"\*", ".*"), key) for w in group) for group in wildcards
        )
        assert hits == expected, key
