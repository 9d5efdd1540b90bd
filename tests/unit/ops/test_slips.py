"""Slips of the hand: an empty word, a typing error, a beginning that is too short change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from ona.documents.assets import AssetRegistry
from ops import alerts, cli, customers, registry, spans
from ops.cli import customers as customers_cli
from ops.cli import dashboard, executions, files, models
from ops.target import OpsError, Target
from tests.builders.assets import make_asset

ROLE = "arn:aws:iam::123456789012:role/fleet-reader"
OUTPUTS = {
    "CustomersTableName": "customers",
    "InputBucketName": "bucket-in",
    "OutputBucketName": "bucket-out",
    "Environment": "dev",
    **{
        f"{name}StateMachineArn": f"arn:aws:states:af-south-1:123456789012:stateMachine:{name}"
        for name in ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")
    },
    "ApiUrl": "https://api.example",
    "OpsApiUrl": "https://ops.example",
    "AccessApiUrl": "https://account.example",
}


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """Assets of `acme-solar` and `customer-001`, and a key of `zonnig`."""
    with mock_aws():
        for bucket in ("bucket-in", "bucket-out"):
            boto3.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
            )
        boto3.client("dynamodb").create_table(
            TableName="customers",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for arn in (value for name, value in OUTPUTS.items() if name.endswith("MachineArn")):
            boto3.client("stepfunctions").create_state_machine(
                name=arn.rsplit(":", 1)[1],
                definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
                roleArn=ROLE,
            )
        one = Target("test", "stack", boto3.client)
        one.__dict__["outputs"] = OUTPUTS
        for module in (customers_cli, executions, files, models):
            monkeypatch.setattr(module, "resolve", lambda *_: one)
        assets = [
            make_asset("INV-001", customer_id="acme-solar"),
            make_asset("INV-2", customer_id="customer-001"),
        ]
        registry.add(one, AssetRegistry(assets=assets))
        customers.add_key(one, "zonnig", "standard")
        yield one


def ona(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "300"})
    assert done.exit_code == code, (done.output, done.exception)
    assert "unexpected" not in done.output
    assert "Traceback" not in done.output
    return done.output


def credentials(target: Target) -> list[tuple[Any, Any]]:
    return sorted((item["customer_id"], item["status"]) for item in customers.credentials(target))


BEFORE = [("zonnig", "active")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["customers", "revoke", ""], "'' is too short"),
        (["customers", "revoke", "1234567"], "too short"),
        (["customers", "revoke", "zzzzzzzz"], "0 credentials"),
        (["customers", "revoke", "arn:aws:iam::123456789012:role"], "too short"),
        (["customers", "add", ""], "is not 1 to 64 letters"),
        (["customers", "add", "acme-solr"], "did you mean 'acme-solar'"),
        (["customers", "add", "Acme-Solar"], "did you mean 'acme-solar'"),
        (["customers", "add", "zonig"], "did you mean 'zonnig'"),
        (["customers", "add", "acme-solar", "--tier", "premum"], "tier 'premum'"),
        (["customers", "add", "acme-solar", "--arn", "arn:aws:iam::123:role/x"], "is no ARN"),
        (["customers", "add", "acme-solar", "--arn", "arn:aws:s3:::bucket"], "is no ARN"),
        (["customers", "add", "acme-solar", "--arn", f"{ROLE}\n"], "is no ARN"),
        (["customers", "add", "acme-solar", "--arn", "fleet-reader"], "is no ARN"),
        (["models", "rollback", ""], "'' is no customer's"),
        (["models", "rollback", "a/b"], "'a/b' is no customer's"),
        (["models", "rollback", "acme-solar", "--version", "../x"], "'../x' is no customer's"),
        (["models", "list", "a/b"], "'a/b' is no customer's"),
        (["explain", ""], "give an execution's name"),
        (["history", ""], "histories lie under backfill/"),
        (["executions", "--workflow", "oda"], "no workflow 'oda'"),
    ],
)
def test_a_slip_changes_nothing_and_is_told(words: list[str], said: str, target: Target) -> None:
    assert said in ona(*words, code=1)
    assert credentials(target) == BEFORE


STATES = "arn:aws:states:af-south-1:123456789012"
KEY = "ona_" + "s" * 40
ORDER, MESSAGE = "wo-20260610-1f2e3d4c", "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "arn:aws:states:eu-west-1:123456789012:execution:Ooda:x"], "is of region eu-west-1"),
        (
            ["explain", "arn:aws:states:af-south-1:999999999999:execution:Ooda:x"],
            "is of account 999999999999",
        ),
        (["explain", f"{STATES}:execution:Payroll:x"], "of workflow Payroll, which is none of stack"),
        (["explain", f"{STATES}:execution:Ooda:gone"], "has no execution"),
        (["explain", f"{STATES}:stateMachine:Ooda"], "looks like a workflow's ARN"),
        (["explain", f"{STATES}:mapRun:FleetHistory/Files:1"], "looks like a map run's ARN"),
        (["explain", "arn:aws:s3:::bucket-in"], "looks like an ARN of another kind"),
        (["explain", "arn:aws:states:af-south-1"], "is no execution's ARN"),
        (["explain", ORDER], "looks like a work order: `ona orders`"),
        (["explain", "observations/2026/06/10/a.csv"], "looks like a file: `ona status`"),
        (["explain", KEY], "looks like an API key"),
        (["customers", "revoke", KEY], "the API key whose hash begins with e1e2f59367cc"),
        (["customers", "revoke", ORDER], "looks like a work order"),
        (["customers", "add", KEY, "--new"], "looks like an API key"),
        (["customers", "add", "acme-solar", "--arn", f"{STATES}:stateMachine:Ooda"], "a workflow's ARN"),
        (["models", "rollback", ORDER], "looks like a work order"),
        (["models", "list", "arn:aws:s3:::bucket-in"], "looks like an ARN of another kind"),
        (["history", f"{STATES}:execution:FleetHistory:x"], "looks like an execution: `ona explain`"),
        (["executions", "--workflow", f"{STATES}:stateMachine:Ooda"], "looks like a workflow's ARN"),
        (["put", "--source", MESSAGE, "."], "looks like a message's id: `ona dlq list`"),
    ],
)
def test_an_identifier_of_another_kind_is_named_with_the_command_that_takes_it(
    words: list[str], said: str, target: Target
) -> None:
    told = ona(*words, code=1)
    assert said in told
    assert KEY not in told, "no secret is repeated"
    assert "An error occurred" not in told, "not AWS's words"
    assert credentials(target) == BEFORE


def test_an_execution_is_explained_by_its_arn(target: Target) -> None:
    """Distractor, with a name like an order's."""
    states = boto3.client("stepfunctions")
    states.start_execution(stateMachineArn=f"{STATES}:stateMachine:Ooda", name=ORDER, input="{}")
    for name in (f"{STATES}:execution:Ooda:{ORDER}", ORDER, ORDER[:5]):
        assert ORDER in ona("explain", name)


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("acme-solar", False),
        ("zonnig", False),
        ("customer-002", True),
        ("helios", True),
        ("acme-solr", True),
    ],
)
def test_a_name_that_is_meant_is_taken(name: str, new: bool, target: Target) -> None:
    """Names that differ in digits alone are different customers; `--new` says so of any other."""
    words = ["--new"] if name == "acme-solr" else []
    said = ona("customers", "add", name, *words)
    assert ("is new: no asset" in said) == new
    assert (name, "active") in credentials(target)


