"""What tables of DynamoDB are paid for: requests of one on demand, units of a provisioned one, and storage.

A global index is paid for like a table: it has metrics, units and bytes of its own. A table on demand is
paid by request, a provisioned one by the hour for each unit that it has, used or not. Each stored item
counts 100 bytes more, in the table and in each index (Amazon DynamoDB pricing, "Pricing for Provisioned
Capacity", "Data storage").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.reading.inventory import Inventory

ITEM_BYTES = 100
"""Bytes that DynamoDB adds to each item it stores (AWS)."""


@dataclass(frozen=True)
class Part:
    """A table, or one of its global indexes. `reads`, `writes`: units that it has; None on demand."""

    dimensions: dict[str, str]
    stored_bytes: int
    reads: int | None
    writes: int | None

    def requests(self) -> Iterator[tuple[str, str]]:
        """Price and metric of what is paid by request; nothing of a provisioned table."""
        if self.reads is None:
            yield "dynamodb_write_unit", "ConsumedWriteCapacityUnits"
            yield "dynamodb_read_unit", "ConsumedReadCapacityUnits"

    def units(self) -> Iterator[tuple[str, int]]:
        """Price of an hour, and units, of a provisioned table; nothing of one on demand."""
        if self.reads is not None and self.writes is not None:
            yield "dynamodb_write_unit_hour", self.writes
            yield "dynamodb_read_unit_hour", self.reads


def parts(table: Mapping[str, Any]) -> list[Part]:
    """A table as DescribeTable tells it, and its global indexes.

    >>> units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7}
    >>> made = {"TableName": "t", "ProvisionedThroughput": units, "TableSizeBytes": 10, "ItemCount": 2}
    >>> index = {"IndexName": "i", "ProvisionedThroughput": units}
    >>> [table, own] = parts({**made, "GlobalSecondaryIndexes": [index]})
    >>> table.stored_bytes, dict(table.units())
    (210, {'dynamodb_write_unit_hour': 7, 'dynamodb_read_unit_hour': 5})
    >>> list(parts({"TableName": "t", "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}})[0].units())
    []
    """
    on_demand = (table.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST"
    name = {"TableName": str(table["TableName"])}

    def part(item: Mapping[str, Any], size: str, dimensions: dict[str, str]) -> Part:
        units = {} if on_demand else item.get("ProvisionedThroughput") or {}
        stored = int(item.get(size, 0)) + ITEM_BYTES * int(item.get("ItemCount", 0))
        reads, writes = units.get("ReadCapacityUnits"), units.get("WriteCapacityUnits")
        return Part(dimensions, stored, reads, writes)

    indexes = table.get("GlobalSecondaryIndexes") or []
    return [
        part(table, "TableSizeBytes", name),
        *(
            part(one, "IndexSizeBytes", {**name, "GlobalSecondaryIndexName": str(one["IndexName"])})
            for one in indexes
        ),
    ]


def read(dynamodb: Any, found: Inventory) -> Iterator[tuple[str, list[Part]]]:
    """The platform's tables by name, each with its indexes. Raises botocore's errors."""
    for name in found.of("AWS::DynamoDB::Table"):
        yield name, parts(dynamodb.describe_table(TableName=name)["Table"])
