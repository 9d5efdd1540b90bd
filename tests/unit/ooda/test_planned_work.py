"""Planned work of the maintenance calendar excuses a machine that stands; another machine's does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from ona.documents.assets import AssetRegistry
from ona.runtime.clock import iso
from ona.store.calendar import read_calendar
from ona.store.layout import MAINTENANCE
from ona.store.s3 import write_bytes, write_json
from ona.store.unreadable import Unreadable
from ooda.config.detection import detection_config
from ooda.detect.handler import lambda_handler as detect
from ooda.detect.planned import rules_of
from tests.builders.assets import make_asset
from tests.builders.telemetry import DAY, dead_from, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import IN, create_table

NAMES = [f"INV-{number:03d}" for number in range(1, 6)]


@pytest.fixture
def bucket(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")


def judged() -> dict[str, Any]:
    """A day of five inverters; the third stands from nine o'clock on."""
    registry = AssetRegistry(assets=[make_asset(asset) for asset in NAMES])
    write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    frame = pd.concat([dead_from(9 if asset == "INV-003" else 24, asset) for asset in NAMES])
    key = f"observations/{DAY:%Y/%m/%d}/site_{DAY:%Y%m%d}.csv"
    write_bytes(IN, key, to_csv(frame), "text/csv")
    source = {"bucket": IN, "key": key, "version_id": ""}
    answer: dict[str, Any] = detect(
        {"source": source, "file_id": "0" * 16, "execution_id": "execution-1"}, Context()
    )
    return answer


@pytest.mark.parametrize(
    ("asset_id", "incidents"), [("INV-003", 0), ("INV-004", 1)], ids=["its own", "another's"]
)
def test_planned_work_excuses_a_machine_that_stands(asset_id: str, incidents: int, bucket: None) -> None:
    window = {"asset_id": asset_id, "start": iso(DAY), "end": iso(DAY + timedelta(days=1))}
    write_json(IN, MAINTENANCE, {"windows": [window]})
    assert judged()["incidents"] == incidents


def test_without_a_calendar_or_with_a_damaged_one_the_rules_are_the_files(bucket: None) -> None:
    assert rules_of(IN) is detection_config()
    write_bytes(IN, MAINTENANCE, b"[1, 2", "application/json")
    assert rules_of(IN) is detection_config()


def test_one_window_that_cannot_be_read_holds_up_no_other(bucket: None) -> None:
    sound = {"asset_id": "INV-003", "start": iso(DAY), "end": iso(DAY + timedelta(days=1))}
    wrong = [sound | {"start": "soon"}, sound | {"share": 1.5}, "INV-003", sound | {"colour": "red"}]
    write_json(IN, MAINTENANCE, {"windows": [*wrong[:2], sound, *wrong[2:]]})
    bad: list[Unreadable] = []
    assert [one.asset_id for one in read_calendar(IN, bad).windows] == ["INV-003"]
    assert [one.where.rpartition(", ")[2] for one in bad] == [
        "window 1",
        "window 2",
        "window 4",
        "window 5",
    ]
    write_json(IN, MAINTENANCE, [sound])
    assert read_calendar(IN).windows == []
    assert judged()["incidents"] == 1
