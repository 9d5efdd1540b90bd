"""`ona ops health` on the deployed template: what is damaged is named, and the exit code follows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from operations.reading import doors, flow, services
from operations.reading.finding import Finding
from operations.reading.inventory import Inventory
from ops import cli
from ops.cli import routines
from tests.builders.deployed import of_type
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]


@pytest.fixture
def ask(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[int, set[Any]]]:
    """The exit code, and everything that is not well."""
    monkeypatch.setattr(routines, "resolve", lambda *_: platform.target)

    def run() -> tuple[int, set[Any]]:
        result = CliRunner().invoke(cli.app, ["ops", "health", "--json"])
        report = json.loads(result.stdout)
        found = {(f["state"], f["check"], f["about"]) for f in report["findings"] if f["state"] != "ok"}
        return result.exit_code, found

    return run


@contextmanager
def damaged(platform: Platform) -> Iterator[None]:
    """A function that lets no call in, a rule that is off, a letter, and an alarm that is on."""
    client = platform.target.client
    detect, rule = platform.target.function("detect"), event_rule(platform)
    alarm = {"AlarmName": "ona-api-5xx-dev", "StateReason": "a test"}
    client("lambda").put_function_concurrency(FunctionName=detect, ReservedConcurrentExecutions=0)
    client("events").disable_rule(Name=rule)
    client("sqs").send_message(QueueUrl=platform.target.outputs["DeadLetterQueueUrl"], MessageBody="{}")
    client("cloudwatch").set_alarm_state(StateValue="ALARM", **alarm)
    try:
        yield
    finally:
        client("lambda").delete_function_concurrency(FunctionName=detect)
        client("events").enable_rule(Name=rule)
        client("sqs").purge_queue(QueueUrl=platform.target.outputs["DeadLetterQueueUrl"])
        client("cloudwatch").set_alarm_state(StateValue="OK", **alarm)


def event_rule(platform: Platform) -> str:
    rules = platform.target.client("events").list_rules(NamePrefix="ona-platform-dev-ooda-")["Rules"]
    return next(str(rule["Name"]) for rule in rules if not rule.get("ScheduleExpression"))


def test_damage_is_named_and_goes_when_it_is_mended(
    platform: Platform, ask: Callable[[], tuple[int, set[Any]]]
) -> None:
    usual, before = ask()  # tests stop the timers, and the rules of alerts: they are off, and told
    assert {check for _, check, _ in before} == {"rules", "freshness"}
    with damaged(platform):
        code, found = ask()
    assert found - before == {
        ("critical", "functions", "ona-detect-dev"),
        ("critical", "rules", event_rule(platform)),
        ("warning", "queues", "ona-ooda-dead-letters-dev"),
        ("critical", "alarms", "ona-api-unwell-dev"),
    }
    assert code == 2
    assert ask() == (usual, before)


def test_a_site_is_fresh_once_a_file_was_judged(
    platform: Platform, ask: Callable[[], tuple[int, set[Any]]]
) -> None:
    assert ("warning", "freshness", "site") in ask()[1]
    platform.put_and_wait(sunny_day())
    assert "freshness" not in {check for _, check, _ in ask()[1]}


def test_every_kind_of_thing_that_is_deployed_is_looked_at(platform: Platform) -> None:
    """The counts are those of the templates, which the check does not read."""
    report = routines.report_of(platform.target)
    looked = {f.check: [g for g in report.findings if g.check == f.check] for f in report.findings}
    assert len(looked["functions"]) == len(of_type("AWS::Serverless::Function"))
    assert len(looked["workflows"]) >= len(platform.target.machines)
    assert len(looked["buckets"]) == len(of_type("AWS::S3::Bucket"))
    assert len(looked["tables"]) == len(of_type("AWS::DynamoDB::Table"))
    assert len(looked["queues"]) == len(of_type("AWS::SQS::Queue"))
    assert len(looked["apis"]) == len(of_type("AWS::Serverless::Api")) + 1  # and /health


def test_what_is_gone_is_critical_in_the_words_of_this_cloud(platform: Platform) -> None:
    """Nothing is deleted: the stacks are said to hold things that no service knows."""
    account = "arn:aws:states:af-south-1:000000000000:stateMachine"
    queue = platform.target.outputs["DeadLetterQueueUrl"].rpartition("/")[0]
    gone = Inventory(
        "ours",
        {},
        {
            "AWS::Lambda::Function": ["ona-gone-dev"],
            "AWS::DynamoDB::Table": ["ona-gone"],
            "AWS::S3::Bucket": ["ona-gone-bucket"],
            "AWS::StepFunctions::StateMachine": [f"{account}:ona-gone-dev"],
            "AWS::SQS::Queue": [f"{queue}/ona-gone"],
            "AWS::Events::Rule": ["ona-gone"],
            "AWS::Scheduler::Schedule": ["ona-gone"],
            "AWS::ApiGateway::RestApi": ["gone123456"],
            "AWS::ApiGateway::DomainName": ["gone.example.com"],
        },
    )
    client, now = platform.target.client, datetime.now(UTC)
    found: list[Finding] = [
        *services.functions(client, gone),
        *services.tables(client, gone),
        *services.buckets(client, gone),
        *services.workflows(client, gone),
        *flow.queues(client, gone, now),
        *flow.rules(client, gone),
        *doors.apis(client, gone, "dev", "http://127.0.0.1:1"),
        *doors.certificates(client, gone, now, "https://gone.example.com"),
    ]
    assert [finding.state for finding in found] == ["critical"] * 10, found
