"""`ona deploy remove` and `ona deploy leftovers`: what a deployment is made of, and what one left behind.

A stack that is deleted leaves its buckets, tables, queues and audit logs (`DeletionPolicy:
RetainExceptOnCreate`). With the data they are deleted too, by their fixed names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from local.deploy import ROOT_TAG
from ops.deployment.names import Named, Plan, owned, taken
from ops.target import OpsError

Ask = Callable[[str], Any]
DATA = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup")
"""Types that hold what people put into them, or what was decided."""
_PATIENCE_S, _POLL_S = 3600.0, 0.2
BROKEN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")
"""Statuses of a stack that nothing can be deployed into."""


def stacks(client: Ask, root: str) -> list[dict[str, Any]]:
    """The stacks to delete, in their order: the root's, whose deletion takes AWS's nested ones along, then
    those that the embedded cloud keeps beside it, the youngest first."""
    pages = client("cloudformation").get_paginator("describe_stacks").paginate()
    found = [
        item
        for page in pages
        for item in page["Stacks"]
        if item["StackStatus"] != "DELETE_COMPLETE"
        and (
            item["StackName"] == root
            or any(tag == {"Key": ROOT_TAG, "Value": root} for tag in item.get("Tags", []))
        )
    ]
    youngest = sorted(found, key=lambda item: str(item.get("CreationTime")), reverse=True)
    return sorted(youngest, key=lambda item: item["StackName"] != root)


def broken(client: Ask, root: str) -> list[dict[str, Any]]:
    """Stacks of this root that a failed deployment left, and nothing can be deployed into."""
    return [item for item in stacks(client, root) if item["StackStatus"] in BROKEN]


def delete_stack(client: Ask, name: str) -> None:
    """Delete one stack and wait for its end. Raises OpsError with CloudFormation's reason."""
    cloudformation = client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            [item] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except Exception as error:
            if "does not exist" in str(error):
                return
            raise
        if item["StackStatus"] == "DELETE_COMPLETE":
            return
        if item["StackStatus"] == "DELETE_FAILED":
            raise OpsError(f"{name} could not be deleted: {item.get('StackStatusReason', '')}")
        time.sleep(_POLL_S)
    raise OpsError(f"{name} is still being deleted after {_PATIENCE_S:g} s")


def left(client: Ask, plan: Plan, root: str) -> list[Named]:
    """What has one of this environment's fixed names and belongs to no stack of it."""
    ours = owned(client, root)
    return [item for item in plan.named() if item.name not in ours and taken(client, item)]


def delete(client: Ask, item: Named) -> None:
    """Delete one resource by its name, with all that is in it."""
    name, kind = item.name, item.kind
    if kind == "AWS::S3::Bucket":
        _empty(client("s3"), name)
        client("s3").delete_bucket(Bucket=name)
    elif kind == "AWS::DynamoDB::Table":
        client("dynamodb").delete_table(TableName=name)
    elif kind == "AWS::SQS::Queue":
        queue = client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        client("sqs").delete_queue(QueueUrl=queue)
    elif kind == "AWS::Logs::LogGroup":
        client("logs").delete_log_group(logGroupName=name)
    elif kind == "AWS::Serverless::Function":
        client("lambda").delete_function(FunctionName=name)
    elif kind == "AWS::SSM::Parameter":
        client("ssm").delete_parameter(Name=name)
    elif kind == "AWS::CloudWatch::Alarm":
        client("cloudwatch").delete_alarms(AlarmNames=[name])
    else:
        raise OpsError(f"{name} ({kind}) is to be deleted by hand")


def _empty(s3: Any, bucket: str) -> None:
    for objects in _versions(s3, bucket):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Every version and delete marker, a page at a time."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
