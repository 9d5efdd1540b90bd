"""A workload that remembers what was acknowledged, and compares it with what is there after a kill.

It knows the services' APIs only. Each worker writes under names of its own, one call at a time, without
trying again: when a kill comes, at most one call a worker is open, and either outcome of that one is right.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import cloud
from tests.fakes.roles import almighty

ABSENT = "absent"
TABLE, BUCKET, QUEUE, WATCHED = "crash-table", "crash-bucket", "crash-queue", "crash-watched"
MACHINE = "arn:aws:states:af-south-1:000000000000:stateMachine:crash"
KEYS = 12
"""Names a worker writes under; few, so that updates, deletions and versions meet."""


class Ended(Exception):
    """The embedded cloud was killed while a call was open, or before it."""


@dataclass
class Place:
    """One value somewhere: what was acknowledged last, and what an open call would make of it."""

    acknowledged: Any = ABSENT
    open: list[Any] = field(default_factory=list)

    @contextmanager
    def writing(self, value: Any) -> Iterator[None]:
        self.open = [value]
        yield
        self.acknowledged, self.open = value, []

    def settle(self, found: Any) -> bool:
        """Whether what was found is right; from now on it is what is expected."""
        right = found == self.acknowledged or found in self.open
        self.acknowledged, self.open = found, []
        return right


def clients(running: cloud.Cloud) -> dict[str, Any]:
    """Clients that never try again."""
    import boto3

    config = Config(
        retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, inject_host_prefix=False
    )
    return {
        name: boto3.client(
            name,
            endpoint_url=running.endpoint,
            region_name=cloud.REGION,
            aws_access_key_id=cloud.OPERATOR,
            aws_secret_access_key=cloud.OPERATOR,
            config=config,
        )
        for name in ("dynamodb", "sqs", "stepfunctions", "s3", "ssm", "events", "iam")
    }


def prepare(made: dict[str, Any]) -> None:
    """What the workload needs: a table, a queue, two buckets, a machine, a rule from a bucket to it."""
    made["dynamodb"].create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    made["sqs"].create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": "0"})
    for bucket in (BUCKET, WATCHED):
        made["s3"].create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.REGION}
        )
    made["s3"].put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    made["s3"].put_bucket_notification_configuration(
        Bucket=WATCHED, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    role = almighty(made["iam"])
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    made["stepfunctions"].create_state_machine(name="crash", definition=definition, roleArn=role)
    pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [WATCHED]}}})
    made["events"].put_rule(Name="crash", EventPattern=pattern)
    made["events"].put_targets(Rule="crash", Targets=[{"Id": "1", "Arn": MACHINE, "RoleArn": role}])


class Worker:
    """One caller, with its record of what was acknowledged."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.random = name, random.Random(seed)
        self.items = {f"{name}-{n}": Place() for n in range(KEYS)}
        self.pairs = {f"{name}-pair-{n}": Place() for n in range(3)}
        self.objects = {f"{name}/{n}": Place() for n in range(KEYS)}
        self.parameters = {f"/{name}/{n}": Place() for n in range(4)}
        self.messages: dict[str, Place] = {}
        self.executions: dict[str, Place] = {}
        self.watched: dict[str, Place] = {}
        self.queues: dict[str, Place] = {f"{name}-queue-{n}": Place() for n in range(2)}
        self.count = 0
        self.done: Counter[str] = Counter()
        self.busy = ""
        """The kind of the call that is open."""

    def steps(self, made: dict[str, Any]) -> list[Callable[[dict[str, Any]], None]]:
        often = [self.put, self.update, self.pair, self.send, self.take, self.start, self.object]
        return [
            *often,
            *often,
            self.delete,
            self.remove,
            self.parameter,
            self.watch,
            self.watch,
            self.queue,
        ]

    def run(self, made: dict[str, Any], until: threading.Event) -> None:
        """Call until the end of the embedded cloud."""
        steps = self.steps(made)
        try:
            while not until.is_set():
                step = self.random.choice(steps)
                self.busy = step.__name__
                step(made)
                self.done[step.__name__] += 1
                self.busy = ""
        except (BotoCoreError, ClientError, OSError) as error:
            if isinstance(error, ClientError) and "HTTPStatusCode" in error.response["ResponseMetadata"]:
                raise

    def put(self, made: dict[str, Any]) -> None:
        key = self.random.choice(list(self.items))
        self.count += 1
        with self.items[key].writing(self.count):
            item = {"id": {"S": key}, "n": {"N": str(self.count)}}
            made["dynamodb"].put_item(TableName=TABLE, Item=item)

    def update(self, made: dict[str, Any]) -> None:
        key = self.random.choice(list(self.items))
        before = self.items[key].acknowledged
        with self.items[key].writing((0 if before == ABSENT else before) + 1000):
            made["dynamodb"].update_item(
                TableName=TABLE,
                Key={"id": {"S": key}},
                UpdateExpression="ADD n :n",
                ExpressionAttributeValues={":n": {"N": "1000"}},
            )

    def delete(self, made: dict[str, Any]) -> None:
        key = self.random.choice(list(self.items))
        with self.items[key].writing(ABSENT):
            made["dynamodb"].delete_item(TableName=TABLE, Key={"id": {"S": key}})

    def pair(self, made: dict[str, Any]) -> None:
        key = self.random.choice(list(self.pairs))
        self.count += 1
        puts = [{"id": {"S": f"{key}-{side}"}, "n": {"N": str(self.count)}} for side in "ab"]
        with self.pairs[key].writing((self.count, self.count)):
            made["dynamodb"].transact_write_items(
                TransactItems=[{"Put": {"TableName": TABLE, "Item": item}} for item in puts]
            )

    def url(self, made: dict[str, Any]) -> str:
        return str(made["sqs"].get_queue_url(QueueName=QUEUE)["QueueUrl"])

    def send(self, made: dict[str, Any]) -> None:
        self.count += 1
        body = f"{self.name}:{self.count}"
        url = self.url(made)
        with self.messages.setdefault(body, Place()).writing(1):
            made["sqs"].send_message(QueueUrl=url, MessageBody=body)

    def take(self, made: dict[str, Any]) -> None:
        url = self.url(made)
        for message in (
            made["sqs"].receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        ):
            place = self.messages.get(message["Body"])
            if place is not None and self.random.random() < 0.7:  # another worker's message stays
                try:
                    with place.writing(ABSENT):
                        made["sqs"].delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                except made["sqs"].exceptions.ReceiptHandleIsInvalid:
                    place.open = []  # another worker has received it since

    def start(self, made: dict[str, Any]) -> None:
        self.count += 1
        name = f"{self.name}-{self.count}"
        with self.executions.setdefault(name, Place()).writing(1):
            made["stepfunctions"].start_execution(stateMachineArn=MACHINE, name=name)

    def object(self, made: dict[str, Any]) -> None:
        key = self.random.choice(list(self.objects))
        self.count += 1
        with self.objects[key].writing(f"{key}={self.count}"):
            body = f"{key}={self.count}"
            made["s3"].put_object(Bucket=BUCKET, Key=key, Body=body.encode(), Metadata={"n": body})

    def remove(self, made: dict[str, Any]) -> None:
        key = self.random.choice(list(self.objects))
        with self.objects[key].writing(ABSENT):
            made["s3"].delete_object(Bucket=BUCKET, Key=key)

    def watch(self, made: dict[str, Any]) -> None:
        self.count += 1
        key = f"{self.name}/{self.count}"
        with self.watched.setdefault(key, Place()).writing(1):
            made["s3"].put_object(Bucket=WATCHED, Key=key, Body=b"x")

    def parameter(self, made: dict[str, Any]) -> None:
        name = self.random.choice(list(self.parameters))
        self.count += 1
        with self.parameters[name].writing(str(self.count)):
            made["ssm"].put_parameter(Name=name, Value=str(self.count), Type="String", Overwrite=True)

    def queue(self, made: dict[str, Any]) -> None:
        name = self.random.choice(list(self.queues))
        place = self.queues[name]
        if place.acknowledged == ABSENT:
            with place.writing(1):
                made["sqs"].create_queue(QueueName=name)
        else:
            url = made["sqs"].get_queue_url(QueueName=name)["QueueUrl"]
            with place.writing(ABSENT):
                made["sqs"].delete_queue(QueueUrl=url)


class Found:
    """What is there, read over the APIs."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.made = made
        pages = made["dynamodb"].get_paginator("scan").paginate(TableName=TABLE)
        self.items = {row["id"]["S"]: int(row["n"]["N"]) for page in pages for row in page["Items"]}
        self.bodies = self._bodies()
        pages = made["stepfunctions"].get_paginator("list_executions").paginate(stateMachineArn=MACHINE)
        listed = [execution for page in pages for execution in page["executions"]]
        self.names = Counter(execution["name"] for execution in listed)
        self.statuses = {execution["name"]: execution["status"] for execution in listed}
        self.arns = {execution["name"]: execution["executionArn"] for execution in listed}
        self.queues = {url.rsplit("/", 1)[-1] for url in made["sqs"].list_queues().get("QueueUrls", [])}
        pages = made["s3"].get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        self.keys = {item["Key"] for page in pages for item in page.get("Contents", [])}

    def _bodies(self) -> Counter[str]:
        url = self.made["sqs"].get_queue_url(QueueName=QUEUE)["QueueUrl"]
        wanted = ["ApproximateNumberOfMessages"]
        answer = self.made["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=wanted)
        total = int(answer["Attributes"][wanted[0]])
        seen: dict[str, str] = {}
        while len(seen) < total:
            got = (
                self.made["sqs"]
                .receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60)
                .get("Messages", [])
            )
            seen.update({message["MessageId"]: message["Body"] for message in got})
            self.handles = getattr(self, "handles", []) + [message["ReceiptHandle"] for message in got]
            if not got:
                break
        for handle in getattr(self, "handles", []):
            self.made["sqs"].change_message_visibility(
                QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        return Counter(seen.values())

    def object(self, key: str) -> Any:
        if key not in self.keys:
            return ABSENT
        answer = self.made["s3"].get_object(Bucket=BUCKET, Key=key)
        body = answer["Body"].read().decode()
        return body if answer["Metadata"] == {"n": body} else f"{body} with metadata {answer['Metadata']}"

    def parameter(self, name: str) -> Any:
        found = self.made["ssm"].get_parameters(Names=[name])["Parameters"]
        return found[0]["Value"] if found else ABSENT


def compare(worker: Worker, found: Found) -> list[str]:
    """What is not as it was acknowledged."""
    wrong = []

    def check(kind: str, name: str, place: Place, value: Any) -> None:
        expected, open_call = place.acknowledged, list(place.open)
        if not place.settle(value):
            wrong.append(f"{kind} {name}: {value}, not {expected} (open: {open_call})")

    for name, place in worker.items.items():
        check("item", name, place, found.items.get(name, ABSENT))
    for name, place in worker.pairs.items():
        sides = tuple(found.items.get(f"{name}-{side}", ABSENT) for side in "ab")
        check("pair", name, place, ABSENT if sides == (ABSENT, ABSENT) else sides)
    for name, place in worker.messages.items():
        check("message", name, place, found.bodies.get(name) or ABSENT)
    for name, place in worker.executions.items():
        check("execution", name, place, found.names.get(name) or ABSENT)
    for name, place in worker.queues.items():
        check("queue", name, place, 1 if name in found.queues else ABSENT)
    for name, place in worker.objects.items():
        check("object", name, place, found.object(name))
    for name, place in worker.parameters.items():
        check("parameter", name, place, found.parameter(name))
    return wrong
