"""`ona deploy check`: what it finds, what it says it did not ask, and the valid things it lets pass."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops import templates, validate
from ops.deployment import check
from ops.deployment.check import findings
from ops.deployment.finding import Finding
from ops.deployment.names import plan
from ops.deployment.settings import Settings, settings
from ops.target import OpsError
from tests.paths import ROOT

TEMPLATE, REGION = ROOT / "template.yaml", "af-south-1"
ASKED_ONCE = [(templates, "problems"), (validate, "configurations")]
ANSWERS = [(module, name, cache(getattr(module, name))) for module, name in ASKED_ONCE]
PROD = {"Environment": "prod", "AlertEmail": "operator@example.com", "ReservedConcurrency": "1"}


def chosen(**given: str) -> Settings:
    return Settings("ona-platform-prod", REGION, {**PROD, **given})


class Account:
    """An AWS account by moto, with Lambda's quota as a test wants it."""

    def __init__(self) -> None:
        self.quota, self.reserved_by_others = 1000, 0
        self.refuses: set[str] = set()
        self._client = cache(lambda service: boto3.client(service, region_name=REGION))

    def __call__(self, service: str) -> Any:
        if service in self.refuses:
            raise RuntimeError(f"AccessDenied: {service}")
        client = self._client(service)
        if service == "lambda":
            limit = {
                "ConcurrentExecutions": self.quota,
                "UnreservedConcurrentExecutions": self.quota - self.reserved_by_others,
            }
            client.get_account_settings = lambda: {"AccountLimit": limit}
        return client

    def found(self, about: str, settings: Settings | None = None) -> list[Finding]:
        # 300 questions to moto are asked for those who look at them
        names = check._names if about == "names" else lambda *_: iter(())
        with patch.object(check, "_names", names):
            listed = list(findings(TEMPLATE, settings or chosen(), self))
        return [item for item in listed if item.about == about]


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates and configs are this checkout's in all tests here: whether they are sound is asked once."""
    for module, name, answer in ANSWERS:
        monkeypatch.setattr(module, name, answer)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(check, "owned", lambda *_: set())  # moto's CloudFormation wants more packages
    with mock_aws():
        yield Account()


# ------------------------------------------------------------------ budget


@pytest.mark.parametrize(
    ("region", "usd", "said"),
    [
        ("af-south-1", "50", ["CloudFormation has no AWS::Budgets::Budget in af-south-1"]),
        ("af-south-1", "0", []),
        ("eu-west-1", "50", []),
    ],
)
def test_a_budget_that_the_region_cannot_make_is_said(region: str, usd: str, said: list[str]) -> None:
    deploying = Settings("ona-platform-dev", region, {"MonthlyBudgetUsd": usd})
    found = [item for item in findings(TEMPLATE, deploying, None) if item.about == "budget"]
    assert [(item.state, item.text.partition(":")[0]) for item in found] == [
        ("note", text.partition(":")[0]) for text in said
    ]


# ------------------------------------------------------------------ concurrency


@pytest.mark.parametrize(
    ("quota", "others", "reserve", "state", "said"),
    [
        (10, 0, "1", "wrong", "98 reserved of a quota of 10; 0 can be reserved: set ReservedConcurrency=0"),
        (10, 0, "0", "ok", "bursts of files will wait"),
        (100, 0, "1", "wrong", "0 can be reserved"),
        (197, 0, "1", "wrong", "ask Service Quotas for 198"),
        (198, 0, "1", "ok", "98 reserved of a quota of 198; 98 can be reserved"),
        (1000, 0, "1", "ok", "900 can be reserved"),
        (1000, 850, "1", "wrong", "50 can be reserved"),
        (1000, 850, "1", "wrong", "ask Service Quotas for 1048"),
    ],
)
def test_the_quota_is_held_against_what_is_reserved(
    account: Account, quota: int, others: int, reserve: str, state: str, said: str
) -> None:
    account.quota, account.reserved_by_others = quota, others
    (found,) = account.found("concurrency", chosen(ReservedConcurrency=reserve))
    assert (found.state, said in found.text) == (state, True), found


