"""A platform on moto, for commands: tables, queues, buckets, and one workflow that stands for all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from ona.runtime import aws
from ops import deadletters
from ops.target import Target
from tests.fakes.tables import ENVIRONMENT, IN, OUT, create

WORKFLOWS = ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")


@contextmanager
def platform(monkeypatch: pytest.MonkeyPatch, home: Path, commands: Iterable[Any]) -> Iterator[Target]:
    """A platform of which nobody has used anything. `commands`: modules whose commands find this one."""
    with mock_aws():
        aws.client.cache_clear()
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        create()
        sqs, states = boto3.client("sqs"), boto3.client("stepfunctions")
        machine = states.create_state_machine(
            name="m",
            definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/test",
        )["stateMachineArn"]
        # a home: so that no queue is polled for a second
        target = Target("test", "stack", boto3.client, cast(Any, SimpleNamespace(home=str(home))))
        target.__dict__["outputs"] = {
            **{f"{name}StateMachineArn": machine for name in WORKFLOWS},
            "InputBucketName": IN,
            "OutputBucketName": OUT,
            "OutboxTableName": "outbox",
            "TrackingTableName": ENVIRONMENT["TRACKING_TABLE"],
            "Environment": "dev",
            **{
                name: sqs.create_queue(QueueName=name)["QueueUrl"]
                for name in (deadletters.WORKFLOWS, deadletters.OUTBOX)
            },
        }
        for module in commands:
            monkeypatch.setattr(module, "resolve", lambda *_: target)
        yield target
    aws.client.cache_clear()
