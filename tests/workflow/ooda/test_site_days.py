"""A site's day on the embedded cloud, with the roles enforced: from the last file to cancelled orders."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ona.documents.assets import AssetRegistry
from ona.store.tables import to_item
from ops.demo.follow import run_task
from tests.builders.assets import make_asset
from tests.builders.telemetry import dead_from, sunny_day
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
NAMES = [f"INV-00{n}" for n in range(1, 5)]


def until(what: Any, seconds: float = 60) -> Any:
    """What a look gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(str(what))


def register(platform: Platform, *names: str) -> None:
    """These machines, and no others."""
    registry = AssetRegistry(assets=[make_asset(name) for name in names])
    platform.s3.put_object(
        Bucket=platform.target.input_bucket,
        Key="assets.json",
        Body=json.dumps(registry.model_dump(mode="json", exclude_none=True)),
    )


def runs(platform: Platform) -> list[str]:
    """The documents of what was judged as a whole."""
    return [key for key in platform.keys("site-days/site/") if not key.endswith("record.json")]


def statuses(platform: Platform) -> list[str]:
    return sorted(i["status"] for i in platform.table("Tracking") if i["job_id"].startswith("wo-"))


def test_a_plant_that_stops_is_one_event_within_seconds_of_its_last_file(platform: Platform) -> None:
    register(platform, *NAMES)
    for name in NAMES:
        platform.put_and_wait(dead_from(9, name), name)
    (key,) = until(lambda: runs(platform))
    until(lambda: not platform.idle() and set(statuses(platform)) == {"CANCELLED"})
    (event,) = platform.read(key)["events"]
    assert event["machines"] == NAMES
    assert len(platform.read(key)["superseded"]) == 4
    assert platform.read("site-days/site/record.json")["days"]["2025-06-10"]["events"] == [event]
    assert platform.letters() == []
    (item,) = [i for i in platform.table("Outbox") if i["delivery_id"] == "site-days#site"]
    assert item["days"] == {}
    assert run_task(platform.target, "operations_api", "site_days") == {"asked": 0}


def test_a_sound_site_is_judged_as_a_whole_too(platform: Platform) -> None:
    """Its last file has no orders, so that Detect asks itself."""
    register(platform, "INV-001")
    platform.put_and_wait(sunny_day())
    (key,) = until(lambda: runs(platform))
    until(lambda: not platform.idle() and not waiting(platform)["days"])
    assert (platform.read(key)["events"], platform.read(key)["superseded"]) == ([], [])


def waiting(platform: Platform) -> dict[str, Any]:
    (item,) = [i for i in platform.table("Outbox") if i["delivery_id"] == "site-days#site"]
    return item


def test_a_site_whose_files_do_not_come_is_asked_for_by_the_timer(platform: Platform) -> None:
    register(platform, *NAMES[:2])
    platform.put_and_wait(sunny_day())
    assert run_task(platform.target, "operations_api", "site_days") == {"asked": 0}, "an hour's grace"
    item = waiting(platform)
    past = "2025-06-11T06:00:00Z"
    item["days"] = {day: mark | {"due": past} for day, mark in item["days"].items()}
    platform.target.client("dynamodb").put_item(
        TableName=platform.target.outputs["OutboxTableName"], Item=to_item(item | {"next_at": past})
    )
    assert run_task(platform.target, "operations_api", "site_days") == {"asked": 1}
    (key,) = until(lambda: runs(platform))
    until(lambda: not platform.idle() and not waiting(platform)["days"])
    assert (platform.read(key)["machines"], platform.read(key)["absent"]) == (1, ["INV-002"])
    assert platform.letters() == []


def test_a_site_event_that_names_no_site_ends_as_a_letter(platform: Platform) -> None:
    event = {"source": "ona.platform", "detail-type": "Site Day Due", "detail": {"version": "1"}}
    done = platform.run(event, "ooda")
    assert done["status"] == "FAILED"
    assert [letter.body["state"] for letter in platform.letters()] == ["JudgeSite"]
