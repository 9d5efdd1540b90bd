"""A day's work as the workflows leave it, written as their definitions have it (statemachines/).

None of our models has a part in it. Step Functions lists what a test says; the rest is moto's.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from tests.fakes.tables import IN, OUT

STOPPED: dict[str, list[tuple[str, str]]] = {}
"""Of each workflow's ARN: how each execution ended, and when, UTC."""
WORKED_ON: dict[str, dict[str, str]] = {}
"""What DescribeExecution says of the execution that stopped at a time, beside its ARN."""


class States:
    """Step Functions, as far as it lists executions by status, and describes one."""

    def get_paginator(self, _: str) -> States:
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        """The newest first, as Step Functions lists them."""
        ended = sorted(STOPPED[asked["stateMachineArn"]], key=lambda one: one[1], reverse=True)
        return [
            {
                "executions": [
                    {
                        "stopDate": utc(at),
                        "startDate": utc(at) - timedelta(minutes=1),
                        "executionArn": f"arn:execution:{at}",
                    }
                ]
            }
            for how, at in ended
            if how == asked["statusFilter"]
        ]

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        at = executionArn.removeprefix("arn:execution:")
        return WORKED_ON.get(at, {"input": json.dumps({"task": "hourly"}), "error": "States.Timeout"})


def worked_on(at: str, key: str, version: str, error: str, cause: object) -> None:
    """The execution that stopped then was of this file, and failed so."""
    file = {"bucket": {"name": IN}, "object": {"key": key, "version-id": version, "size": 1}}
    WORKED_ON[at] = {"input": json.dumps({"detail": file}), "error": error, "cause": json.dumps(cause)}


def number_of(key: str, version: str) -> str:
    """The id of a file's version, as the state machines reckon it (statemachines/ooda)."""
    return hashlib.sha256(f"{IN}/{key}@{version}".encode()).hexdigest()[:16]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def service(name: str) -> Any:
    return States() if name == "stepfunctions" else boto3.client(name, region_name="af-south-1")


def put(key: str, body: object) -> dict[str, str]:
    """Write an object, and point at it as a state does."""
    text = body if isinstance(body, str) else json.dumps(body)
    service("s3").put_object(Bucket=OUT, Key=key, Body=text.encode())
    return {"bucket": OUT, "key": key, "version_id": ""}


def outcome(name: str, key: str, at: str, word: str, **more: object) -> None:
    source = {"bucket": IN, "key": key, "version_id": "1"}
    put(
        f"outcomes/{name}.json",
        {"outcome": word, "source": source, "execution": "x", "at": f"{at}Z", **more},
    )


def record(name: str, at: str, **incidents: list[tuple[str, str, str, bool]]) -> dict[str, str]:
    """A detection record. `incidents`: by machine, each with id, kind, state, and whether suspected."""
    assets = [
        {
            "asset_id": asset,
            "site_id": "north",
            "basis": "peers",
            "incidents": [
                {"incident_id": one, "asset_id": asset, "kind": kind, "state": state, "suspected": unsure}
                for one, kind, state, unsure in given
            ],
        }
        for asset, given in incidents.items()
    ]
    return put(
        f"detections/2025/01/15/{name}.json",
        {"detection_id": name, "generated_at": f"{at}Z", "assets": assets},
    )


def diagnosis(name: str, at: str, *causes: tuple[str, str, float, float]) -> dict[str, str]:
    """A diagnostic. Each cause: its key, its incident, USD a day, USD lost so far."""
    interval = {"lower": 0, "upper": 1}
    found = [
        {
            "finding_key": key,
            "cause": "soiling",
            "incident_ids": [incident],
            "energy_at_risk": {
                "daily_loss_kwh": 1,
                "daily_loss_usd": daily,
                "confidence_interval": interval,
                "horizons": [],
                "growth_percent_per_day": 0,
                "lost_so_far_kwh": 1,
                "lost_so_far_usd": lost,
            },
        }
        for key, incident, daily, lost in causes
    ]
    return put(f"diagnostics/2025/01/15/{name}.json", {"analysis_timestamp": f"{at}Z", "findings": found})


def order(name: str, created: str, daily: float, status: str = "OPEN", **more: Any) -> None:
    """An order in the table; `cancelled`: when it was."""
    lines = [{"status": "OPEN", "at": f"{created}Z", "by": "ona-order", "event": "opened"}]
    if at := more.pop("cancelled", None):
        lines.append({"status": "CANCELLED", "at": f"{at}Z", "by": "a person", "event": "status"})
    texts = {
        "status": status,
        "asset_id": "A1",
        "finding_key": "k",
        "title": "t",
        "created_at": f"{created}Z",
        "due_date": f"{created}Z",
        "priority": "high",
        "crew_id": "c",
        "scheduled_start": f"{created}Z",
        "scheduled_end": f"{created}Z",
        **{key: f"{at}Z" for key, at in more.items()},
    }
    item: dict[str, Any] = {key: {"S": text} for key, text in texts.items()}
    item |= {"job_id": {"S": name}, "version": {"N": "1"}, "daily_loss_usd": {"N": str(daily)}}
    item["history"] = {"L": [{"M": {key: {"S": text} for key, text in line.items()}} for line in lines]}
    service("dynamodb").put_item(TableName="tracking", Item=item)
