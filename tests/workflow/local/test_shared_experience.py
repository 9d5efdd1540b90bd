"""Experience of commit 851e08e, of all customers in one item, in a home: `ona up` gives each its own."""

from __future__ import annotations

import pytest

from ona.repairs import experience
from ona.store.tables import from_item, to_item
from ops import forward
from tests.builders.orders import tracked
from tests.fakes.platform import Platform

pytestmark = pytest.mark.cloud
CAUSE = "inverter_failure"
OF_BEFORE = {
    "job_id": f"experience#{CAUSE}",
    "repairs": [
        {"order": "wo-20250611-00000001", "hours": 3.5, "parts": [{"sku": "SG110CX-PM-R", "quantity": 2}]},
        {
            "order": "wo-20250611-00000002",
            "hours": 1000,
            "parts": [{"sku": "SG110CX-PM", "quantity": 1000}],
        },
        {"order": "wo-20250611-00000003", "hours": 4, "parts": [{"sku": "bought-on-site", "quantity": 1}]},
    ],
    "version": 3,
}
"""As `learn` of that commit wrote it, after three orders of two customers were verified."""


def test_experience_of_before_is_divided_by_customer(platform: Platform) -> None:
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["TrackingTableName"]
    for number, customer in ((1, "customer-001"), (2, "customer-002"), (3, "customer-001")):
        order = tracked(work_order_id=f"wo-20250611-{number:08d}", cause=CAUSE, customer_id=customer)
        dynamodb.put_item(TableName=table, Item=to_item(order.item()))
    assert forward.bring_forward(platform.target) is None, "nothing of before"
    dynamodb.put_item(TableName=table, Item=to_item(OF_BEFORE))

    report = forward.bring_forward(platform.target)
    assert report is not None
    assert report.failed == []
    assert report.mended == [f"divide experience#{CAUSE} by customer: 3 repairs"]
    assert forward.bring_forward(platform.target) is None, "once is enough"

    items = [from_item(item) for item in dynamodb.scan(TableName=table)["Items"]]
    kept = {item["job_id"]: item["repairs"] for item in items if item["job_id"].startswith("experience#")}
    first, second, third = OF_BEFORE["repairs"]  # type: ignore[misc]
    assert kept == {
        experience.key_of(CAUSE, "customer-001"): [first, {**third, "parts": []}],
        experience.key_of(CAUSE, "customer-002"): [second],
    }
