"""A disk that is full, or fails: what was not stored is an error, and what was stored stays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from local import cloud
from local.state import damage, inspect
from tests.fakes.disk import Disk
from tests.fakes.roles import almighty

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("disk")]
NAMES = ("before", "during", "later", "after", "many")
MACHINE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    cloud.stop(disk.home, kill=True)


class Services:
    """The clients that do not try again, and one of each thing."""

    def __init__(self, running: cloud.Cloud) -> None:
        import boto3

        self._common = {
            "endpoint_url": running.endpoint,
            "region_name": cloud.REGION,
            "aws_access_key_id": cloud.OPERATOR,
            "aws_secret_access_key": cloud.OPERATOR,
        }
        self._config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        made = {name: boto3.client(name, config=self._config, **self._common) for name in CODES}
        self.dynamodb, self.sqs, self.stepfunctions = made["dynamodb"], made["sqs"], made["stepfunctions"]
        self.s3, self.ssm, self.sns = made["s3"], made["ssm"], made["sns"]
        self.iam = boto3.client("iam", config=self._config, **self._common)

    def prepare(self) -> None:
        self.dynamodb.create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        for name in NAMES:
            self.sqs.create_queue(QueueName=name)
        self.s3.create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": cloud.REGION}
        )
        role = almighty(self.iam)
        self.machine = self.stepfunctions.create_state_machine(
            name="m", definition=json.dumps(MACHINE), roleArn=role
        )["stateMachineArn"]

    def queue(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name if name in NAMES else "many")["QueueUrl"])

    def messages(self, name: str) -> int:
        wanted = ["ApproximateNumberOfMessages"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=wanted)
        return int(answer["Attributes"][wanted[0]])

    def writes(self, name: str) -> dict[str, Callable[[], Any]]:
        machine = "arn:aws:states:af-south-1:000000000000:stateMachine:m"
        return {
            "dynamodb": lambda: self.dynamodb.put_item(TableName="table", Item={"id": {"S": name}}),
            "sqs": lambda: self.sqs.send_message(QueueUrl=self.queue(name), MessageBody=name),
            "stepfunctions": lambda: self.stepfunctions.start_execution(stateMachineArn=machine, name=name),
            "s3": lambda: self.s3.put_object(Bucket="bucket", Key=name, Body=name.encode() * 100),
            "ssm": lambda: self.ssm.put_parameter(Name=f"/{name}", Value="v", Type="String"),
            "sns": lambda: self.sns.create_topic(Name=name),
        }

    def has(self, name: str) -> dict[str, bool]:
        machine = "arn:aws:states:af-south-1:000000000000:stateMachine:m"
        listed = self.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
        keys = self.s3.list_objects_v2(Bucket="bucket").get("Contents", [])
        return {
            "dynamodb": "Item" in self.dynamodb.get_item(TableName="table", Key={"id": {"S": name}}),
            "sqs": self.messages(name) == 1,
            "stepfunctions": name in [execution["name"] for execution in listed],
            "s3": name in [item["Key"] for item in keys],
            "ssm": bool(self.ssm.get_parameters(Names=[f"/{name}"])["Parameters"]),
            "sns": any(item["TopicArn"].endswith(f":{name}") for item in self.sns.list_topics()["Topics"]),
        }


CODES = {
    "dynamodb": "InternalServerError",
    "sqs": "InternalFailure",
    "stepfunctions": "InternalFailure",
    "s3": "InternalError",
    "ssm": "InternalFailure",
    "sns": "InternalFailure",
}


def refusals(services: Services, name: str) -> dict[str, str]:
    found = {}
    for service, write in services.writes(name).items():
        with pytest.raises(ClientError) as raised:
            write()
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        found[service] = raised.value.response["Error"]["Code"]
    return found


def test_a_full_disk_is_an_error_and_all_goes_on_when_there_is_space(disk: Disk) -> None:
    services = Services(disk.start())
    services.prepare()
    for write in services.writes("before").values():
        write()
    services.s3.put_object(Bucket="bucket", Key="kept", Body=b"old", Metadata={"is": "old"})
    filled = fill(disk, services)
    assert refusals(services, "during") == CODES
    with pytest.raises(ClientError):
        services.s3.put_object(Bucket="bucket", Key="kept", Body=b"new")
    kept = services.s3.get_object(Bucket="bucket", Key="kept")
    assert (kept["Body"].read(), kept["Metadata"]) == (b"old", {"is": "old"})
    assert set(services.has("before").values()) == {True}, "reading goes on"
    assert set(services.has("during").values()) == {False}, "memory does not show what was refused"

    disk.clear("full")
    deadline = time.monotonic() + 30
    while True:
        try:
            services.dynamodb.put_item(TableName="table", Item={"id": {"S": "again"}})
            break
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for write in services.writes("after").values():
        write()
    memory = services.has("after"), services.has("during"), count(services)
    assert memory[0] == dict.fromkeys(CODES, True)

    cloud.stop(disk.home, kill=True)
    services = Services(disk.start())
    assert (services.has("after"), services.has("during"), count(services)) == memory, (
        "disk is as memory was"
    )
    assert filled > 0


def test_an_object_that_does_not_fit_leaves_the_earlier_one(disk: Disk) -> None:
    """The journal has room left, the disk has none: the object's own file is what fails."""
    services = Services(disk.start())
    services.prepare()
    s3 = services.s3
    s3.put_object(Bucket="bucket", Key="kept", Body=b"old", Metadata={"is": "old"}, Tagging="is=old")
    disk.set("full-for-objects")
    for key in ("kept", "fresh"):
        with pytest.raises(ClientError) as raised:
            s3.put_object(Bucket="bucket", Key=key, Body=b"newer", Metadata={"is": "new"}, Tagging="is=new")
        assert raised.value.response["Error"]["Code"] == "InternalError"
    services.dynamodb.put_item(TableName="table", Item={"id": {"S": "fits"}})

    def shown() -> Any:
        listed = [(item["Key"], item["Size"]) for item in s3.list_objects_v2(Bucket="bucket")["Contents"]]
        kept = s3.get_object(Bucket="bucket", Key="kept")
        tags = s3.get_object_tagging(Bucket="bucket", Key="kept")["TagSet"]
        return listed, kept["Body"].read(), kept["Metadata"], tags

    expected = ([("kept", 3)], b"old", {"is": "old"}, [{"Key": "is", "Value": "old"}])
    assert shown() == expected
    disk.clear("full-for-objects")
    s3.put_object(Bucket="bucket", Key="kept", Body=b"newest")
    assert s3.get_object(Bucket="bucket", Key="kept")["Body"].read() == b"newest"


