"""Distributed maps: item files, batches, results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import distributed_map
from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def distributed(**more: Any) -> dict[str, Any]:
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "{% $states.input.key %}"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        },
        "End": True,
        **more,
    }
    return {"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": state}}


CSV = b"id,amount\n1,10\n2,20\n3,30\n"


def test_a_distributed_map_reads_csv_and_selects(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    done = lab.run(
        distributed(ItemSelector={"v": "{% $states.context.Map.Item.Value.id %}"}),
        {"bucket": bucket, "key": "rows"},
    )
    assert json.loads(done["output"]) == [{"v": "1"}, {"v": "2"}, {"v": "3"}]
    runs = lab.states.list_map_runs(executionArn=done["executionArn"])["mapRuns"]
    assert len(runs) == 1


def test_items_are_batched(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"f": 1}}
    done = lab.run(distributed(ItemBatcher=batcher), {"bucket": bucket, "key": "rows"})
    output = json.loads(done["output"])
    assert [len(batch["Items"]) for batch in output] == [2, 1]
    assert output[0]["BatchInput"] == {"f": 1}


def test_a_batcher_with_a_selector_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(ClientError, match="ItemBatcher together with ItemSelector"):
        lab.machine(distributed(ItemBatcher={"MaxItemsPerBatch": 2}, ItemSelector={"x": 1}))
    assert distributed_map.batches([1, 2, 3], {"MaxItemsPerBatch": 2}) == [
        {"Items": [1, 2]},
        {"Items": [3]},
    ]


def test_json_lines_are_read(lab: Lab) -> None:
    bucket = lab.bucket(rows=b'{"i": 1}\n{"i": 2}\n')
    definition = distributed()
    definition["States"]["M"]["ItemReader"]["ReaderConfig"] = {"InputType": "JSONL"}
    done = lab.run(definition, {"bucket": bucket, "key": "rows"})
    assert json.loads(done["output"]) == [{"i": 1}, {"i": 2}]


def test_results_are_written_to_s3(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    writer: dict[str, Any] = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": bucket, "Prefix": "results"},
    }
    done = lab.run(distributed(ResultWriter=writer), {"bucket": bucket, "key": "rows"})
    assert done["status"] == "SUCCEEDED", done
    where = json.loads(done["output"])["ResultWriterDetails"]
    manifest = json.loads(lab.platform.s3.get_object(Bucket=bucket, Key=where["Key"])["Body"].read())
    result = manifest["ResultFiles"]["SUCCEEDED"][0]["Key"]
    rows = json.loads(lab.platform.s3.get_object(Bucket=bucket, Key=result)["Body"].read())
    assert [json.loads(row["Output"])["id"] for row in rows] == ["1", "2", "3"]
    writer["Arguments"]["Prefix"] = "{% $states.input.prefix %}"
    with pytest.raises(ClientError, match="JSONata in a ResultWriter"):
        lab.machine(distributed(ResultWriter=writer))


def test_a_whole_number_as_tolerated_percentage_is_taken(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    definition = distributed(ToleratedFailurePercentage=50)
    assert lab.run(definition, {"bucket": bucket, "key": "rows"})["status"] == "SUCCEEDED"
