"""Orders for tests, made by the real Schedule and Order, and how they stand in the tables."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

import boto3

import delivery.config
import ooda.operations_api.handler as operations
import ooda.order.handler as ordering
import ooda.schedule.handler as scheduling
from delivery.config import NotificationRules
from delivery.deliver import sending
from ona.documents.base import S3Pointer
from ona.repairs import crews, orders
from ona.repairs.crews import Booking
from ona.repairs.moves import Change, Fields
from ona.repairs.tracking import HistoryLine, TrackedOrder
from ona.store import tables
from ona.store.layout import work_order_key
from ona.store.s3 import read_json, write_json
from ooda.documents.diagnostics import Diagnostic, TrendAnalysis
from tests.builders.plans import NOW, request
from tests.fakes.tables import OUT
from tests.paths import ROOT

CUSTOMER = "default"


class Context:
    """What Lambda gives a handler beside the event."""

    function_name = "ona-schedule-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:af-south-1:000000000000:function:ona-schedule-test"
    aws_request_id = "test"


def tracked(**changes: Any) -> TrackedOrder:
    """How an order stands that was just opened."""
    order = TrackedOrder(
        work_order_id="wo-20250611-00000001",
        status="OPEN",
        asset_id="INV-001",
        finding_key="INV-001#x",
        title="OEM Fault: inverter failure",
        created_at=NOW,
        due_date=NOW,
        priority="high",
        crew_id="crew-001",
        scheduled_start=NOW,
        scheduled_end=NOW,
        version=1,
        history=[HistoryLine(status="OPEN", at=NOW, by="ona-order", event="opened")],
    )
    return order.model_copy(update=changes)


# ------------------------------------------------------------------ the loop's last steps


def scheduled(
    number: int, execution: str, cause: str = "inverter_failure", daily: float = 80.0, day: int = 1
) -> dict[str, Any]:
    """What Schedule answers for a diagnostic of asset `INV-00<number>` that loses `daily` USD. `day`: of
    the fault; each day has a finding of its own."""
    template = request(number, cause=cause, daily=daily)
    finding = template.finding.model_copy(
        update={
            "asset_id": f"INV-00{number}",
            "finding_id": f"find-{number}-{cause}" + (f"-{day}" if day > 1 else ""),
            "component": template.finding.component.model_copy(
                update={"serial": f"INV-00{number}-inverter"}
            ),
        }
    )
    diagnostic = Diagnostic(
        diagnostic_id=f"diag-{number}",
        asset_id=f"INV-00{number}",
        analysis_timestamp=NOW,
        detection=template.diagnostic,
        findings=[finding],
        trend_analysis=TrendAnalysis(
            degradation_rate_percent_per_year=None, performance_trend="unknown", next_maintenance_due=None
        ),
    )
    pointer = write_json(OUT, f"diagnostics/2025/06/10/{execution}.json", diagnostic.document())
    event = {"diagnostics": [pointer.document()], "execution_id": execution}
    result: dict[str, Any] = scheduling.lambda_handler(event, Context())
    return result


def ordered(schedule: dict[str, Any], execution: str) -> list[dict[str, Any]]:
    """What Order answers for each job of Schedule's answer."""
    return [
        ordering.lambda_handler({"job": job, "execution_id": execution}, Context())
        for job in schedule["jobs"]
    ]


def opened(number: int = 1) -> str:
    """A new order for asset `INV-00<number>`; its id."""
    execution = f"execution-{number}"
    return str(ordered(scheduled(number, execution), execution)[0]["work_order_id"])


def change(work_order_id: str, **changes: Any) -> TrackedOrder:
    """The customer changes an order, as it stands now."""
    status = changes.pop("status", None)
    what = Change(by=f"customer:{CUSTOMER}", at=NOW, status=status, fields=Fields(**changes))
    return orders.change(orders.require(work_order_id), what)


def document_of(work_order_id: str) -> dict[str, Any]:
    """What was ordered, as it lies in S3."""
    document: dict[str, Any] = read_json(S3Pointer(bucket=OUT, key=work_order_key(work_order_id)))
    return document


def visits() -> dict[str, Booking]:
    """The visits in the crews' calendars, by asset."""
    return {booking.asset_id: booking for crew in crews.load() for booking in crew.bookings}


# ------------------------------------------------------------------ the API


def call(
    method: str,
    path: str,
    body: dict[str, Any] | str | None = None,
    *,
    customer: str = CUSTOMER,
    **query: str,
) -> tuple[int, Any]:
    """A request to a path below /ops, as API Gateway hands it to the function: status, data or errors."""
    path = f"/ops{path}"
    event = json.loads((ROOT / "events" / "ooda" / "operations_api.json").read_text())
    event |= {"httpMethod": method, "path": path, "resource": path, "queryStringParameters": query or None}
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()} or None
    event["body"] = json.dumps(body) if isinstance(body, dict) else body
    event["headers"] = {"Content-Type": "application/json"}
    event["multiValueHeaders"] = {"Content-Type": ["application/json"]}
    event["requestContext"] |= {
        "httpMethod": method,
        "apiId": os.environ["API_ID"],
        "authorizer": {"customer_id": customer, "tier": "standard"},
    }
    answer = operations.lambda_handler(event, Context())
    document = json.loads(answer["body"])
    assert document["success"] is (answer["statusCode"] < 400), document
    return answer["statusCode"], document["data"] if document["success"] else document["errors"]


# ------------------------------------------------------------------ the outbox


def deliver(now: datetime = NOW, rules: NotificationRules | None = None) -> dict[str, int]:
    """What the outbox's timer does every minute."""
    return sending.run(rules or delivery.config.notification_rules(), now, left=lambda: 1000.0)


def outbox_item(work_order_id: str, recipient: str) -> dict[str, Any]:
    """A delivery as it lies in the table; empty when there is none."""
    return tables.get("outbox", {"delivery_id": f"{work_order_id}@{recipient}"}) or {}


def dead_letters() -> list[dict[str, Any]]:
    """What lies in the queue of deliveries that were given up."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="outbox-letters")["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(item["Body"]) for item in answer.get("Messages", [])]