# ------------------------------------------------------------------ names


def test_a_free_account_is_ready(account: Account) -> None:
    (found,) = account.found("names")
    assert found.state == "ok"


def test_what_has_a_name_already_is_named_and_the_import_told(account: Account) -> None:
    given = chosen(InputBucketName="sa-api-client-input", OutputBucketName="sa-api-client-output")
    account("s3").create_bucket(
        Bucket="sa-api-client-input", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    account("logs").create_log_group(logGroupName="/aws/lambda/ona-detect-prod")
    account("logs").create_log_group(logGroupName="/aws/lambda/ona-order-production")  # only begins so
    account("sns").create_topic(Name="ona-platform-alerts")
    account("sqs").create_queue(QueueName="ona-ooda-dead-letters-prod")
    account("ssm").put_parameter(Name="/ona-platform/prod/detection-threshold", Value="0.7", Type="String")
    found = account.found("names", given)
    assert {item.state for item in found} == {"wrong"}
    assert "ona deploy import" in found[-1].text
    text = "\n".join(item.text for item in found)
    for name in (
        "sa-api-client-input",
        "ona-detect-prod",
        "alerts",
        "ona-ooda-dead-letters-prod",
        "threshold",
    ):
        assert name in text, name
    assert len(found) == 6, text


APPCONFIG = {
    f"AWS::AppConfig::{kind}"
    for kind in ("Application", "Environment", "ConfigurationProfile", "DeploymentStrategy")
}
"""Their names need not be unique: no Create call answers ConflictException (AppConfig API reference)."""


def test_every_type_with_a_fixed_name_is_asked_for(account: Account) -> None:
    """A new type in any stack whose name the template gives must be known to the check."""
    from ops.deployment.names import NAMED_BY

    made = plan(TEMPLATE, PROD, account="123456789012", region=REGION)
    for application, logical_id, item in made.resources():
        names = [key for key in item.get("Properties", {}) if key.endswith("Name") or key == "Name"]
        if item["Type"] not in NAMED_BY and names:
            free = {"AWS::Serverless::LayerVersion", "AWS::Serverless::Api", "AWS::ApiGateway::DomainName",
                    "AWS::Lambda::Permission",  # it names another resource
                    "AWS::IAM::Policy",  # its name is its role's own
                    *APPCONFIG,
                    "AWS::ApplicationAutoScaling::ScalingPolicy"}  # fmt: skip
            assert item["Type"] in free, f"{application}.{logical_id}: {names}"


# ------------------------------------------------------------------ receiver


def test_a_receiver_that_has_not_confirmed_hears_nothing(account: Account, monkeypatch: Any) -> None:
    topic = account("sns").create_topic(Name="ona-platform-alerts")["TopicArn"]
    account("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="operator@example.com")
    (found,) = account.found("receiver")
    assert (found.state, "confirmed: 1 of 1" in found.text) == ("ok", True), "moto confirms at once"
    pending = [{"SubscriptionArn": "PendingConfirmation"}]

    class Paginator:
        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            return [{"Subscriptions": pending}]

    class Waiting(Account):
        def __call__(self, service: str) -> Any:
            client = super().__call__(service)
            if service == "sns":
                client.get_paginator = lambda _: Paginator()
            return client

    (found,) = Waiting().found("receiver")
    assert (found.state, "none has confirmed" in found.text) == ("wrong", True)


# ------------------------------------------------------------------ what is not asked


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("af-south-1", ""),
        ("us-east-1", ""),
        ("mars-north-1", ""),  # no boto3 knows every region; AWS says itself that it has none
    ],
)
def test_a_region_of_another_partition_is_refused(region: str, partition: str) -> None:
    found = findings(TEMPLATE, Settings("ona-platform-prod", region, PROD), None)
    texts = [item.text for item in found if item.about == "region" and item.state == "wrong"]
    assert [partition in text for text in texts] == ([True] if partition else [])


