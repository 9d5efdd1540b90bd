"""An order of commit 851e08e, full of history, in a home: `ona up` brings it forward.

`data/full_order_851e08e.json.gz` is the item that the functions of that commit wrote after a hundred
changes with long notes: nearly the 400 KB that DynamoDB takes. The next change was refused, and so was
every later one.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ona.repairs import history
from ona.repairs.tracking import TrackedOrder
from ona.store.tables import from_item
from ops import forward
from ops.demo.follow import run_task
from tests.fakes.platform import Platform

pytestmark = pytest.mark.cloud
FULL = Path(__file__).parent / "data" / "full_order_851e08e.json.gz"


def test_a_full_order_of_before_is_brought_forward(platform: Platform) -> None:
    item: dict[str, Any] = json.loads(gzip.decompress(FULL.read_bytes()))
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["TrackingTableName"]
    key = {"job_id": item["job_id"]}
    assert forward.bring_forward(platform.target) is None, "an empty home has nothing to bring forward"
    dynamodb.put_item(TableName=table, Item=item)
    with pytest.raises(dynamodb.exceptions.ClientError, match="maximum allowed size"):
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET history = list_append(history, :line)",
            ExpressionAttributeValues={":line": {"L": [item["history"]["L"][-1]]}},
        )

    report = forward.bring_forward(platform.target)
    assert report is not None
    assert report.failed == []
    assert report.mended == [f"keep the history of {item['job_id']['S']} in items of its own: 101 lines"]
    assert forward.bring_forward(platform.target) is None, "once is enough"

    short = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    assert short["history"]["L"] == item["history"]["L"][-history.TAIL :]
    same = {
        name: value for name, value in from_item(short).items() if name not in ("history", "history_kept")
    }
    assert same == {name: value for name, value in from_item(item).items() if name != "history"}
    for version, line in enumerate(item["history"]["L"], start=1):
        name = {"job_id": {"S": history.key_of(item["job_id"]["S"], version)}}
        kept = from_item(dynamodb.get_item(TableName=table, Key=name)["Item"])
        assert from_item(line["M"]).items() <= kept.items()
    TrackedOrder.read(from_item(short))
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET history = list_append(history, :line), version = :version",
        ExpressionAttributeValues={
            ":line": {"L": [item["history"]["L"][-1]]},
            ":version": {"N": "102"},
        },
    )
    answer = run_task(platform.target, "operationsApi", "verify")
    assert answer["waiting"] == 0
