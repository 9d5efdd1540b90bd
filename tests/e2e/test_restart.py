"""Killed midway and started again: every file is accounted for, and what was lost can be mended."""

from __future__ import annotations

import io
import json
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import cloud, deploy
from local.state import damage, inspect
from ona.documents.assets import Location
from ona.runtime.words import counted
from ops import accounting, ingest, seed
from ops.target import TEMPLATE, Target, embedded
from tests.builders.assets import make_registry
from tests.builders.telemetry import DAY, dead_from, sunny_day, to_csv
from tests.fakes.roles import almighty

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("restart")]
FILES = 24


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    cloud.stop(tmp_path / "home", kill=True)


def up(home: Path) -> Target:
    running = cloud.start(home, port=cloud.free_port(0), extra_environment={"SFN_WAIT_SCALE": "0.02"})
    target = embedded(running)
    deploy.deploy(running.client, TEMPLATE, target.stack, {"Environment": "dev"})
    ingest.put_registry(target, make_registry())
    seed.put_crews(target, seed.example_crews(Location(latitude=-26.2, longitude=28.0)))
    return target


def settled(target: Target, seconds: float = 240) -> list[accounting.FileAccount]:
    deadline = time.monotonic() + seconds
    while True:
        accounts = accounting.account(target)
        if not any(item.state == "running" for item in accounts) or time.monotonic() > deadline:
            return accounts
        time.sleep(0.2)