def test_without_credentials_it_says_what_it_did_not_ask() -> None:
    found = {item.about: item for item in findings(TEMPLATE, chosen(), None)}
    for about in ("concurrency", "names", "receiver"):
        assert found[about].state == "not asked"
    assert "the least quota is 198" in found["concurrency"].text


@pytest.mark.parametrize("code", [*check.NOT_ENABLED, "AccessDenied"])
def test_an_account_that_does_not_answer_is_wrong(account: Account, code: str) -> None:
    """Who names an account wants it asked: a check that asked nothing must not end well."""

    def client(service: str) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "refused"}}, "GetCallerIdentity")

    found = list(findings(TEMPLATE, chosen(), client))
    wrong = [item for item in found if item.state == "wrong"]
    assert [item.about for item in wrong] == ["account"]
    hinted = "the account has not enabled af-south-1" in wrong[0].text
    assert hinted == (code != "AccessDenied")
    assert any("names must be free" in item.text for item in found), "the rest is still said"


def test_a_question_that_is_refused_is_no_answer(account: Account) -> None:
    account.refuses = {"lambda", "dynamodb"}
    (found,) = account.found("concurrency")
    assert (found.state, "AccessDenied" in found.text) == ("not asked", True)
    states = {item.state for item in account.found("names")}
    assert states == {"not asked"}, "what could be asked is free; the rest is said"


def test_a_broken_rule_does_not_hide_the_rest(account: Account) -> None:
    given = Settings("ona-platform-prod", REGION, {"Environment": "prod", "AlertEmail": "nobody"})
    (wrong,) = account.found("parameters", given)
    assert wrong.state == "wrong"
    assert account.found("names", given)[0].state == "ok"


def test_a_build_that_is_too_large_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import build_sizes

    (found,) = check._packages(tmp_path)
    assert found.state == "not asked"
    (tmp_path / ".aws-sam/build").mkdir(parents=True)
    (tmp_path / ".aws-sam/build/template.yaml").write_text("Resources: {}")
    for size, state in ((229.0, "ok"), (231.0, "wrong")):
        monkeypatch.setattr(build_sizes, "sizes", lambda _, size=size: {"DetectFunction": size})
        (found,) = check._packages(tmp_path)
        assert found.state == state


def test_a_build_without_byte_code_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sam build` alone compiles the layers, and not the functions' own code."""
    from benchmarks import build_sizes

    code = tmp_path / ".aws-sam/build/Ooda/DetectFunction"
    for name in ("compiled", "forgotten", "of_another_python"):
        (code / "ooda/__pycache__").mkdir(parents=True, exist_ok=True)
        (code / f"ooda/{name}.py").write_text("")
    (code / "ooda/__pycache__/compiled.cpython-313.pyc").write_bytes(b"")
    (code / "ooda/__pycache__/of_another_python.cpython-311.pyc").write_bytes(b"")
    (tmp_path / ".aws-sam/build/template.yaml").write_text("Resources: {}")
    monkeypatch.setattr(build_sizes, "sizes", lambda _: {"DetectFunction": 1.0})
    size, missing = check._packages(tmp_path)
    assert (size.state, missing.state) == ("ok", "wrong")
    assert missing.text.startswith("no byte code for 2 modules")


def test_settings_are_samconfigs_and_the_command_lines() -> None:
    made = settings(ROOT, "prod", ["AlertEmail=a@b.co"])
    assert made.parameters["AlertEmail"] == "a@b.co"
    assert made.parameters["InputBucketName"] == "sa-api-client-input"
    with pytest.raises(OpsError, match="qa"):
        settings(ROOT, "qa")
    with pytest.raises(OpsError, match="Name=value"):
        settings(ROOT, "dev", ["AlertEmail"])