def test_a_key_is_taken_back_by_the_beginning_that_the_list_shows(target: Target) -> None:
    [item] = customers.credentials(target)
    assert "revoked a credential of zonnig" in ona("customers", "revoke", str(item["id"])[4:16])
    assert credentials(target) == [("zonnig", "revoked")]


def test_a_role_is_moved_to_another_customer_only_after_it_was_taken_back(target: Target) -> None:
    customers.add_principal(target, ROLE, "acme-solar", "standard")
    customers.add_principal(target, ROLE, "acme-solar", "premium")
    with pytest.raises(OpsError, match="may call as another customer already"):
        customers.add_principal(target, ROLE, "zonnig", "standard")
    ona("customers", "revoke", ROLE)
    customers.add_principal(target, ROLE, "zonnig", "standard")
    assert ("zonnig", "active") in credentials(target)
    assert ("acme-solar", "active") not in credentials(target)


@pytest.mark.parametrize(
    ("words", "said", "unsaid"),
    [
        (["ops", "cost"], "`ona cost`", "ona scale"),
        (["ops", "maintenance", "start"], "`ona maintenance start`", "ona maintenance end"),
        (["redrive"], "`ona dlq redrive`, `ona outbox redrive`", "rollback"),
        (["deploy", "helth"], "`ona ops health`", "ona deploy"),
        (["cots"], "cost", "ona ops"),
        (["nothing-like-it"], "No such command", "Did you mean"),
        (["flags", "--bogus"], "No such option", "Did you mean"),
    ],
)
def test_a_command_of_another_group_is_named_with_its_place(
    words: list[str], said: str, unsaid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONA_CALLED_AS", raising=False)
    done = CliRunner().invoke(cli.app, words, env={"COLUMNS": "300"})
    assert done.exit_code == 2
    assert said in done.output
    assert unsaid not in done.output


@pytest.mark.parametrize("text", ["90m", "1.5h", "0.0625d"])
def test_every_length_of_time_is_read_alike(text: str) -> None:
    assert alerts.duration(text).total_seconds() == dashboard.seconds(text) == 5400
    assert spans.span(text, "--since").total_seconds() == 5400


@pytest.mark.parametrize("text", ["", "2", "h", "1.h", ".5h", "-1h", "1e3m", "1,5h", "١h"])
def test_what_is_no_length_of_time_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(OpsError, match="for instance 90m"):
        spans.span(text, "--for")
