"""Read back what the loop wrote to the output bucket, for the summary and the report."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ona.documents.findings import Finding
from ona.documents.work_orders import WorkOrder
from ona.repairs.tracking import TrackedOrder
from ona.store import parquet
from ona.store.tables import from_item, to_item
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import DetectionRecord, Incident
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import PlanSummary, Schedule
from ops import accounting
from ops.messages import DeadLetter
from ops.target import Target

INCIDENTS = "incidents/"


@dataclass(frozen=True)
class Story:
    """Everything that came of a run of the demo. `orders`: as they stand now, `gone`: the ids of incidents
    that do not stand any more, `repaired`: of those whose repair was verified."""

    detections: list[DetectionRecord]
    diagnostics: list[Diagnostic]
    schedules: list[Schedule]
    orders: list[WorkOrder]
    crews: list[dict[str, Any]]
    telemetry: pd.DataFrame
    accounts: list[accounting.FileAccount]
    letters: list[DeadLetter]
    where: dict[str, str]
    histories: list[AssetHistory] = field(default_factory=list)
    repaired: frozenset[str] = frozenset()

    @property
    def gone(self) -> set[str]:
        """The incidents that were superseded: their site's day was judged again."""
        return {one.incident_id for history in self.histories for one in history.superseded}

    @property
    def standing_orders(self) -> list[WorkOrder]:
        """The orders that were not cancelled, by their visits."""
        orders = [order for order in self.orders if order.status != "CANCELLED"]
        return sorted(orders, key=lambda order: order.scheduled_start)

    @property
    def incidents(self) -> list[Incident]:
        """The latest state of each incident; the one that lost most energy first."""
        latest: dict[str, Incident] = {}
        for record in sorted(self.detections, key=lambda item: item.generated_at):
            for asset in record.assets:
                latest.update({incident.incident_id: incident for incident in asset.incidents})
        own = (incident for history in self.histories for incident in history.incidents)
        latest.update({one.incident_id: one for one in own if one.incident_id in latest})
        for name in self.gone & set(latest):
            del latest[name]
        return sorted(latest.values(), key=lambda incident: -incident.lost_energy_kwh)

    @property
    def findings(self) -> list[Finding]:
        """The findings whose incidents stand, in the order in which they were first seen."""
        findings = [
            finding
            for item in self.diagnostics
            for finding in item.findings
            if not finding.incident_ids or set(finding.incident_ids) - self.gone
        ]
        return sorted(findings, key=lambda finding: (finding.first_seen, finding.asset_id))

    @property
    def _latest(self) -> list[Finding]:
        """The latest finding of each fault; the most costly first."""
        latest = {finding.finding_key: finding for finding in self.findings}
        return sorted(latest.values(), key=lambda finding: -finding.energy_at_risk.daily_loss_usd)

    @property
    def open_faults(self) -> list[Finding]:
        """The latest finding of each fault that nobody repaired: what is at risk now."""
        return [finding for finding in self._latest if not set(finding.incident_ids) & self.repaired]

    @property
    def mended_faults(self) -> list[Finding]:
        """The latest finding of each fault whose repair telemetry confirmed; nothing is at risk."""
        return [finding for finding in self._latest if set(finding.incident_ids) & self.repaired]

    def state_of(self, order: WorkOrder) -> str:
        """How an order stands, in words."""
        if order.incident_id in self.repaired:
            return "mended, verified by telemetry"
        if order.status == "COMPLETE":
            return "mended, telemetry will tell if it held"
        return order.status.replace("_", " ").lower()

    @property
    def best_planned(self) -> PlanSummary | None:
        """The summary of the plan that had most visits to place."""
        summaries = [schedule.summary for schedule in self.schedules if schedule.summary]
        return max(summaries, key=lambda item: (item.jobs, item.loss_usd), default=None)

    def lost_by_asset(self) -> list[tuple[str, float, int]]:
        """(asset, kWh lost in incidents, number of incidents), the worst first."""
        lost: dict[str, float] = defaultdict(float)
        count: dict[str, int] = defaultdict(int)
        for incident in self.incidents:
            lost[incident.asset_id] += incident.lost_energy_kwh
            count[incident.asset_id] += 1
        return sorted(((name, kwh, count[name]) for name, kwh in lost.items()), key=lambda row: -row[1])

    def data_problems(self) -> list[tuple[str, str, int, str, str]]:
        """(kind, asset, files, an example, its day), grouped by kind and asset."""
        groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for record in self.detections:
            for asset in record.assets:
                for issue in asset.quality.issues:
                    day = f"{asset.window.start:%Y-%m-%d}"
                    groups[(issue.kind, asset.asset_id)].append((issue.statement, day))
        return [
            (kind, asset, len(items), items[0][0], items[0][1])
            for (kind, asset), items in sorted(groups.items())
        ]