def test_a_kill_midway_loses_nothing_that_is_not_named_and_redrive_mends_it(home: Path) -> None:
    from typer.testing import CliRunner

    from ops.cli import app

    target = up(home)
    for number in range(FILES):
        asset = f"INV-{number % 6 + 1:03d}"
        day = DAY.replace(day=1 + number // 6)
        frame = dead_from(9, asset) if number == 0 else sunny_day(asset, day)
        key = f"observations/{day:%Y/%m/%d}/{asset}_{day:%Y%m%d}.csv"
        ingest.put(target, ingest.Upload(key, to_csv(frame)))
    time.sleep(1.0)  # some files through, some running, some of which the event is not delivered
    cloud.stop(home, kill=True)

    target = up(home)
    accounts = settled(target)
    deadline = time.monotonic() + 30
    while any(item.state == "lost" for item in accounts) and time.monotonic() < deadline:
        time.sleep(0.2)  # the rule's letters of what the kill ended come a moment after the start
        accounts = settled(target)
    executions = target.client("stepfunctions").list_executions(stateMachineArn=target.machine)
    assert len(executions["executions"]) == FILES, "each file's event was delivered, and once"
    counts = accounting.totals(accounts)
    assert len(accounts) == FILES, "every object survived the kill"
    assert set(counts) <= {"done", "dead letter"}, "what the kill ended has a letter"
    lost = {item.key for item in accounts if item.state == "dead letter"}

    runner, environment = CliRunner(), {"ONA_HOME": str(home)}
    status = runner.invoke(app, ["status"], env=environment)
    assert status.exit_code == 0, status.output
    for key in lost:
        assert key.removeprefix("observations/") in status.output.replace("\n", "")
    redrive = runner.invoke(app, ["dlq", "redrive"], env=environment)
    assert f"{counted(len(lost), 'piece of work')} started" in redrive.output
    accounts = settled(target)
    assert accounting.totals(accounts) == {"done": FILES}
    orders = target.client("s3").list_objects_v2(Bucket=target.output_bucket, Prefix="work-orders/")
    assert orders["KeyCount"] == 1
    its_state_survives_a_restart(home, target)


def its_state_survives_a_restart(home: Path, target: Target) -> None:
    """Stopped in order and started: what was done is known, and the next file is taken."""
    asked, deadline = {"stateMachineArn": target.machine}, time.monotonic() + 60
    states = target.client("stepfunctions")
    while states.list_executions(**asked, statusFilter="RUNNING")["executions"]:
        assert time.monotonic() < deadline, "a site's day ends soon after its last file"
        time.sleep(0.2)
    before = [item["name"] for item in states.list_executions(**asked)["executions"]]
    assert len(before) >= FILES
    cloud.stop(home)
    started = time.monotonic()
    running = cloud.start(home)
    assert time.monotonic() - started < 30
    again = embedded(running)
    assert accounting.totals(accounting.account(again)) == {"done": FILES}
    kept = again.client("stepfunctions").list_executions(stateMachineArn=again.machine)["executions"]
    assert [item["name"] for item in kept if item["name"] in before] == before
    ingest.put(again, ingest.Upload("observations/2025/06/11/b.csv", to_csv(sunny_day())))
    time.sleep(1)
    assert accounting.totals(settled(again)) == {"done": FILES + 1}, "and the rule still works"


def a_little_of_everything(running: cloud.Cloud) -> None:
    dynamodb, s3 = running.client("dynamodb"), running.client("s3")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    dynamodb.put_item(TableName="table", Item={"id": {"S": "a"}})
    url = running.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
    running.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    running.client("ssm").put_parameter(Name="/p", Value="v", Type="String")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": cloud.REGION})
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="bucket", Key="k", Body=b"1", Tagging="a=b", Metadata={"m": "n"})
    s3.put_object(Bucket="bucket", Key="k", Body=b"2")
    record = {"Resources": {"R": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    running.client("cloudformation").create_stack(StackName="stack", TemplateBody=json.dumps(record))
    running.client("cloudformation").get_waiter("stack_create_complete").wait(StackName="stack")


def is_all_there(running: cloud.Cloud) -> bool:
    url = running.client("sqs").get_queue_url(QueueName="queue")["QueueUrl"]
    wanted = ["ApproximateNumberOfMessages"]
    attributes = running.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=wanted)[
        "Attributes"
    ]
    s3 = running.client("s3")
    first = s3.list_object_versions(Bucket="bucket")["Versions"][-1]["VersionId"]
    named = {"Bucket": "bucket", "Key": "k", "VersionId": first}
    stacks = running.client("cloudformation").describe_stacks(StackName="stack")["Stacks"]
    return (
        running.client("dynamodb").scan(TableName="table")["Count"] == 1
        and attributes[wanted[0]] == "1"
        and running.client("ssm").get_parameter(Name="/p")["Parameter"]["Value"] == "v"
        and s3.get_object(**named)["Body"].read() == b"1"
        and s3.get_object(**named)["Metadata"] == {"m": "n"}
        and s3.get_object_tagging(**named)["TagSet"] == [{"Key": "a", "Value": "b"}]
        and stacks[0]["StackStatus"] == "CREATE_COMPLETE"
    )


def test_a_kill_right_after_the_answer_costs_nothing(home: Path) -> None:
    running = cloud.start(home, port=cloud.free_port(0))
    a_little_of_everything(running)
    cloud.stop(home, kill=True)
    assert is_all_there(cloud.start(home, port=cloud.free_port(0)))
    assert inspect.check(home) == damage.read(home) == []


def test_damaged_files_are_told_and_cost_nothing_while_another_copy_is_there(home: Path) -> None:
    """Also the stacks' file, whose loss ended every later `ona up`."""
    a_little_of_everything(cloud.start(home, port=cloud.free_port(0)))
    cloud.stop(home)
    for _ in range(2):  # one more generation
        cloud.start(home, port=cloud.free_port(0))
        cloud.stop(home)
    newest = max((home / "state" / "generations").iterdir())
    ways = {"cloudformation.json": b"", "sqs.json": b'{"queues": {', "dynamodb.json": b"[1, 2, 3]"}
    for name, content in ways.items():
        (newest / name).write_bytes(content)
    assert {problem.where.rsplit("/", 1)[-1] for problem in inspect.check(home)} == set(ways)
    assert is_all_there(cloud.start(home, port=cloud.free_port(0)))
    told = damage.read(home)
    assert {item.file.rsplit("/", 1)[-1] for item in told} == set(ways)
    assert all(item.lost.startswith("nothing") and (home / item.set_aside).exists() for item in told)
    cloud.stop(home)
    assert is_all_there(cloud.start(home, port=cloud.free_port(0)))
    assert damage.read(home) == told, "told once"


def test_a_home_of_before_the_journal_is_brought_forward(home: Path) -> None:
    """Until commit 78eff5a a home had one file a service, `state/<service>.json`."""
    a_little_of_everything(cloud.start(home, port=cloud.free_port(0)))
    cloud.stop(home)
    state = home / "state"
    newest = max((state / "generations").iterdir())
    for path in newest.glob("*.json"):
        if path.stem not in ("manifest", "ona"):
            old = {"__ministack_format__": 2, "payload": json.loads(path.read_text())}
            (state / path.name).write_text(json.dumps(old))
    shutil.rmtree(state / "generations")
    shutil.rmtree(state / "journal")
    assert is_all_there(cloud.start(home, port=cloud.free_port(0)))
    cloud.stop(home)
    assert not list(state.glob("*.json")), "the old files went when a snapshot had all of them"
    assert is_all_there(cloud.start(home, port=cloud.free_port(0)))
    assert damage.read(home) == []


def test_a_function_that_was_accepted_runs_after_a_kill(home: Path) -> None:
    """An asynchronous invocation was answered by 202: killed before it ended, it runs at the next start."""
    running = cloud.start(home, port=cloud.free_port(0))
    running.client("s3").create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": cloud.REGION}
    )
    code = (
        "import boto3, time\n"
        "def handler(event, context):\n"
        "    time.sleep(event['seconds'])\n"
        "    boto3.client('s3').put_object(Bucket='bucket', Key='ran', Body=b'x')\n"
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", code)
    functions = running.client("lambda")
    functions.create_function(
        FunctionName="slow",
        Runtime="python3.11",
        Handler="index.handler",
        Role=almighty(running.client("iam")),
        Timeout=60,
        Code={"ZipFile": package.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="slow")
    answer = functions.invoke(FunctionName="slow", InvocationType="Event", Payload=b'{"seconds": 2}')
    assert answer["StatusCode"] == 202
    cloud.stop(home, kill=True)
    s3 = cloud.start(home, port=cloud.free_port(0)).client("s3")
    deadline = time.monotonic() + 60
    while not s3.list_objects_v2(Bucket="bucket").get("Contents") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["ran"]


def test_it_listens_on_loopback_only(home: Path) -> None:
    running = cloud.start(home, port=cloud.free_port(0), keep_state=False)
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs /proc/net/tcp")
    wanted = f":{running.port:04X}"
    listening = [
        line.split()[1]
        for path in (table, Path("/proc/net/tcp6"))
        if path.exists()
        for line in path.read_text().splitlines()[1:]
        if line.split()[1].endswith(wanted) and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F{wanted}"]


def test_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(cloud.CloudError, match="is taken by another program"):
            cloud.start(tmp_path / "home", port=other.getsockname()[1], keep_state=False)
