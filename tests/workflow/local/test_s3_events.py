"""S3: events carry the object's version; listings tell keys of all kinds."""

from __future__ import annotations

import json

import pytest

from local.cloud import REGION
from tests.fakes.lab import Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_object_events_carry_the_version_and_rules_filter_by_wildcard(lab: Lab) -> None:
    lab.platform.put_and_wait(b"", key="observations/2025/06/10/x.CSV")
    newest = lab.platform.executions()[0]["executionArn"]
    event = json.loads(lab.states.describe_execution(executionArn=newest)["input"])
    head = lab.platform.s3.head_object(
        Bucket=lab.platform.target.input_bucket, Key="observations/2025/06/10/x.CSV"
    )
    assert event["detail"]["object"]["version-id"] == head["VersionId"]


KEYS = {
    "bell": "a\x07.csv",
    "escape": "a\x1b[31m.csv",
    "no character": "a\ufffe.csv",
    "carriage return": "a\r.csv",
    "spaces at the ends": " a ",
    "percent": "%41%.csv",
    "plus": "a+b c.csv",
    "XML": "<a>&amp;\"']]>.csv",
    "emoji": "\U0001f600.csv",
    "combining letters": "e\u0301.csv",
    "folder": "a//b/",
}


@pytest.mark.parametrize("name", KEYS.values(), ids=KEYS)
def test_a_key_of_any_kind_is_listed_as_it_is_and_hides_no_other(lab: Lab, name: str) -> None:
    """XML cannot hold most control characters: one such key made each listing of versions an error, and so
    `ona status`, `ona dlq` and the doctor."""
    s3, bucket = lab.platform.s3, unique("keys")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = sorted(["plain.csv", f"folder/{name}"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix="", PaginationConfig={"PageSize": 1}
    )
    assert [version["Key"] for page in pages for version in page["Versions"]] == keys
    (found,) = s3.list_object_versions(Bucket=bucket, Prefix=f"folder/{name}")["Versions"]
    assert found["Key"] == f"folder/{name}"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys
