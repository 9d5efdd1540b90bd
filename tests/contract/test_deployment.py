"""What every stack must say so that it can be deployed, deployed again, and kept for years."""

from __future__ import annotations

import re
from typing import Any

import pytest

from local.packaging import DeployError
from local.root_template import check_rules, chosen_parameters
from ops import samples
from ops.deployment import names
from ops.deployment.settings import settings
from tests.builders import deployed
from tests.builders.deployed import RESOURCES, STACKS, of_type
from tests.paths import ROOT

PROD = {"Environment": "prod", "AlertEmail": "operator@example.com"}
KEEPERS = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::Cognito::UserPool",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::RDS::DBInstance",
}
"""Types that hold what people put into them."""


def refused(given: dict[str, str]) -> str:
    """Why the root template refuses these parameters; empty when it takes them."""
    try:
        check_rules(deployed.ROOT_TEMPLATE, chosen_parameters(deployed.ROOT_TEMPLATE, given))
    except DeployError as error:
        return str(error)
    return ""


# ------------------------------------------------------------------ number 7


def test_what_holds_data_says_what_becomes_of_it() -> None:
    silent = [
        name for name, item in RESOURCES.items() if item["Type"] in KEEPERS and "DeletionPolicy" not in item
    ]
    assert silent == []


def test_nothing_is_kept_of_a_first_deployment_that_failed() -> None:
    """Its fixed name would make the second fail too (AWS, "DeletionPolicy attribute")."""
    for name, item in RESOURCES.items():
        assert item.get("DeletionPolicy", "Delete") in ("Delete", "RetainExceptOnCreate"), name
        if item.get("DeletionPolicy") == "RetainExceptOnCreate":
            assert item["UpdateReplacePolicy"] == "Retain", name


# ------------------------------------------------------------------ number 10


def rules(bucket: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        rule
        for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        if rule["Status"] == "Enabled"
    ]


@pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
def test_old_versions_and_broken_uploads_of_a_bucket_expire(name: str) -> None:
    everywhere = [
        rule for rule in rules(RESOURCES[name]) if not rule.get("Prefix") and "TagFilters" not in rule
    ]
    assert any("AbortIncompleteMultipartUpload" in rule for rule in everywhere)
    versioned = RESOURCES[name]["Properties"].get("VersioningConfiguration", {}).get("Status") == "Enabled"
    days = [
        r["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for r in everywhere
        if "NoncurrentVersionExpiration" in r
    ]
    assert bool(days) == versioned
    assert all(14 < number <= 90 for number in days), (
        "longer than a dead letter lives, which names a version"
    )
    assert any(rule.get("ExpiredObjectDeleteMarker") for rule in everywhere) == versioned


SLOW = {"GLACIER", "DEEP_ARCHIVE"}
"""Classes from which nothing can be read without hours of restoring."""


DOES_WITHOUT = {"ReconcileFunction"}
"""Functions that go on where an old object is archived (tests/unit/ooda/test_reconcile.py)."""


def test_what_is_read_at_any_age_stays_readable() -> None:
    """The APIs and timers read old objects; the loop's steps read what has just been made."""
    slow = {
        name: [
            r["Prefix"]
            for r in rules(item)
            if any(t["StorageClass"] in SLOW for t in r.get("Transitions", []))
        ]
        for name, item in of_type("AWS::S3::Bucket").items()
    }
    assert {"observations/", "archive/"} <= set(slow["InputBucket"])
    assert {"detections/", "archive/"} <= set(slow["OutputBucket"])
    assert not {"work-orders/", "telemetry/", "models/", "incidents/", "sites/"} & set(slow["OutputBucket"])
    for name, item in of_type("AWS::Serverless::Function").items():
        events = item["Properties"].get("Events", {}).values()
        if name in DOES_WITHOUT or not any(event["Type"] in ("Api", "Schedule") for event in events):
            continue
        for statement in item["Properties"]["Policies"][0]["Statement"]:
            actions, places = (
                value if isinstance(value, list) else [value]
                for value in (statement.get("Action", []), statement.get("Resource", []))
            )
            if "s3:GetObject" not in actions:
                continue
            for place in places:
                bucket, _, prefix = str(place.get("Fn::Sub", "")).partition("}/")
                which = "InputBucket" if "InputBucket" in bucket else "OutputBucket"
                assert prefix.rstrip("*") not in slow[which], f"{name} reads {prefix}"


# ------------------------------------------------------------------ number 11


def planned(**given: str) -> names.Plan:
    return names.plan(
        ROOT / "template.yaml", {**PROD, **given}, account="123456789012", region="af-south-1"
    )


def test_dev_reserves_nothing_and_the_numbers_stand_in_the_stacks_alone() -> None:
    assert planned(Environment="dev").reserved() == {}
    share = planned(Environment="dev", ReservedConcurrency="1").reserved()
    assert share["ona-deliver-dev"] == share["ona-weatherCache-dev"] == 1
    prod = planned(ReservedConcurrency="1").reserved()
    assert prod["ona-forecastingApi-prod"] > share["ona-forecastingApi-dev"]
    page = (ROOT / "docs/operations/aws.md").read_text()
    assert f"{sum(share.values())} in dev and staging, {sum(prod.values())} in prod" in page


def test_every_reservation_can_be_left_out() -> None:
    for stack in STACKS.values():
        for name, item in stack["Resources"].items():
            amount = item.get("Properties", {}).get("ReservedConcurrentExecutions")
            if amount is not None:
                assert amount["Fn::If"][0] == "ReservesConcurrency", name


def test_capacity_is_provisioned_only_out_of_a_reserved_share() -> None:
    """Provisioned capacity is taken from the account otherwise, which a new one does not have."""
    for given, there in (({}, False), ({"ReservedConcurrency": "1"}, True)):
        kinds = [item["Type"] for _, _, item in planned(**given).resources()]
        assert ("AWS::ApplicationAutoScaling::ScalableTarget" in kinds) is there


# ------------------------------------------------------------------ number 14


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Environment": "prod"}, "nobody hears an alarm"),
        ({**PROD, "WeatherProvider": "recorded"}, "knows no weather of today"),
        ({"ApiDomainName": "api.example.com"}, "ApiDomainName needs ApiCertificateArn"),
        ({"TrainingImageUri": "x.dkr.ecr/training:1"}, "TrainingImageUri needs TrainingSubnets"),
        ({"Environment": "prod", "AlertEmail": "nobody"}, "parameter AlertEmail: 'nobody' does not match"),
        ({"Environment": "prod", "AlertEndpoint": "http://a.b"}, "parameter AlertEndpoint"),
        ({"InputBucketName": "Bad_Name"}, "parameter InputBucketName: 'Bad_Name' does not match"),
        ({"OutputBucketName": "a"}, "parameter OutputBucketName: 'a' does not match"),
        (
            {"CorsOrigins": f"https://{'a' * 88}"},
            "parameter CorsOrigins: its length is 96, allowed is 0 to 95",
        ),
    ],
)
def test_parameters_that_would_deploy_something_useless_are_refused(
    given: dict[str, str], said: str
) -> None:
    assert said in refused(given)


