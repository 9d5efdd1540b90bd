"""Distributed maps: item files, batches, results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import map_items, map_results
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
    assert map_items.batches([1, 2, 3], {"MaxItemsPerBatch": 2}) == [
        {"Items": [1, 2]},
        {"Items": [3]},
    ]


def test_json_lines_are_read(lab: Lab) -> None:
    bucket = lab.bucket(rows=b'{"i": 1}\n{"i": 2}\n')
    definition = distributed()
    definition["States"]["M"]["ItemReader"]["ReaderConfig"] = {"InputType": "JSONL"}
    done = lab.run(definition, {"bucket": bucket, "key": "rows"})
    assert json.loads(done["output"]) == [{"i": 1}, {"i": 2}]


def writer(bucket: str, **more: Any) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": bucket, "Prefix": "{% 'results/' & $states.input.run %}"},
        **more,
    }


def read(lab: Lab, bucket: str, key: str) -> Any:
    return json.loads(lab.platform.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def manifest_of(lab: Lab, done: dict[str, Any]) -> Any:
    where = json.loads(done["output"])["ResultWriterDetails"]
    return read(lab, where["Bucket"], where["Key"])


FAILING = {
    "StartAt": "Which",
    "States": {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.id = '2' %}", "Next": "Bad"}],
            "Default": "Good",
        },
        "Good": {"Type": "Pass", "End": True},
        "Bad": {"Type": "Fail", "Error": "Broken", "Cause": "it is the second"},
    },
}
"""A child program that fails for the second row."""


def some_fail(**more: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **FAILING}
    return distributed(ItemProcessor=processor, Label="Rows", **more)


def test_results_are_written_to_s3_as_aws_writes_them(lab: Lab) -> None:
    """Shapes: docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html"""
    bucket = lab.bucket(rows=CSV)
    given = {"bucket": bucket, "key": "rows", "run": "a"}
    done = lab.run(some_fail(ResultWriter=writer(bucket), ToleratedFailureCount=1), given)
    assert done["status"] == "SUCCEEDED", done
    output = json.loads(done["output"])
    assert set(output) == {"MapRunArn", "ResultWriterDetails"}
    manifest = manifest_of(lab, done)
    assert manifest["DestinationBucket"] == bucket
    assert manifest["MapRunArn"] == output["MapRunArn"]
    base = f"results/a/{output['MapRunArn'].split(':')[-1]}"
    assert [file["Key"] for file in manifest["ResultFiles"]["SUCCEEDED"]] == [f"{base}/SUCCEEDED_0.json"]
    assert [file["Key"] for file in manifest["ResultFiles"]["FAILED"]] == [f"{base}/FAILED_0.json"]
    assert manifest["ResultFiles"]["PENDING"] == []
    good = read(lab, bucket, f"{base}/SUCCEEDED_0.json")
    assert [json.loads(row["Output"])["id"] for row in good] == ["1", "3"]
    assert set(good[0]) == {
        "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount",
        "RedriveStatus", "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
    }  # fmt: skip
    assert good[0]["StateMachineArn"].endswith("/Rows")
    assert good[0]["ExecutionArn"].endswith(f"/Rows:{good[0]['Name']}")
    [bad] = read(lab, bucket, f"{base}/FAILED_0.json")
    assert (bad["Error"], bad["Cause"], bad["Status"]) == ("Broken", "it is the second", "FAILED")
    assert json.loads(bad["Input"])["id"] == "2"
    size = lab.platform.s3.head_object(Bucket=bucket, Key=f"{base}/FAILED_0.json")["ContentLength"]
    assert manifest["ResultFiles"]["FAILED"][0]["Size"] == size


def test_more_failures_than_tolerated_fail_the_map_and_its_results_are_there(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    given = {"bucket": bucket, "key": "rows", "run": "a"}
    for tolerated in ({}, {"ToleratedFailurePercentage": 33.0}):
        done = lab.run(some_fail(ResultWriter=writer(bucket), **tolerated), given)
        assert (done["status"], done["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    tolerated_by_share = some_fail(ResultWriter=writer(bucket), ToleratedFailurePercentage=34.0)
    assert lab.run(tolerated_by_share, given)["status"] == "SUCCEEDED"
    listed = lab.platform.s3.list_objects_v2(Bucket=bucket, Prefix="results/")["Contents"]
    assert sum(item["Key"].endswith("manifest.json") for item in listed) == 3


def test_the_next_state_reads_the_counts_of_the_map_run(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    definition = some_fail(ResultWriter=writer(bucket), ToleratedFailureCount=1)
    state = definition["States"]["M"]
    del state["End"]
    state["Next"] = "Count"
    definition["States"]["Count"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:describeMapRun",
        "Arguments": {"MapRunArn": "{% $states.input.MapRunArn %}"},
        "Output": "{% $states.result.ItemCounts %}",
        "End": True,
    }
    done = lab.run(definition, {"bucket": bucket, "key": "rows", "run": "a"})
    counts = json.loads(done["output"])
    assert (counts["Total"], counts["Succeeded"], counts["Failed"], counts["Running"]) == (3, 2, 1, 0)
    assert counts["ResultsWritten"] == 3


def test_a_writer_config_shapes_results_with_and_without_a_bucket(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    given = {"bucket": bucket, "key": "rows", "run": "a"}
    compact = {"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"}}
    manifest = manifest_of(lab, lab.run(distributed(ResultWriter=writer(bucket, **compact)), given))
    [file] = manifest["ResultFiles"]["SUCCEEDED"]
    assert file["Key"].endswith("SUCCEEDED_0.jsonl")
    body = lab.platform.s3.get_object(Bucket=bucket, Key=file["Key"])["Body"].read()
    assert [json.loads(line)["id"] for line in body.splitlines()] == ["1", "2", "3"]
    shown = lab.run(distributed(ResultWriter={"WriterConfig": {"Transformation": "NONE"}}), given)
    assert [row["Status"] for row in json.loads(shown["output"])] == ["SUCCEEDED"] * 3


def test_a_bucket_that_is_not_there_has_its_own_error(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    given = {"bucket": bucket, "key": "rows", "run": "a"}
    done = lab.run(distributed(ResultWriter=writer("no-such-bucket-anywhere")), given)
    assert (done["status"], done["error"]) == ("FAILED", "States.ResultWriterFailed")
    done = lab.run(distributed(), {**given, "key": "no-such-key"})
    assert (done["status"], done["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_result_files_are_split_by_size_and_hold_every_child_once() -> None:
    records = [{"Status": "SUCCEEDED", "Output": json.dumps("x" * n)} for n in range(40)]
    files = map_results.result_files(records, {}, limit=500)["SUCCEEDED"]
    assert len(files) > 3
    assert all(len(body) <= 500 for body in files)
    assert [row for body in files for row in json.loads(body)] == records
    assert map_results.result_files([], {}) == {"FAILED": [], "PENDING": [], "SUCCEEDED": []}


def listing(bucket: str, **more: Any) -> dict[str, Any]:
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Arguments": {"Bucket": bucket, "Prefix": "in/"},
    }
    more = {"ItemSelector": {"key": "{% $states.context.Map.Item.Value.Key %}"}, **more}
    return distributed(ItemReader=reader, **more)


def test_an_empty_listing_has_no_items_and_a_long_one_is_read_to_its_end(lab: Lab) -> None:
    """More than a page of 1 000 objects, and more children a worker than moto takes (about 480)."""
    bucket = lab.bucket(other=b"")
    empty = lab.run(listing(bucket), {})
    assert json.loads(empty["output"]) == [], empty
    put_many(lab, bucket, 1_010)
    definition = listing(bucket, MaxConcurrency=2, ResultWriter=writer(bucket))
    done = lab.run(definition, {"run": "long"}, seconds=120)
    assert done["status"] == "SUCCEEDED", done
    assert len(keys_of(lab, manifest_of(lab, done))) == 1_010


def put_many(lab: Lab, bucket: str, count: int) -> None:
    for number in range(count):
        lab.platform.s3.put_object(Bucket=bucket, Key=f"in/{number:06}.csv", Body=b"")


def keys_of(lab: Lab, manifest: Any) -> set[str]:
    """The keys that children of a map had, by its result files."""
    return {
        json.loads(row["Output"])["key"]
        for file in manifest["ResultFiles"]["SUCCEEDED"]
        for row in read(lab, manifest["DestinationBucket"], file["Key"])
    }


def test_a_whole_number_as_tolerated_percentage_is_taken(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    definition = distributed(ToleratedFailurePercentage=50)
    assert lab.run(definition, {"bucket": bucket, "key": "rows"})["status"] == "SUCCEEDED"
