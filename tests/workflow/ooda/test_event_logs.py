"""Telemetry and a log through the real state machine: one loss explained, one fault with its code."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from ops import accounting
from tests.builders.detection import between
from tests.builders.telemetry import DAY, sunny_day, to_csv
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

LOG = f"observations/{DAY:%Y/%m/%d}/alarms_{DAY:%Y%m%d}.csv"


def key(name: str) -> str:
    return f"observations/{DAY:%Y/%m/%d}/{name}_{DAY:%Y%m%d}.csv"


def stopped(name: str) -> pd.DataFrame:
    """A day that stands still from 09:00 to 12:00 UTC."""
    day = sunny_day(name)
    day.loc[between(day, "09:00", "12:00"), "power_kw"] = 0.0
    return day


def log(rows: list[tuple[str, str, str]]) -> bytes:
    """Rows of asset, code and text, each from 09:00 to 12:00 UTC."""
    times = ";".join(f"{DAY + timedelta(hours=hour):%d.%m.%Y %H:%M}" for hour in (9, 12))
    lines = [f"{times};{asset};{code};{text}" for asset, code, text in rows]
    return "\n".join(["Start (UTC);End (UTC);Device;Alarm ID;Message", *lines]).encode()


def put(platform: Platform, name: str, body: bytes) -> str:
    """Put a file, wait for the loop, and tell what accounting says of it."""
    platform.put_and_wait(body, key=name)
    version = platform.event(name)["detail"]["object"]["version-id"]
    (one,) = [item for item in accounting.account(platform.target) if item.version_id == version]
    return f"{one.state}: {one.detail}"


def test_a_log_explains_one_stop_and_names_the_other(platform: Platform) -> None:
    told = put(platform, LOG, log([("INV-001", "12", "Manual stop"), ("INV-002", "309", "Fan failure")]))
    assert told == "done: nothing found; event log: 2 events (1 fault, 1 operator)"
    assert put(platform, key("INV-001"), to_csv(stopped("INV-001"))).startswith("done: nothing found")
    assert put(platform, key("INV-002"), to_csv(stopped("INV-002"))).startswith("done: found")
    (explained,) = platform.read("incidents/site/INV-001.json")["incidents"]
    assert (explained["kind"], explained["actionable"]) == ("operation", False)
    assert explained["lost_energy_kwh"] > 100
    (fault,) = platform.read("incidents/site/INV-002.json")["incidents"]
    assert (fault["kind"], fault["events"][0]["code"]) == ("outage", "309")
    findings = [f for name in platform.keys("diagnostics/") for f in platform.read(name)["findings"]]
    assert [finding["asset_id"] for finding in findings] == ["INV-002"]
    assert 'fault 309 "Fan failure"' in " ".join(findings[0]["reasons"])
    assert len(platform.keys("work-orders/")) == 1

    # the log is corrected: the first stop was a fault too
    both = log([("INV-001", "309", "Fan failure"), ("INV-002", "309", "Fan failure")])
    assert put(platform, LOG, both).startswith(
        "done: found; event log: 2 events (2 fault); 2 files judged again"
    )
    (now,) = platform.read("incidents/site/INV-001.json")["incidents"]
    assert (now["kind"], now["actionable"]) == ("outage", True)
    assert len(platform.keys("work-orders/")) == 2


def test_a_log_that_can_be_read_in_two_ways_is_quarantined_with_its_reason(platform: Platform) -> None:
    told = put(platform, LOG, log([("INV-001", "12", "Manual stop")]).replace(b" (UTC)", b""))
    assert told.startswith("quarantined: time_without_zone: 1 of 1 times carry no zone")
