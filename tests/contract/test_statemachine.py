"""The state machine against the code, the template and the events: names that must agree do."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

import ona.runtime.errors
from forecasting import payloads as forecast_payloads
from local.hooks import definitions
from ona.config import services
from ona.runtime.errors import InvalidInput, RetryableError
from ooda import payloads
from tests.conftest import ROOT

TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
MACHINES = sorted((ROOT / "statemachines").glob("*/*.asl.yaml"))
OURS = dict(inspect.getmembers(ona.runtime.errors, inspect.isclass))
AWS = re.compile(r"^(States|Lambda|Sandbox|Runtime|DynamoDB|SQS|SNS|S3|EventBridge|ECS)\.[A-Za-z]+$")
TASKS_WITHOUT_RETRY: set[str] = set()


def states(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield from (node.get("States") or {}).items()
        for value in node.values():
            yield from states(value)
    elif isinstance(node, list):
        for value in node:
            yield from states(value)


def load(path: Any) -> Any:
    return yaml.safe_load(path.read_text())


ALL = [(path.name, name, state) for path in MACHINES for name, state in states(load(path))]
TASKS = [item for item in ALL if item[2]["Type"] == "Task"]


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_the_definition_is_sound(path: Any) -> None:
    assert definitions.problems(path.read_text()) == []
    names = [name for name, _ in states(load(path))]
    assert len(names) == len(set(names)), "a state's name stands twice"


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=[f"{f}:{n}" for f, n, _ in TASKS])
def test_every_task_has_a_timeout_named_retries_and_a_catch(file: str, name: str, state: Any) -> None:
    assert state.get("TimeoutSeconds", 0) > 0
    assert state.get("Retry"), "no Retry"
    assert state.get("Catch"), "no Catch"
    for retry in state["Retry"]:
        assert retry["MaxAttempts"] >= 1
        assert retry["MaxDelaySeconds"] >= retry["IntervalSeconds"]
        assert retry["JitterStrategy"] == "FULL"
        assert "States.ALL" not in retry["ErrorEquals"], "retry by name, not everything"
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


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


LETTERS = {
    "ooda": 3,
    "forecast_upload": 2,
    "forecast_training": 1,
    "forecast_schedule": 2,
    "fleet_history": 2,
}


@pytest.mark.parametrize("name", LETTERS)
def test_every_failure_ends_in_the_dead_letter_queue_with_its_input(name: str) -> None:
    machine = load(next(path for path in MACHINES if path.name == f"{name}.asl.yaml"))
    letters = [
        state["Arguments"]["MessageBody"]
        for _, state in states(machine)
        if str(state.get("Resource", "")).endswith("sqs:sendMessage")
    ]
    assert len(letters) == LETTERS[name]
    for letter in letters:
        assert {"kind", "state", "error", "cause", "execution", "state_machine", "at", "input"} <= set(
            letter
        )
        assert letter["input"] in ("{% $event %}", "{% $states.input.event %}")


def test_every_caught_failure_reaches_a_dead_letter_or_fails_its_map() -> None:
    """What a Catch of everything leads to: a dead letter, a Fail that the map's own Catch takes, or, where
    work may go on without the step, a state named here with its reason."""
    goes_on = {
        "Fill": "an upload without weather is filled by other means",
        "NotRenewed": "telemetry and model are safe",
    }
    for file, name, state in TASKS:
        for rule in state["Catch"]:
            target = next(s for f, n, s in ALL if f == file and n == rule["Next"])
            to_letter = str(target.get("Resource", "")).endswith("sqs:sendMessage")
            quarantines = rule["Next"] in ("CopyToQuarantine", "RecordQuarantined")
            assert to_letter or quarantines or target["Type"] == "Fail" or rule["Next"] in goes_on, name


def test_substitutions_and_template_agree() -> None:
    resources = {
        name: item["Properties"]
        for name, item in TEMPLATE["Resources"].items()
        if item["Type"] == "AWS::Serverless::StateMachine"
    }
    for properties in resources.values():
        text = (ROOT / properties["DefinitionUri"]).read_text()
        used = set(re.findall(r"\$\{(\w+)\}", text))
        assert used == set(properties["DefinitionSubstitutions"])


def functions() -> dict[str, dict[str, Any]]:
    return {
        name: item["Properties"]
        for name, item in TEMPLATE["Resources"].items()
        if item["Type"] == "AWS::Serverless::Function"
    }


def test_services_yaml_and_template_agree() -> None:
    deployed = {
        properties["Handler"].split(".")[1]: (properties["MemorySize"], properties["Timeout"])
        for properties in functions().values()
    }
    wanted = {name: (limits.memory, limits.timeout) for name, limits in services.service_limits().items()}
    assert deployed == wanted


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


def statements(policies: Any) -> Iterator[dict[str, Any]]:
    for policy in policies:
        yield from policy.get("PolicyDocument", policy)["Statement"]


def test_a_star_resource_stands_only_where_aws_has_no_other() -> None:
    allowed = {"DeliverLogs"}
    for item in TEMPLATE["Resources"].values():
        for statement in statements(item.get("Properties", {}).get("Policies", [])):
            if "Fn::If" in statement:
                statement = statement["Fn::If"][1]
            if statement["Resource"] == "*":
                assert statement["Sid"] in allowed
            actions = statement["Action"]
            assert not any("*" in action for action in ([actions] if isinstance(actions, str) else actions))


def test_every_queue_has_a_policy_and_an_alarm_on_its_depth() -> None:
    queues = {n for n, item in TEMPLATE["Resources"].items() if item["Type"] == "AWS::SQS::Queue"}
    policed, watched = set(), set()
    for item in TEMPLATE["Resources"].values():
        if item["Type"] == "AWS::SQS::QueuePolicy":
            policed |= {queue["Ref"] for queue in item["Properties"]["Queues"]}
        if item["Type"] == "AWS::CloudWatch::Alarm" and item["Properties"]["Namespace"] == "AWS/SQS":
            watched.add(item["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
    assert queues == policed == watched


def test_buckets_are_private_encrypted_versioned_and_kept() -> None:
    for item in TEMPLATE["Resources"].values():
        if item["Type"] != "AWS::S3::Bucket":
            continue
        assert item["DeletionPolicy"] == item["UpdateReplacePolicy"] == "Retain"
        assert item["Properties"]["VersioningConfiguration"]["Status"] == "Enabled"
        assert all(item["Properties"]["PublicAccessBlockConfiguration"].values())
        assert item["Properties"]["BucketEncryption"]


def test_every_function_has_its_own_log_group_and_dead_letter_queue() -> None:
    groups = {n for n, item in TEMPLATE["Resources"].items() if item["Type"] == "AWS::Logs::LogGroup"}
    used = {properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions().values()}
    assert len(used) == len(functions())
    assert used <= groups
    for properties in functions().values():
        assert properties["DeadLetterQueue"]["TargetArn"]["Fn::GetAtt"][0] == "FunctionDeadLetterQueue"


def layered(layer: str) -> set[str]:
    return {n for n, p in functions().items() if {"Ref": layer} in p.get("Layers", [])}


def test_heavy_layers_stand_only_where_they_are_used() -> None:
    boosting = {"InterpolationServiceFunction", "GlobalTrainingServiceFunction", "ForecastingApiFunction"}
    assert layered("BoostingLayer") == boosting
    assert layered("PlanningLayer") == {"ScheduleFunction"}
    assert layered("AnalyticsLayer") == {"DetectFunction", "DataIngestionFunction", *boosting}


SAMPLES = {
    "forecasting/data_ingestion.json": forecast_payloads.IngestRequest,
    "forecasting/weather_cache.json": forecast_payloads.WeatherRequest,
    "forecasting/interpolation_service.json": forecast_payloads.FillRequest,
    "forecasting/global_training_service.json": forecast_payloads.PrepareRequest,
    "ooda/detect.json": payloads.DetectRequest,
    "ooda/diagnose.json": payloads.DiagnoseRequest,
    "ooda/schedule.json": payloads.ScheduleRequest,
    "ooda/order.json": payloads.OrderRequest,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_events_are_what_the_functions_take(name: str) -> None:
    SAMPLES[name].read(json.loads((ROOT / "events" / name).read_text()))


def test_every_function_and_workflow_has_a_sample_event() -> None:
    handlers = {p["Handler"].split(".")[1] for p in functions().values()}
    machines = {path.name.split(".")[0] for path in MACHINES}
    assert {path.stem for path in (ROOT / "events").glob("*/*.json")} == handlers | machines


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
    properties = TEMPLATE["Resources"][machine]["Properties"]["Events"][rule]["Properties"]
    pattern = properties["Pattern"]
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    wildcards = [rule["wildcard"] for rule in pattern["detail"]["object"]["key"]]
    key = event["detail"]["object"]["key"]
    assert any(re.fullmatch(re.escape(w).replace(r"\*", ".*"), key) for w in wildcards)
    assert properties["DeadLetterConfig"]


def test_the_schedules_send_what_their_machine_takes() -> None:
    events = TEMPLATE["Resources"]["ForecastScheduleStateMachine"]["Properties"]["Events"]
    assert [json.loads(e["Properties"]["Input"]) for e in events.values()] == [
        {"task": "forecast"},
        {"task": "accuracy"},
    ]


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
        for item in TEMPLATE["Resources"].values()
        if item["Type"] == "AWS::Serverless::StateMachine"
        for event in item["Properties"].get("Events", {}).values()
        if event["Type"] == "EventBridgeRule"
    ]
    for key, expected in keys.items():
        hits = sum(
            any(re.fullmatch(re.escape(w).replace(r"\*", ".*"), key) for w in group) for group in wildcards
        )
        assert hits == expected, key


@pytest.mark.parametrize(
    ("result", "field", "request_type", "into"),
    [
        (payloads.DetectResult, "detection", payloads.DiagnoseRequest, "detection"),
        (payloads.DiagnoseResult, "diagnostics", payloads.ScheduleRequest, "diagnostics"),
        (payloads.ScheduleResult, "jobs", payloads.OrderRequest, "job"),
        (forecast_payloads.IngestResult, "sites", forecast_payloads.WeatherRequest, "upload"),
        (forecast_payloads.IngestResult, "sites", forecast_payloads.FillRequest, "upload"),
        (forecast_payloads.IngestResult, "kind", forecast_payloads.FillRequest, "kind"),
        (forecast_payloads.FillResult, "training", forecast_payloads.PrepareRequest, "source"),
        (forecast_payloads.PrepareResult, "folds", forecast_payloads.FoldRequest, "fold"),
    ],
)
def test_what_a_step_returns_is_what_the_next_one_takes(
    result: Any, field: str, request_type: Any, into: str
) -> None:
    given = result.model_fields[field].annotation
    taken = request_type.model_fields[into].annotation
    assert given in (taken, list[taken], tuple[taken, ...], taken | None)
