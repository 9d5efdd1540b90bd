"""What durability costs: ms a call, replay, snapshots, memory. `python -m benchmarks.durability`.

Three ways: *without* (nothing is kept), *written* (kept, not synchronised), *synced* (as it is).
`docs/embedded-cloud/state.md` has the numbers.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local import cloud
from local.state import documents, restore, snapshot
from local.state.journal import Journal

CALLS = 200
THREADS = 8
KEY = ("000000000000", "af-south-1", "table")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "states.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
UNSYNCED = "import os\nos.fsync = os.fdatasync = lambda handle: None\n"


def milliseconds(call: Callable[[int], object], calls: int = CALLS) -> str:
    """Median and 95th percentile of one call after the other."""
    taken = []
    for number in range(calls):
        started = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return f"{statistics.median(taken):.1f} / {taken[int(calls * 0.95)]:.1f}"


def resident(pid: int) -> int:
    """Memory of a process, MiB."""
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def calls(running: cloud.Cloud) -> dict[str, str]:
    """Median and p95 of each kind of call, and the server's memory before and after them."""
    idle = resident(running.pid)
    dynamodb, sqs, s3 = (running.client(name) for name in ("dynamodb", "sqs", "s3"))
    machines, ssm = running.client("stepfunctions"), running.client("ssm")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": cloud.REGION})
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    role = running.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=TRUST)["Role"]
    machine = machines.create_state_machine(name="m", definition=definition, roleArn=role["Arn"])[
        "stateMachineArn"
    ]

    def item(name: str) -> dict[str, Any]:
        return {"id": {"S": name}, "n": {"N": "1"}, "pad": {"S": "x" * 500}}

    def add(number: int) -> object:
        return dynamodb.update_item(
            TableName="table",
            Key={"id": {"S": str(number)}},
            UpdateExpression="ADD n :n",
            ExpressionAttributeValues={":n": {"N": "1"}},
        )

    found = {
        "PutItem": milliseconds(lambda n: dynamodb.put_item(TableName="table", Item=item(str(n)))),
        "UpdateItem": milliseconds(add),
        "GetItem": milliseconds(lambda n: dynamodb.get_item(TableName="table", Key={"id": {"S": str(n)}})),
        "SendMessage": milliseconds(lambda n: sqs.send_message(QueueUrl=url, MessageBody=str(n))),
        "StartExecution": milliseconds(
            lambda n: machines.start_execution(stateMachineArn=machine, name=f"e{n}"), 50
        ),
        "PutObject": milliseconds(lambda n: s3.put_object(Bucket="bucket", Key=f"k/{n}", Body=b"x" * 1000)),
        "PutParameter": milliseconds(
            lambda n: ssm.put_parameter(Name=f"/p{n}", Value="v", Type="String"), 50
        ),
    }
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        list(pool.map(lambda n: dynamodb.put_item(TableName="table", Item=item(f"p{n}")), range(400)))
        found[f"PutItem, {THREADS} callers, a second"] = f"{400 / (time.perf_counter() - started):.0f}"
    found["memory before the calls, MiB"] = str(idle)
    found["memory after the calls, MiB"] = str(resident(running.pid))
    return found


def one_way(way: str, folder: Path) -> dict[str, str]:
    """The calls, in one of the three ways."""
    (folder / "sitecustomize.py").write_text(UNSYNCED if way == "written" else "")
    home = folder / "home"
    extra = {"PYTHONPATH": str(folder)}
    keep = way != "without"
    running = cloud.start(home, port=cloud.free_port(0), keep_state=keep, extra_environment=extra)
    try:
        return calls(running)
    finally:
        cloud.stop(home, kill=True)


def replay(records: int, folder: Path) -> str:
    """Reading a journal of so many item records."""
    kept = Journal(folder / "state" / "journal")
    kept.append([documents.record("dynamodb", "tables", "r", repr(KEY), [], '{"TableName":"table"}')])
    for number in range(records):
        value = json.dumps({"id": {"S": str(number)}, "pad": {"S": "x" * 500}})
        kept.append(
            [documents.record("dynamodb", "tables", "r", repr(KEY), ["items", str(number), ""], value)]
        )
    kept.wait(kept.appended, lambda _: None)
    while kept.synced < kept.appended:
        time.sleep(0.01)
    started, used = time.perf_counter(), time.process_time()
    found = restore.restore(folder)
    assert found.records == records + 1
    taken, used = time.perf_counter() - started, time.process_time() - used
    return f"{taken * 1000:.0f} ms, {used * 1000:.0f} ms of it CPU"


def snapshot_of(items: int, folder: Path) -> str:
    """Writing a snapshot of so many items, and reading it, s."""
    pieces = [
        f"{',' if n else ''}{json.dumps(str(n))}:{json.dumps({'-': {'pad': {'S': 'x' * 500}}})}".encode()
        for n in range(items)
    ]
    key = json.dumps(f"{KEY[0]}\x00{KEY[1]}\x00{KEY[2]!r}").encode()
    head = b'{"tables":{"__account_region_scoped__":true,"data":{' + key + b':{"items":{'
    started, used = time.perf_counter(), time.process_time()
    snapshot.write(folder / "state", 1, {"dynamodb": lambda: [head, *pieces, b"}}}}}"]})
    written, write_used = time.perf_counter() - started, time.process_time() - used
    started, used = time.perf_counter(), time.process_time()
    restore.restore(folder)
    taken, used = time.perf_counter() - started, time.process_time() - used
    return f"{written:.2f} s ({write_used:.2f} CPU), read in {taken:.2f} s ({used:.2f} CPU)"


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        tables = {}
        for way in ("without", "written", "synced"):
            (root / way).mkdir()
            tables[way] = one_way(way, root / way)
        print("| call (median / p95, ms) | without | written | synced |\n| --- | --- | --- | --- |")
        for call in tables["synced"]:
            print("| " + " | ".join([call, *(tables[way][call] for way in tables)]) + " |")
        for records in (1_400, 100_000):
            print(f"replay of {records} records: {replay(records, root / f'replay-{records}')}")
        print(f"snapshot of 100000 items: {snapshot_of(100_000, root / 'snapshot')}")


if __name__ == "__main__":
    main()
