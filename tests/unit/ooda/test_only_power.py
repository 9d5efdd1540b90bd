"""A file of times and power alone goes the whole way of the loop; what it lacks is said on the way."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.store.s3 import read_json, write_bytes, write_json
from ooda.detect.handler import lambda_handler as detect
from ops.cli.executions import _outcome
from tests.builders.assets import make_asset
from tests.builders.telemetry import DAY, dead_from, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import IN, create_table

BARE = ["timestamp", "asset_id", "power_kw"]


@pytest.fixture
def bucket(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")


def fleet(columns: list[str], name: str = "site") -> dict[str, Any]:
    """A day of five inverters, one of which stands from nine o'clock on, with these columns."""
    names = [f"INV-{number:03d}" for number in range(1, 6)]
    registry = AssetRegistry(assets=[make_asset(asset) for asset in names])
    write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    frame = pd.concat([dead_from(9 if asset == "INV-003" else 24, asset) for asset in names])
    return judged(frame[columns], name)


def judged(frame: pd.DataFrame, name: str) -> dict[str, Any]:
    key = f"observations/{DAY:%Y/%m/%d}/{name}_{DAY:%Y%m%d}.csv"
    write_bytes(IN, key, to_csv(frame), "text/csv")
    source = {"bucket": IN, "key": key, "version_id": ""}
    answer: dict[str, Any] = detect(
        {"source": source, "file_id": "0" * 16, "execution_id": "execution-1"}, Context()
    )
    return answer


def record(answer: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = read_json(S3Pointer(**answer["detection"]))
    return document


def test_an_outage_is_found_by_power_alone_and_what_is_not_watched_is_said(bucket: None) -> None:
    answer = fleet(BARE)
    assert (answer["status"], answer["unmeasured"]) == ("found", ["temperature_c", "voltage_v"])
    document = record(answer)
    assert document["file_quality"]["unmeasured"] == ["temperature_c", "voltage_v"]
    stopped = [asset for asset in document["assets"] if asset["incidents"]]
    assert [asset["asset_id"] for asset in stopped] == ["INV-003"]
    assert stopped[0]["incidents"][0]["kind"] == "outage"
    told = _outcome({"outcome": "found", "detection": answer})
    assert "no temperature_c and no voltage_v: their limits are not watched" in told


def test_the_whole_format_is_judged_as_before(bucket: None) -> None:
    answer = fleet([*BARE, "temperature_c", "voltage_v"])
    assert (answer["status"], answer["unmeasured"]) == ("found", [])
    assert "watched" not in _outcome({"outcome": "found", "detection": answer})
    assert record(answer)["file_quality"]["unmeasured"] == []


def test_a_lone_machine_without_any_reference_is_told(bucket: None) -> None:
    registry = AssetRegistry(assets=[make_asset()])
    write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    answer = judged(dead_from(9)[["timestamp", "power_kw"]], "INV-001")
    assert answer["not_judged"].startswith("1 of 1 asset not judged: no irradiance")
    assert answer["unmeasured"] == ["temperature_c", "voltage_v"]