def test_an_object_whose_earlier_version_cannot_be_kept_is_not_replaced(disk: Disk) -> None:
    """Something stands where the folder of the earlier version belongs: no full disk, no other's file."""
    s3 = Services(disk.start()).s3
    place = {"LocationConstraint": "af-south-1"}
    s3.create_bucket(Bucket="versions", CreateBucketConfiguration=place)
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="versions", Key="in/the-way", Body=b"old")["VersionId"]
    s3.put_object(Bucket="versions", Key="free", Body=b"old")
    folder = disk.home / "s3" / ".versions" / "000000000000" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / first).write_bytes(b"")
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket="versions", Key="in/the-way", Body=b"new")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert s3.get_object(Bucket="versions", Key="in/the-way")["Body"].read() == b"old"
    s3.put_object(Bucket="versions", Key="free", Body=b"new")
    listed = s3.list_object_versions(Bucket="versions")["Versions"]
    assert sorted((item["Key"], item["IsLatest"]) for item in listed) == [
        ("free", False),
        ("free", True),
        ("in/the-way", True),
    ]


def fill(disk: Disk, services: Services) -> int:
    """Make the disk full and use up what the journal had allocated ahead."""
    disk.set("full")
    for n in range(1000):
        try:
            item = {"id": {"S": f"fill-{n}"}, "pad": {"S": "x" * 100_000}}
            services.dynamodb.put_item(TableName="table", Item=item)
        except ClientError:
            return n + 1
    raise AssertionError("a full disk took everything")


def count(services: Services) -> int:
    return int(services.dynamodb.scan(TableName="table", Select="COUNT")["Count"])


def test_when_synchronising_fails_nothing_more_is_accepted_until_a_restart(disk: Disk) -> None:
    services = Services(disk.start())
    services.prepare()
    for write in services.writes("before").values():
        write()
    disk.set("broken")
    assert refusals(services, "during") == CODES
    disk.clear("broken")
    codes = refusals(services, "later")
    assert codes["dynamodb"] == CODES["dynamodb"], "what the disk has now is unknown"
    assert set(services.has("before").values()) == {True}, "reading goes on"
    cloud.stop(disk.home, kill=True)
    services = Services(disk.start())
    assert set(services.has("before").values()) == {True}
    for write in services.writes("after").values():
        write()
    assert set(services.has("after").values()) == {True}


def test_a_disk_that_takes_no_writing_is_named_at_the_start(disk: Disk) -> None:
    disk.set("readonly")
    with pytest.raises(cloud.CloudError, match=r"state cannot be written: .*Read-only file system"):
        disk.start()


