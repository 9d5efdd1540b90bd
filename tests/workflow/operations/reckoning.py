"""What became of each file of a burst, reckoned from outside: from listings, queues, tables and executions.

It reads what anybody with an AWS client sees, and shares no code with the platform's own accounting.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ona.documents.assets import Location
from ops import ingest, seed
from tests.builders.bursts import Burst, Planned
from tests.fakes.platform import Platform

Version = tuple[str, str]
"""An object's key and version id."""
A_SET = 10
"""Faulty inverters for which one set of example crews is put."""
CREWS_AT = Location(latitude=-26.2, longitude=28.0)
THROTTLED = "Lambda.TooManyRequestsException"
ENDS = {"found": "detected", "nothing_found": "detected", "quarantined": "quarantined"}
"""What the words of an outcome mean here."""


def prepare(platform: Platform, plan: Burst) -> None:
    """Its inverters, and crews enough that no order waits for one."""
    ingest.put_registry(platform.target, plan.registry())
    faulty = sum(item.kind == "faulty" for item in plan.files)
    for number in range(2 + faulty // A_SET):
        seed.put_crews(platform.target, seed.example_crews(CREWS_AT, f"crew-{number:02d}"))


def begin(platform: Platform, files: list[Planned], plan: Burst) -> None:
    """Put files of the plan, and send the events once more that come twice."""
    plan.put_now(files, platform.s3, platform.target.input_bucket)
    for item in files:
        if item.again:
            platform.start(platform.event(item.key))


def documents(platform: Platform, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every JSON document under a prefix of the output bucket."""
    bucket = platform.target.output_bucket
    for page in platform.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if item["Key"].endswith(".json"):
                yield (
                    item["Key"],
                    json.loads(platform.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()),
                )


def version_of(document: Any) -> Version:
    return document["source"]["key"], document["source"]["version_id"]


def letters(platform: Platform) -> list[dict[str, Any]]:
    """The bodies of every message of every queue for what failed; they stay there, to be seen by others."""
    sqs, found = platform.target.client("sqs"), dict[str, dict[str, Any]]()
    for url in sqs.list_queues()["QueueUrls"]:
        if "letters" not in url:
            continue
        read = list[str]()
        given = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600}
        while got := sqs.receive_message(**given).get("Messages"):
            found |= {item["MessageId"]: json.loads(item["Body"]) for item in got}
            read += [item["ReceiptHandle"] for item in got]
        for receipt in read:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
    return list(found.values())


@dataclass(frozen=True)
class Run:
    """An execution of the loop that a file started."""

    name: str
    arn: str
    status: str
    began: datetime
    ended: datetime


def runs(platform: Platform, others: Set[str]) -> dict[Version, list[Run]]:
    """The executions of each version of a file, without those that were there before."""
    found = defaultdict(list)
    pages = platform.states.get_paginator("list_executions").paginate(
        stateMachineArn=platform.target.machine
    )
    for item in (item for page in pages for item in page["executions"]):
        if item["executionArn"] in others:
            continue
        given = json.loads(platform.states.describe_execution(executionArn=item["executionArn"])["input"])
        if given["detail-type"] == "Object Created":
            described = given["detail"]["object"]
            run = Run(
                item["name"], item["executionArn"], item["status"], item["startDate"], item["stopDate"]
            )
            found[described["key"], described["version-id"]].append(run)
    return found


@dataclass
class Reckoning:
    """What the world outside sees of a burst."""

    runs: dict[Version, list[Run]]
    ends: dict[Version, list[str]]
    """By version, once for each place that tells of an end: detected, quarantined, or dead letter."""
    reasons: dict[Version, str]
    records: Counter[Version]
    """Detection records."""
    incidents: dict[str, list[str]]
    """The incidents that stand in each asset's history, by asset."""
    orders: Counter[str]
    """Work orders by asset: documents."""
    tracked: Counter[str]
    """Work orders by asset: items of the table."""
    booked: Counter[str]
    """Bookings of crews by work order or visit."""
    unplaced: dict[str, str]
    """Assets for whose fault no plan has found a time, with the reason that the latest one gives."""


def reckon(platform: Platform, others: Set[str] = frozenset()) -> Reckoning:
    """Look at everything once. Nothing runs any more. `others`: executions that are none of the burst."""
    ends, reasons = defaultdict(list), {}
    for _, document in documents(platform, "outcomes/"):
        if "key" in document.get("source", {}):
            ends[version_of(document)].append(ENDS[document["outcome"]])
    for _, document in documents(platform, "quarantine/"):
        assert document["reason"], document
        assert document["message"], document
        reasons[version_of(document)] = document["reason"]
    for letter in letters(platform):
        given = letter["input"]
        if given.get("detail-type") != "Object Created":
            reasons["", letter["kind"]] = letter["error"]
            continue
        version = given["detail"]["object"]["key"], given["detail"]["object"]["version-id"]
        if letter["kind"] != "quarantine":
            ends[version].append("dead letter")
        assert letter["error"], letter
        reasons.setdefault(version, letter["error"])
    tracked, booked = Counter[str](), Counter[str]()
    for item in scanned(platform, "ona-platform-tracking"):
        if item["job_id"]["S"].startswith("wo-"):
            tracked[item["asset_id"]["S"]] += 1
    for item in scanned(platform, "ona-platform-crews"):
        for one in item.get("bookings", {"L": []})["L"]:
            booked[json.dumps(one["M"], sort_keys=True)] += 1
    incidents = {
        document["asset_id"]: [one["kind"] for one in document["incidents"] if not one.get("superseded")]
        for _, document in documents(platform, "incidents/")
    }
    return Reckoning(
        runs(platform, others),
        dict(ends),
        reasons,
        Counter(
            version_of(document)
            for _, document in documents(platform, "detections/")
            if document.get("source")
        ),
        incidents,
        Counter(document["asset_id"] for _, document in documents(platform, "work-orders/")),
        tracked,
        booked,
        unplaced(platform),
    )


def unplaced(platform: Platform) -> dict[str, str]:
    """Assets that every plan calls unschedulable, and why: the crews' days are full."""
    plans = sorted((document for _, document in documents(platform, "schedules/")), key=created)
    jobs = [job for plan in plans for job in plan["jobs"]]
    placed = {job["asset_id"] for job in jobs if job["decision"] != "unschedulable"}
    return {job["asset_id"]: job["reason"] for job in jobs if job["asset_id"] not in placed}


def created(plan: Any) -> str:
    """When a plan was made, as it is written."""
    return str(plan["created_at"])


def scanned(platform: Platform, name: str) -> Iterator[Any]:
    """The raw items of the table whose name ends so."""
    client = platform.target.client("dynamodb")
    [table] = [one for one in client.list_tables()["TableNames"] if one == name or one.startswith(name)]
    for page in client.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def check(plan: Burst, seen: Reckoning, redriven: bool = False) -> Counter[str]:
    """Each file ended exactly once, as what it is; how many ended in which way.

    A faulty file has one incident and one order, however often it came; a sound one has neither. Where the
    crews' days are full there is no order, and the plan says why: nobody is forgotten.

    What was throttled until its tries were used up may be a dead letter, which says so, and has had no
    effect; after it was `redriven` nothing may be one.
    """
    assert set(seen.runs) == set(seen.ends) == {(item.key, version) for item, version in plan.put}
    totals, judged = Counter[str](), set[str]()
    for item, version in plan.put:
        told, began = seen.ends[item.key, version], seen.runs[item.key, version]
        reason = seen.reasons.get((item.key, version), "")
        ways = may_end(item, "" if redriven else reason)
        assert set(told) <= ways, (item.key, told, reason)
        assert told.count("detected") <= 1, "one outcome, also of an event that came twice"
        assert len(set(told)) == 1 or item.again, (item.key, told)
        wanted = 1 + (item.again and version == plan.last(item))
        assert len(began) == wanted or (redriven and len(began) > wanted), (item.key, began)
        assert all(run.status != "RUNNING" for run in began)
        assert seen.records[item.key, version] == ("detected" in told), (item.key, "detection records")
        assert "detected" in told or reason, "it says why"
        judged |= {item.asset} if "detected" in told else set()
        totals["detected" if "detected" in told else told[0]] += 1
    for item in plan.files:
        once = ["outage"] if item.kind == "faulty" and item.asset in judged else []
        assert seen.incidents.get(item.asset, []) == once, (item.asset, item.kind)
        wanted = 0 if seen.unplaced.get(item.asset) else len(once)
        found = (seen.orders[item.asset], seen.tracked[item.asset])
        assert found == (wanted, wanted), (item.asset, "orders, and tracked ones", found, wanted)
    assert set(seen.orders) <= {item.asset for item in plan.files}
    assert len(seen.booked) == sum(seen.booked.values()) == sum(seen.orders.values()), "a visit an order"
    return totals


def may_end(item: Planned, reason: str) -> set[str]:
    """In which ways a file may end. What is deleted at once may be read before."""
    late = {"dead letter"} if reason == THROTTLED or item.kind == "gone" else set[str]()
    return {"quarantined" if item.kind == "garbage" else "detected"} | late
