"""Detect's warm process reads again what has changed, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from ona.runtime import aws
from ona.store import parquet
from ona.store.s3 import list_keys, write_bytes, write_json
from ooda.detect import damaged_history, telemetry_store
from ooda.detect.asset_history import empty
from tests.builders.assets import make_asset
from tests.fakes.tables import OUT

PLACE = "telemetry/site=site/day=2025-06-10/"


@pytest.fixture
def read(cloud: None) -> list[str]:
    """The keys that were read, in order."""
    keys: list[str] = []
    for held in (telemetry_store, damaged_history):
        held._held.clear()

    def called(params: dict[str, Any], **_: Any) -> None:
        keys.append(params["url_path"].lstrip("/"))

    aws.client("s3").meta.events.register("before-call.s3.GetObject", called)
    return keys


def put_day(name: str, power: float) -> None:
    times = pd.to_datetime(["2025-06-10T08:00Z", "2025-06-10T08:05Z"])
    columns = dict.fromkeys(("temperature_c", "voltage_v", "irradiance_w_m2"), 1.0)
    frame = pd.DataFrame({"timestamp": times, "asset_id": name, "power_kw": power, **columns})
    parquet.put(OUT, f"{PLACE}{name}.parquet", frame)


def powers(entries: Any) -> dict[str, float]:
    frame = telemetry_store.read_objects(OUT, list(entries), 2)
    return {str(name): float(power) for name, power in frame.groupby("asset_id")["power_kw"].mean().items()}


def test_telemetry_that_has_not_changed_is_read_once(read: list[str]) -> None:
    put_day("held-1", 10.0)
    put_day("held-2", 20.0)
    assert powers(list_keys(OUT, PLACE)) == {"held-1": 10.0, "held-2": 20.0}
    assert len(read) == 2
    assert powers(list_keys(OUT, PLACE)) == {"held-1": 10.0, "held-2": 20.0}
    assert len(read) == 2
    put_day("held-2", 25.0)
    assert powers(list_keys(OUT, PLACE)) == {"held-1": 10.0, "held-2": 25.0}
    assert len(read) == 3
    assert read[-1].endswith("held-2.parquet")


def test_what_was_written_after_the_listing_is_not_taken_for_what_was_listed(read: list[str]) -> None:
    put_day("held-3", 1.0)
    listed = list(list_keys(OUT, PLACE))
    put_day("held-3", 2.0)
    assert powers(listed) == {"held-3": 2.0}, "what lies there is read, as before"
    put_day("held-3", 1.0)
    assert powers(list_keys(OUT, PLACE)) == {"held-3": 1.0}, (
        "the first listing's tag names the first content"
    )
    assert len(read) == 2


def test_who_works_with_what_is_held_does_not_change_it(read: list[str]) -> None:
    put_day("held-4", 5.0)
    first = telemetry_store.read_objects(OUT, list(list_keys(OUT, PLACE)), 1)
    first.loc[:, "power_kw"] = -1.0
    assert powers(list_keys(OUT, PLACE)) == {"held-4": 5.0}
    assert len(read) == 1


def test_a_site_s_histories_are_listed_and_the_changed_ones_read(read: list[str]) -> None:
    assets = [make_asset(f"beside-{number}") for number in range(4)]
    for asset in assets[:3]:
        write_json(OUT, f"incidents/site/{asset.id}.json", empty(asset).document())
    assert damaged_history.read_beside(OUT, assets) == {asset.id: empty(asset) for asset in assets}
    assert len(read) == 3, "the fourth has none"
    other = json.dumps(empty(assets[0]).document()).encode()  # the same history in other bytes
    write_bytes(OUT, "incidents/site/beside-0.json", other, "application/json")
    assert len(damaged_history.read_beside(OUT, assets)) == 4
    assert read[3:] == ["incidents/site/beside-0.json"]
    write_json(OUT, "incidents/site/beside-3.json", empty(assets[3]).document())
    damaged_history.read_beside(OUT, assets)
    assert read[4:] == ["incidents/site/beside-3.json"]


def test_a_damaged_history_is_told_of_each_time(read: list[str]) -> None:
    assets = [make_asset(f"damaged-{number}") for number in range(3)]
    write_bytes(OUT, "incidents/site/damaged-1.json", b"{", "application/json")
    for _ in range(2):
        assert damaged_history.read_beside(OUT, assets)["damaged-1"] == empty(assets[1])
    assert [key for key in read if "versions" not in key].count("incidents/site/damaged-1.json") >= 2