def test_what_a_power_cut_may_lose_was_never_acknowledged(disk: Disk) -> None:
    services = Services(disk.start(mirror=True))
    services.prepare()
    for n in range(8):
        for write in services.writes(f"w{n}").values():
            write()
    services.s3.put_object(Bucket="bucket", Key="deep/er/key", Body=b"x")
    services.s3.delete_object(Bucket="bucket", Key="w0")
    cloud.stop(disk.home, kill=True)
    disk.lose_what_was_not_synchronised()
    services = Services(disk.start(mirror=True))
    missing = [n for n in range(1, 8) if not services.has(f"w{n}")["dynamodb"]]
    assert missing == []
    keys = {item["Key"] for item in services.s3.list_objects_v2(Bucket="bucket")["Contents"]}
    assert keys == {"deep/er/key", *(f"w{n}" for n in range(1, 8))}
    assert services.s3.get_object(Bucket="bucket", Key="w7")["Body"].read() == b"w7" * 100
    assert len(services.ssm.describe_parameters(MaxResults=50)["Parameters"]) == 8
    assert services.messages("many") == 8


def test_a_kill_between_the_two_files_of_an_object_leaves_it_whole(disk: Disk) -> None:
    """The bytes are in place, their metadata are not: the third write of `k` is ended at the next start."""
    services = Services(disk.start(kill="replace@/bucket/k.meta.json:3"))
    services.prepare()
    services.s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    bodies = [b"one", b"longer two", b"the longest, three"]
    for body in bodies[:2]:
        services.s3.put_object(Bucket="bucket", Key="k", Body=body, Metadata={"is": str(len(body))})
    with pytest.raises((EndpointConnectionError, HTTPClientError)):
        services.s3.put_object(Bucket="bucket", Key="k", Body=bodies[2], Metadata={"is": "18"})
    services = Services(disk.start())
    kept = services.s3.get_object(Bucket="bucket", Key="k")
    assert (kept["Body"].read(), kept["Metadata"]) in ((bodies[1], {"is": "10"}), (bodies[2], {"is": "18"}))
    versions = services.s3.list_object_versions(Bucket="bucket")["Versions"]
    for version in versions:
        named = {"Bucket": "bucket", "Key": "k", "VersionId": version["VersionId"]}
        assert len(services.s3.get_object(**named)["Body"].read()) == version["Size"]
    assert {version["Size"] for version in versions} >= {3, 10}, "what was acknowledged"
    assert damage.read(disk.home) == inspect.check(disk.home) == []


def test_damaged_objects_are_told_never_served_and_cost_no_other(disk: Disk) -> None:
    services = Services(disk.start())
    services.prepare()
    keys = [f"k{n}" for n in range(6)]
    for key in keys:
        services.s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    cloud.stop(disk.home, kill=True)
    folder = disk.home / "s3" / "000000000000" / "bucket"
    (folder / "k1.meta.json").write_text("[]")
    (folder / "k2").write_bytes(b"K2")
    (folder / "k3").unlink()
    services = Services(disk.start())
    listed = [item["Key"] for item in services.s3.list_objects_v2(Bucket="bucket")["Contents"]]
    assert listed == ["k0", "k1", "k2", "k4", "k5"]
    with pytest.raises(ClientError) as raised:
        services.s3.get_object(Bucket="bucket", Key="k2")
    assert raised.value.response["Error"]["Code"] == "InternalError"
    for key in ("k0", "k1", "k4", "k5"):
        assert services.s3.get_object(Bucket="bucket", Key=key)["Body"].read() == key.encode()
    assert len(damage.read(disk.home)) == 2
    with pytest.raises(ClientError):
        services.s3.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": "k2"})
    services.s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    services.s3.put_object(Bucket="bucket", Key="k2", Body=b"again")
    assert services.s3.get_object(Bucket="bucket", Key="k2")["Body"].read() == b"again"


def test_the_shim_shows_a_write_without_synchronisation(tmp_path: Path) -> None:
    """The mirror would notice: what is only written is gone after a power cut."""
    import subprocess
    import sys

    disk = Disk(tmp_path)
    folder = disk.home / "state"
    for name in ("state", "s3"):
        (disk.home / name).mkdir()
    code = (
        "import os\n"
        f"d = {str(folder)!r}\n"
        "def put(name, sync_file, sync_name):\n"
        "    h = os.open(d + '/' + name, os.O_WRONLY | os.O_CREAT, 0o600); os.write(h, b'x')\n"
        "    sync_file and os.fsync(h); os.close(h)\n"
        "    if sync_name: h = os.open(d, os.O_RDONLY); os.fsync(h); os.close(h)\n"
        "put('both', True, True); put('nameless', True, False)\n"
    )
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[2] / "shims" / "disk"),
        "DISK_ROOT": str(disk.home),
        "DISK_MIRROR": str(disk.mirror),
    }
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    disk.lose_what_was_not_synchronised()
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("both", b"x")]