@pytest.mark.parametrize(
    "given",
    [
        {"Environment": "dev"},
        {"Environment": "dev", "WeatherProvider": "recorded"},
        {"Environment": "staging"},
        PROD,
        {"Environment": "prod", "AlertEndpoint": "https://events.example.com/integration/abc/enqueue"},
        {"ApiCertificateArn": "arn:aws:acm:af-south-1:123456789012:certificate/waits"},
        {"TrainingSubnets": "subnet-1,subnet-2"},
        {"AlertEmail": "first.last+ona@mail.example.co.za"},
        {"InputBucketName": "sa-api-client-input", "OutputBucketName": "my.bucket.2"},
        {"CorsOrigins": f"https://{'a' * 87}"},
    ],
)
def test_what_only_looks_wrong_is_taken(given: dict[str, str]) -> None:
    assert refused(given) == ""


def test_every_api_has_somebody_who_hears_of_its_server_errors() -> None:
    told = " ".join(
        item["Properties"]["AlarmRule"]["Fn::Sub"].partition(" AND NOT ")[0]
        for item in of_type("AWS::CloudWatch::CompositeAlarm").values()
    )
    watched = {
        str(dimension["Value"])
        for name, item in of_type("AWS::CloudWatch::Alarm").items()
        if item["Properties"].get("MetricName") == "5XXError" and f"${{{name}}}" in told
        for dimension in item["Properties"]["Dimensions"]
        if dimension["Name"] == "ApiName"
    }
    assert watched == {str(item["Properties"]["Name"]) for item in of_type("AWS::Serverless::Api").values()}


def test_an_empty_default_that_another_parameter_needs_has_a_rule() -> None:
    """A description that says "needed with X" is held by a rule, also for the next parameter."""
    ruled = str(deployed.ROOT_TEMPLATE["Rules"])
    for name, item in deployed.ROOT_TEMPLATE["Parameters"].items():
        partner = re.search(r"needed with (\w+)", item.get("Description", ""))
        if partner:
            assert f"'{name}'" in ruled, name
            assert f"'{partner[1]}'" in ruled, partner[1]
    for receiver in ("AlertEmail", "AlertEndpoint"):
        assert f"'{receiver}'" in ruled


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_samconfig_deploys(environment: str) -> None:
    assert refused(settings(ROOT, environment).parameters) == ""


def test_production_as_committed_is_refused_until_somebody_hears() -> None:
    committed = settings(ROOT, "prod").parameters
    assert "parameter AlertEmail" in refused(committed)
    assert refused({**committed, "AlertEmail": "operator@example.com"}) == ""
    del committed["AlertEmail"]
    assert "nobody hears an alarm" in refused(committed), "leaving it out does not help"


# ------------------------------------------------------------------ number 15


def test_the_page_of_sample_events_is_up_to_date() -> None:
    assert samples.page() == samples.PAGE.read_text(), "run python -m ops.samples"


def test_every_function_and_workflow_has_a_sample_event() -> None:
    """But for a workflow that exists under a condition only."""
    there = {path.stem for path in samples.events()}
    functions = of_type("AWS::Serverless::Function").values()
    named = {item["Properties"]["Handler"].split(".")[1] for item in functions}
    for item in of_type("AWS::Serverless::StateMachine").values():
        if "Condition" not in item:
            named.add(item["Properties"]["DefinitionUri"].rsplit("/", 1)[1].split(".")[0])
    assert named <= there
    assert there <= named | {path.name.split(".")[0] for path in deployed.WORKFLOWS}
