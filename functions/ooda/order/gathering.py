"""What became of many orders: the Distributed Map's results, as one list.

The Map writes a record of each child execution, in files by status, and a manifest that names the files
(AWS Step Functions Developer Guide, "ResultWriter").
"""

from __future__ import annotations

import json
from typing import Any

from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidPayload
from ona.store import s3
from ooda import listing
from ooda.layout import schedule_id_of
from ooda.payloads import GatherRequest, GatherResult


def gather(request: GatherRequest) -> GatherResult:
    """Write the list of all orders beside the plan's jobs, and count them. A child that did not succeed is
    `lost`: its order failed, and its dead letter could not be written. Raises ObjectMissing, InvalidPayload
    for results that are none, DependencyBusy."""
    where, bucket = request.gather.key, request.gather.bucket
    orders: list[dict[str, Any]] = []
    lost = 0
    try:
        for status, files in s3.read_json(request.gather)["ResultFiles"].items():
            for file in files:
                where = file["Key"]
                records = s3.read_json(S3Pointer(bucket=bucket, key=where))
                if status == "SUCCEEDED":
                    orders += [json.loads(record["Output"]) for record in records]
                else:
                    lost += len(records)
        said = [order["status"] for order in orders]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise InvalidPayload(f"{where} holds no results of a map: {error}") from error
    place = listing.written(orders, schedule_id_of(request.execution_id), "orders")
    return GatherResult(orders=place, ordered=said.count("ordered"), failed=said.count("failed"), lost=lost)
