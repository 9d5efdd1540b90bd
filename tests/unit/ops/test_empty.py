"""Commands that list say in words that there is nothing yet, and what comes next."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from ona.runtime import aws
from ops import cli, deadletters
from ops.target import Target
from tests.fakes.tables import ENVIRONMENT, IN, OUT, create, create_table
from tests.unit.ops.test_every_command import COMMANDS

LISTS = {name for name in COMMANDS if name.split()[-1] == "list"} | {"executions", "orders", "status"}
NEXT = {
    "customers list": "`ona customers add`",
    "dlq list": "`ona status`",
    "executions": "`ona put`",
    "models list": "docs/forecasting.md",
    "orders": "`ona status`",
    "outbox list": "docs/delivery.md",
    "status": "`ona put`",
}
"""What each names as the next step."""


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A platform of which nobody has used anything."""
    with mock_aws():
        aws.client.cache_clear()
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        create()
        create_table("customers", "id")
        sqs, states = boto3.client("sqs"), boto3.client("stepfunctions")
        machine = states.create_state_machine(
            name="m",
            definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/test",
        )["stateMachineArn"]
        names = ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")
        target = Target("test", "stack", boto3.client, cast(Any, SimpleNamespace(home=str(tmp_path))))
        target.__dict__["outputs"] = {
            **{f"{name}StateMachineArn": machine for name in names},
            "InputBucketName": IN,
            "OutputBucketName": OUT,
            "OutboxTableName": "outbox",
            "TrackingTableName": ENVIRONMENT["TRACKING_TABLE"],
            "CustomersTableName": "customers",
            deadletters.WORKFLOWS: sqs.create_queue(QueueName="one")["QueueUrl"],
            deadletters.OUTBOX: sqs.create_queue(QueueName="two")["QueueUrl"],
        }
        for found in pkgutil.iter_modules(cli.__path__):
            module = import_module(f"{cli.__name__}.{found.name}")
            if hasattr(module, "resolve"):
                monkeypatch.setattr(module, "resolve", lambda *_: target)
        yield
    aws.client.cache_clear()


@pytest.mark.parametrize("name", sorted(LISTS))
def test_an_empty_list_says_so_and_names_the_next_step(nothing: None, name: str) -> None:
    done = CliRunner().invoke(cli.app, name.split(), env={"COLUMNS": "200"})
    assert done.exit_code == 0, (done.output, done.exception)
    assert any(line.startswith(("no ", "nothing ")) for line in done.output.splitlines()), done.output
    assert NEXT[name].strip("`") in done.output
    assert "┳" not in done.output or name == "status", "no table without rows"