def _documents(target: Target, prefix: str) -> list[tuple[str, Any]]:
    """Key and content of each JSON document below a prefix."""
    s3, bucket = target.client("s3"), target.output_bucket
    documents = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            documents.append((entry["Key"], json.loads(body)))
    return documents


def _telemetry(target: Target) -> pd.DataFrame:
    s3, bucket = target.client("s3"), target.output_bucket
    frames = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="telemetry/"):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            frames.append(parquet.load(body))
    columns = ["timestamp", "asset_id", "power_kw", "expected_kw"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _tracked(target: Target) -> dict[str, TrackedOrder]:
    """How each order stands, by its id."""
    pages = (
        target.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=target.outputs["TrackingTableName"],
            FilterExpression="begins_with(job_id, :order)",
            ExpressionAttributeValues=to_item({":order": "wo-"}),
        )
    )
    orders = (TrackedOrder.read(from_item(item)) for page in pages for item in page["Items"])
    return {order.work_order_id: order for order in orders}


def as_it_stands(document: dict[str, Any], tracked: dict[str, TrackedOrder]) -> dict[str, Any]:
    """An order's document, which says what was ordered, with the status that it has now."""
    order = tracked.get(document["work_order_id"])
    return document if order is None else {**document, "status": order.status}


def collect(target: Target) -> Story:
    """Read everything back that the loop wrote."""
    folders = ("detections/", "diagnostics/", "schedules/", "work-orders/")
    raw = {folder: _documents(target, folder) for folder in (*folders, INCIDENTS)}
    tracked = _tracked(target)
    crews = target.client("dynamodb").scan(TableName=target.outputs["CrewsTableName"])["Items"]
    accounts = accounting.read(target)
    return Story(
        detections=[DetectionRecord.read(doc, key) for key, doc in raw["detections/"]],
        diagnostics=[Diagnostic.read(doc, key) for key, doc in raw["diagnostics/"]],
        schedules=[Schedule.read(doc, key) for key, doc in raw["schedules/"]],
        orders=[WorkOrder.read(as_it_stands(doc, tracked), key) for key, doc in raw["work-orders/"]],
        crews=[from_item(item) for item in crews],
        telemetry=_telemetry(target),
        accounts=accounts.files,
        letters=accounts.letters,
        where={folder: f"s3://{target.output_bucket}/{folder}" for folder in folders},
        histories=[AssetHistory.read(doc, key) for key, doc in raw[INCIDENTS]],
        repaired=frozenset(order.incident_id for order in tracked.values() if order.verified_at),
    )


def save(target: Target, folder: Path) -> int:
    """Copy the output bucket's JSON documents and quarantine to a folder; returns how many. An order's copy
    has the status that it has now."""
    s3, bucket, count = target.client("s3"), target.output_bucket, 0
    tracked = _tracked(target)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            key: str = entry["Key"]
            path = (folder / key).resolve()
            if key.startswith("telemetry/") or not path.is_relative_to(folder.resolve()):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            if key.startswith("work-orders/"):
                body = json.dumps(as_it_stands(json.loads(body), tracked)).encode()
            path.write_bytes(body)
            count += 1
    return count
