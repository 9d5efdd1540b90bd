"""One id greps from the event of a file to the last ticket: every function's log, the bus, the outbox,
people, a ticketing system and a webhook. A second file at the same time has its own, and neither has the
other's."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.demo.follow import run_task
from ops.target import LIVE
from tests.builders.telemetry import dead_from
from tests.fakes.lab import unique
from tests.fakes.platform import Platform
from tests.fakes.ticketing import Jira, Receiver, ServiceNow

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

FUNCTIONS = ("detect", "diagnose", "schedule", "order", "deliver")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def systems(platform: Platform, tmp_path: Path) -> Iterator[tuple[Jira, ServiceNow, Receiver]]:
    """Two ticketing systems and a webhook that orders are told to, configured for Order and Deliver."""
    servers = Jira(), ServiceNow(), Receiver()
    folder = tmp_path / "configs"
    shutil.copytree(platform.configs, folder)
    parameter = "/ona-platform/dev/ticketing-test"
    entry = {"secret_parameter": parameter}
    jira = {"name": "desk", "kind": "jira", "service_desk_id": "1", "request_type_id": "10"}
    configured = [
        {**jira, "url": servers[0].url, **entry},
        {"name": "field", "kind": "servicenow", "url": servers[1].url, **entry},
        {"name": "lake", "kind": "webhook", "url": servers[2].url, **entry},
    ]
    (folder / "extensions" / "ticketing.yaml").write_text(yaml.safe_dump({"systems": configured}))
    platform.target.client("ssm").put_parameter(
        Name=parameter, Value=SECRET, Type="SecureString", Overwrite=True
    )
    before = {name: _variables(platform, name) for name in ("order", "deliver")}
    for name, variables in before.items():
        _configure(platform, name, {**variables, "ONA_CONFIG_DIR": str(folder)})
    try:
        yield servers
    finally:
        for name, variables in before.items():
            _configure(platform, name, variables)
        for server in servers:
            server.close()


def _variables(platform: Platform, name: str) -> dict[str, str]:
    function = platform.target.function(name)
    read = platform.target.client("lambda").get_function_configuration(FunctionName=function)
    return dict(read["Environment"]["Variables"])


def _configure(platform: Platform, name: str, variables: dict[str, str]) -> None:
    function = platform.target.function(name)
    client = platform.target.client("lambda")
    client.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
    made = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=made)


def log_of(platform: Platform, name: str, since: float) -> list[str]:
    """What a function has written since then, line by line."""
    pages = platform.target.client("logs").get_paginator("filter_log_events")
    group = f"/aws/lambda/{platform.target.function(name)}"
    return [
        event["message"]
        for page in pages.paginate(logGroupName=group, startTime=int(since * 1000))
        for event in page["events"]
    ]


def heard(platform: Platform) -> tuple[str, Any]:
    """A queue that hears all events of the platform, and what takes the rule away again."""
    events, sqs, name = platform.target.client("events"), platform.target.client("sqs"), unique("heard")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["ona.platform"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])

    def end() -> None:
        events.remove_targets(Rule=name, Ids=["1"])
        events.delete_rule(Name=name)

    return url, end


def test_one_id_from_the_event_to_the_last_ticket(
    platform: Platform, systems: tuple[Jira, ServiceNow, Receiver]
) -> None:
    jira, service_now, receiver = systems
    since = time.time()
    queue, end = heard(platform)
    try:
        done = [platform.put_and_wait(dead_from(9, asset=name), name) for name in ("INV-001", "INV-002")]
        platform.idle()
        people = platform.messages()
    finally:
        end()
    assert [item["status"] for item in done] == ["SUCCEEDED"] * 2, done
    ids = [json.loads(item["input"])["id"] for item in done]
    orders = [json.loads(item["output"])["orders"][0]["work_order"]["key"] for item in done]
    names = [platform.read(key)["work_order_id"] for key in orders]
    assert len(set(ids)) == len(set(names)) == 2

    for function in FUNCTIONS:
        lines = log_of(platform, function, since)
        for own in ids:
            assert any(own in line for line in lines), f"{function} says nothing of {own}"
        both = [line for line in lines if all(own in line for own in ids)]
        assert both == [], f"{function} has one line of two files"

    told = _events(platform, queue)
    for own, item in zip(ids, done, strict=True):
        completed = [detail for kind, detail in told if kind == "OODA Loop Completed"]
        [mine] = [detail for detail in completed if detail["execution"] == item["executionArn"]]
        assert mine["correlation_id"] == own
    items = [item for item in platform.table("Outbox") if item.get("work_order_id") in names]
    assert len(items) == 2 * 4, "operators, two systems and a webhook, for each order"
    for item in items:
        assert item["correlation_id"] == ids[names.index(item["work_order_id"])]

    for name, own, other in zip(names, ids, reversed(ids), strict=True):
        for system in (jira, service_now):
            [ticket] = [t for t in system.tickets.values() if name in system.text(t)]
            assert f"Correlation id: {own}" in system.text(ticket)
            assert other not in system.text(ticket)
        [sent] = [headers for _, _, headers, body in receiver.requests if body["work_order_id"] == name]
        assert sent["x-correlation-id"] == own
        [message] = [m for m in people if name in m["Message"]]
        assert message["MessageAttributes"]["correlation_id"]["Value"] == own
    asked = {headers.get("x-correlation-id") for _, _, headers, _ in jira.requests}
    assert asked == set(ids), "each request says for which of them it is made"


def _events(platform: Platform, queue: str) -> list[tuple[str, dict[str, Any]]]:
    sqs, found = platform.target.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [(event["detail-type"], event["detail"]) for event in found]


def test_a_site_s_day_goes_on_with_the_id_of_the_file_that_completed_it(platform: Platform) -> None:
    """And the timer's own runs, which no file brought about, have the id of the execution."""
    event = json.loads((Path(__file__).parents[3] / "samples" / "site_day.json").read_text())
    event["detail"] |= {"correlation_id": "of-the-file", "site_id": "site"}
    since = time.time()
    done = platform.run({**event, "id": "of-the-bus"}, "ooda")
    assert done["status"] == "SUCCEEDED", done
    lines = [line for line in log_of(platform, "detect", since) if "of-the-file" in line]
    assert lines
    assert not any("of-the-bus" in line for line in log_of(platform, "detect", since))
    run_task(platform.target, "operations_api", "site_days")
