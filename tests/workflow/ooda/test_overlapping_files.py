"""The same readings under a second name, and halves of a day, through the real state machine."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from ona.store import parquet
from tests.builders.detection import between
from tests.builders.telemetry import DAY, dead_from, sunny_day
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

HISTORY = "incidents/site/INV-001.json"
TELEMETRY = "telemetry/site=site/day=2025-06-10/INV-001.parquet"


def key(name: str) -> str:
    return f"observations/{DAY:%Y/%m/%d}/{name}.csv"


def numbers(platform: Platform) -> list[tuple[str, float, float]]:
    incidents = platform.read(HISTORY)["incidents"]
    return [(i["kind"], i["duration_hours"], i["lost_energy_kwh"]) for i in incidents]


def stored(platform: Platform) -> pd.DataFrame:
    body = platform.s3.get_object(Bucket=platform.target.output_bucket, Key=TELEMETRY)["Body"].read()
    assert io.BytesIO(body).read(4) == b"PAR1"
    return parquet.load(body)


def test_a_second_name_changes_no_number_and_opens_no_second_order(platform: Platform) -> None:
    assert platform.put_and_wait(dead_from(9))["status"] == "SUCCEEDED"
    first = numbers(platform)
    assert [kind for kind, _, _ in first] == ["outage"]
    done = platform.put_and_wait(dead_from(9), key=key("acme-site_20250610"))
    assert done["status"] == "SUCCEEDED", done
    assert numbers(platform) == first
    assert len(platform.keys("work-orders/")) == 1
    assert len(stored(platform)) == 96
    diagnostics = [platform.read(name) for name in platform.keys("diagnostics/")]
    lost = {f["energy_at_risk"]["lost_so_far_kwh"] for d in diagnostics for f in d["findings"]}
    usual = {f["energy_at_risk"]["daily_expected_kwh"] for d in diagnostics for f in d["findings"]}
    assert len(diagnostics) == 2
    assert len(lost) == len(usual) == 1, "money does not double either"


def test_halves_that_meet_are_both_in_the_telemetry_store(platform: Platform) -> None:
    day = sunny_day()
    for name, part in (("b", between(day, "10:00", "24:00")), ("a", between(day, "00:00", "10:00"))):
        assert platform.put_and_wait(day[part], key=key(name))["status"] == "SUCCEEDED"
    assert stored(platform)["timestamp"].tolist() == day["timestamp"].tolist()
    shorter = day[between(day, "00:00", "08:00")]
    assert platform.put_and_wait(shorter, key=key("a"))["status"] == "SUCCEEDED"
    left = day[between(day, "00:00", "08:00") | between(day, "10:00", "24:00")]
    assert stored(platform)["timestamp"].tolist() == left["timestamp"].tolist()
