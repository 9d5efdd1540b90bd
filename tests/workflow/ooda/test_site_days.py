"""A site's day on the embedded cloud, with the roles enforced: from the last file to cancelled orders."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ona.documents.assets import AssetRegistry
from ops.demo.follow import run_task
from tests.builders.assets import make_asset
from tests.builders.telemetry import dead_from
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


def statuses(platform: Platform) -> list[str]:
    return sorted(i["status"] for i in platform.table("Tracking") if i["job_id"].startswith("wo-"))


def test_a_plant_that_stops_is_one_event_within_seconds_of_its_last_file(platform: Platform) -> None:
    client = platform.target.client("s3")
    registry = AssetRegistry(assets=[make_asset(name) for name in NAMES])
    client.put_object(
        Bucket=platform.target.input_bucket,
        Key="assets.json",
        Body=json.dumps(registry.model_dump(mode="json", exclude_none=True)),
    )
    for name in NAMES:
        platform.put_and_wait(dead_from(9, name), name)
    (key,) = until(lambda: [k for k in platform.keys("site-days/site/") if not k.endswith("record.json")])
    until(lambda: not platform.idle() and set(statuses(platform)) == {"CANCELLED"})
    (event,) = platform.read(key)["events"]
    assert event["machines"] == NAMES
    assert len(platform.read(key)["superseded"]) == 4
    assert platform.read("site-days/site/record.json")["days"]["2025-06-10"]["events"] == [event]
    assert platform.letters() == []
    (item,) = [i for i in platform.table("Outbox") if i["delivery_id"] == "site-days#site"]
    assert item["days"] == {}
    assert run_task(platform.target, "operations_api", "site_days") == {"asked": 0}


def test_a_site_event_that_names_no_site_ends_as_a_letter(platform: Platform) -> None:
    event = {"source": "ona.platform", "detail-type": "Site Day Due", "detail": {"version": "1"}}
    done = platform.run(event, "ooda")
    assert done["status"] == "FAILED"
    assert [letter.body["state"] for letter in platform.letters()] == ["JudgeSite"]
