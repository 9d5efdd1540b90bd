"""Read back what the loop wrote to the output bucket, for the summary and the report."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ona.documents.findings import Finding
from ona.documents.work_orders import WorkOrder
from ona.store import parquet
from ona.store.tables import from_item
from ooda.documents.detections import DetectionRecord, Incident
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import PlanSummary, Schedule
from ops import accounting
from ops.messages import DeadLetter
from ops.target import Target


@dataclass(frozen=True)
class Story:
    """Everything that came of a run of the demo."""

    detections: list[DetectionRecord]
    diagnostics: list[Diagnostic]
    schedules: list[Schedule]
    orders: list[WorkOrder]
    crews: list[dict[str, Any]]
    telemetry: pd.DataFrame
    accounts: list[accounting.FileAccount]
    letters: list[DeadLetter]
    where: dict[str, str]

    @property
    def incidents(self) -> list[Incident]:
        """The latest state of each incident; the one that lost most energy first."""
        latest: dict[str, Incident] = {}
        for record in sorted(self.detections, key=lambda item: item.generated_at):
            for asset in record.assets:
                latest.update({incident.incident_id: incident for incident in asset.incidents})
        return sorted(latest.values(), key=lambda incident: -incident.lost_energy_kwh)

    @property
    def findings(self) -> list[Finding]:
        """All findings, in the order in which they were first seen."""
        findings = [finding for item in self.diagnostics for finding in item.findings]
        return sorted(findings, key=lambda finding: (finding.first_seen, finding.asset_id))

    @property
    def open_faults(self) -> list[Finding]:
        """The latest finding of each fault: what is at risk now."""
        latest: dict[str, Finding] = {}
        for finding in self.findings:
            latest[finding.finding_key] = finding
        return sorted(latest.values(), key=lambda finding: -finding.energy_at_risk.daily_loss_usd)

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


def collect(target: Target) -> Story:
    """Read everything back that the loop wrote."""
    folders = ("detections/", "diagnostics/", "schedules/", "work-orders/")
    raw = {folder: _documents(target, folder) for folder in folders}
    crews = target.client("dynamodb").scan(TableName=target.outputs["CrewsTableName"])["Items"]
    accounts = accounting.read(target)
    return Story(
        detections=[DetectionRecord.read(doc, key) for key, doc in raw["detections/"]],
        diagnostics=[Diagnostic.read(doc, key) for key, doc in raw["diagnostics/"]],
        schedules=[Schedule.read(doc, key) for key, doc in raw["schedules/"]],
        orders=[WorkOrder.read(doc, key) for key, doc in raw["work-orders/"]],
        crews=[from_item(item) for item in crews],
        telemetry=_telemetry(target),
        accounts=accounts.files,
        letters=accounts.letters,
        where={folder: f"s3://{target.output_bucket}/{folder}" for folder in folders},
    )


def save(target: Target, folder: Path) -> int:
    """Copy the output bucket's JSON documents and quarantine to a folder; returns how many."""
    s3, bucket, count = target.client("s3"), target.output_bucket, 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            key: str = entry["Key"]
            path = (folder / key).resolve()
            if key.startswith("telemetry/") or not path.is_relative_to(folder.resolve()):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            count += 1
    return count
