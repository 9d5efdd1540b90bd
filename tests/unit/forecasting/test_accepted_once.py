"""An upload id brings one version of one file: whatever is put, delivered again or killed.

The workflow is our own definition, walked state by state; the condition on the item is DynamoDB's (moto).
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from forecasting.layout import HISTORICAL_UPLOAD, NOWCAST_UPLOAD, UPLOAD_ID_PATTERN
from ops import asl
from ops.accounting import Outcome
from tests.fakes.walker import Failed, Killed, Walk, after

IDS = [str(uuid.UUID(int=number, version=4)) for number in range(3)]
TRAIN = [HISTORICAL_UPLOAD.build(customer_id="c", site_id="s", upload_id=upload) for upload in IDS]
NOWCAST = [
    NOWCAST_UPLOAD.build(day=datetime(2025, 6, 10, tzinfo=UTC), customer_id="c", upload_id=upload)
    for upload in IDS
]
KEYS = {"Customers": "id", "Outbox": "delivery_id", "AlertLog": "alert_id"}
DEFINITION = asl.expanded(next(path for path in asl.sources() if path.name == "forecast_upload.asl.yaml"))


class World:
    """What the workflow uses; `bad`: no file is accepted. Counts what a customer makes others do."""

    def __init__(self, *, bad: bool = True) -> None:
        self.bad, self.did = bad, Counter[str]()
        self.outcomes: dict[str, str] = {}
        self.read: set[tuple[str, str]] = set()
        """Key and version of what Ingest was given."""
        self.dynamodb = boto3.client("dynamodb", region_name="af-south-1")
        for table, key in KEYS.items():
            self.dynamodb.create_table(
                TableName=f"{table}Table",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )

    def effect(self, resource: str, arguments: dict[str, Any]) -> Any:
        kind = resource.split(":::")[1]
        if kind == "lambda:invoke":
            source = arguments["Payload"]["source"]
            self.did["ingests"] += 1
            self.read.add((source["key"], source["version_id"]))
            if self.bad:
                told = {"reason": "empty_file", "message": "empty", "where": "", "remedy": "export"}
                raise Failed("InvalidTelemetry", json.dumps({"errorMessage": json.dumps(told)}))
            return {"Payload": {"kind": "historical", "sites": [], "rows_used": 1, "rows_rejected": 0}}
        if kind == "sqs:sendMessage":
            self.did["letters"] += 1
        elif kind == "dynamodb:putItem":
            arguments["TableName"] = re.sub(r"\W", "", arguments["TableName"])
            try:
                self.dynamodb.put_item(**arguments)
            except ClientError as error:
                raise Failed(f"DynamoDB.{error.response['Error']['Code']}", str(error)) from error
            self.did["messages"] += arguments["TableName"] == "OutboxTable"
        else:
            assert kind.startswith("aws-sdk:s3:"), kind
            if arguments["Key"].startswith("outcomes/"):
                self.outcomes[arguments["Key"]] = Outcome.read(arguments["Body"], "outcome").outcome
        return {}

    def execute(self, key: str, version: str, place: int = -1) -> list[str]:
        """One execution, killed at an effect (-1: not); the states that it went through."""
        described = {"key": key, "version-id": version, "size": 3}
        event = {"detail": {"bucket": {"name": "${InputBucket}"}, "object": described}}
        context = {"Execution": {"Id": "arn:x", "Name": "x"}, "StateMachine": {"Id": "arn:m"}}
        walk = Walk(DEFINITION, context, self.effect, after(place))
        try:
            walk.run(event)
        except Killed:
            walk.path.append("killed")
        return walk.path


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


CASES: dict[str, tuple[list[tuple[str, str]], dict[str, int]]] = {
    # what comes, in this order: key and version -> files read, letters and messages
    "three puts to one address": (
        [(TRAIN[0], "v1"), (TRAIN[0], "v2"), (TRAIN[0], "v3")],
        {"ingests": 1, "letters": 1, "messages": 1},
    ),
    "three puts to one address of a nowcast": (
        [(NOWCAST[0], "v1"), (NOWCAST[0], "v2"), (NOWCAST[0], "v3")],
        {"ingests": 1, "letters": 1, "messages": 1},
    ),
    "events come the other way round": (
        [(TRAIN[0], "v2"), (TRAIN[0], "v1")],
        {"ingests": 1, "letters": 1, "messages": 1},
    ),
    "one upload id as history and as nowcast": (
        [(TRAIN[0], "v1"), (NOWCAST[0], "v1")],
        {"ingests": 1, "letters": 1, "messages": 1},
    ),
    "one upload id at another site": (
        [(TRAIN[0], "v1"), (TRAIN[0].replace("/s/", "/t/"), "v1")],
        {"ingests": 1, "letters": 1, "messages": 1},
    ),
    "one event delivered twice, told once": (
        [(TRAIN[0], "v1"), (TRAIN[0], "v1")],
        {"ingests": 2, "letters": 2, "messages": 1},  # `ona dlq` folds letters of one version
    ),
    "distractor: two uploads with two ids": (
        [(TRAIN[0], "v1"), (TRAIN[1], "v1")],
        {"ingests": 2, "letters": 2, "messages": 2},
    ),
    "distractor: the corrected file with a new id": (
        [(TRAIN[0], "v1"), (TRAIN[0], "v2"), (TRAIN[1], "v1")],
        {"ingests": 2, "letters": 2, "messages": 2},
    ),
    "distractor: an operator puts a file of his own name again": (
        [("historical/c/2024_q1.csv", "v1"), ("historical/c/2024_q1.csv", "v2")],
        {"ingests": 2, "letters": 2, "messages": 2},
    ),
    "distractor: a nowcast straight into the bucket, again": (
        [("nowcast/2025/06/10/INV-1_nowcast.csv", "v1"), ("nowcast/2025/06/10/INV-1_nowcast.csv", "v2")],
        {"ingests": 2, "letters": 2, "messages": 2},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_upload_id_makes_the_work_of_one_file(case: str, aws: None) -> None:
    events, expected = CASES[case]
    world = World()
    for key, version in events:
        world.execute(key, version)
    assert world.did == expected
    assert len(world.outcomes) == len(set(events)), "every version has an outcome"
    repeated = len(set(events)) - len(world.read)
    assert Counter(world.outcomes.values())["repeated"] == repeated


def test_a_repeated_upload_is_noted_plainly(aws: None) -> None:
    world = World(bad=False)
    assert world.execute(TRAIN[0], "v1")[-1] == "Done"
    assert world.execute(TRAIN[0], "v2")[-3:] == ["Accept", "RecordRepeated", "Repeated"]
    assert sorted(world.outcomes.values()) == ["published", "repeated"]
    assert Outcome(outcome="repeated").told == (
        "ignored",
        "its upload id had brought a file before; a corrected file needs a new one",
    )


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_killed_or_comes_again_one_version_is_read(seed: int, aws: None) -> None:
    """Puts, late and repeated events, and kills anywhere: each id has one version read, and told once."""
    chance, world = random.Random(seed), World(bad=seed % 2 == 0)
    for _ in range(12):
        key = chance.choice(TRAIN)
        version = f"v{chance.randrange(3)}"
        world.execute(key, version, chance.randrange(20) if chance.random() < 0.5 else -1)
    read = {key: [version for name, version in world.read if name == key] for key in TRAIN}
    assert all(len(versions) <= 1 for versions in read.values()), read
    accepted = world.dynamodb.scan(TableName="CustomersTable")["Items"]
    owner = {item["object_key"]["S"]: item["version_id"]["S"] for item in accepted}
    assert world.read <= set(owner.items())
    assert world.did["messages"] <= len(owner)
    for key, version in owner.items():  # the version that was accepted is done when its event comes again
        assert world.execute(key, version)[-1] in ("Done", "Quarantined")


@pytest.mark.parametrize("place", range(14))
def test_a_kill_between_acceptance_and_outcome_leaves_the_version_its_turn(place: int, aws: None) -> None:
    world = World()
    world.execute(TRAIN[0], "v1", place)
    world.execute(TRAIN[0], "v2")
    path = world.execute(TRAIN[0], "v1")
    won = "v1" if place > 0 else "v2"  # killed before it was accepted: the other came first
    assert path[-1] == ("Quarantined" if won == "v1" else "Repeated")
    assert world.read == {(TRAIN[0], won)}
    assert world.did["messages"] == 1


PROMISED = {
    **dict.fromkeys([*TRAIN, *NOWCAST], True),
    "historical/c/s/2024.csv": False,
    f"historical/c/{IDS[0]}.csv": False,
    f"historical/c/s/{IDS[0]}.CSV": False,
    f"historical/c/s/deep/{IDS[0]}.csv": False,
    f"historical/c/s/{IDS[0]}-1.csv": False,
    f"nowcast/2025/06/10/{IDS[0]}_nowcast.csv": False,
    "historical/c/s/\U0001f31e.csv": False,
}


@pytest.mark.parametrize("key", PROMISED)
def test_the_workflow_knows_a_promised_place_as_the_layout_makes_it(key: str, aws: None) -> None:
    assert ("Accept" in World().execute(key, "v1")) is PROMISED[key]


def test_upload_ids_have_the_pattern() -> None:
    assert all(re.fullmatch(UPLOAD_ID_PATTERN, str(uuid.uuid4())) for _ in range(20))
