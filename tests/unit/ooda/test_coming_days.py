"""Diagnose asks for the forecasts of the coming days that are there, across a month's end too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ona.runtime import aws
from ona.store.s3 import write_bytes
from ooda.diagnose.store import coming_kwh
from tests.fakes.tables import IN


def put(day: str, asset_id: str, made: str, kw: float) -> None:
    stamp = day.replace("/", "-")
    rows = [f"{stamp}T{hour:02d}:00:00Z,{asset_id},{kw}" for hour in range(24)]
    text = "\n".join(["timestamp,asset_id,predicted_power_kw", *rows])
    write_bytes(IN, f"forecasts/{day}/{asset_id}_forecast_{made}.csv", text.encode(), "text/csv")


def test_the_newest_forecast_of_each_of_seven_days_counts(cloud: None) -> None:
    put("2025/06/29", "INV-1", "2025062906", 9.0)  # the day itself is not to come
    put("2025/06/30", "INV-1", "2025062906", 1.0)
    put("2025/06/30", "INV-1", "2025062912", 2.0)
    put("2025/07/01", "INV-2", "2025062906", 5.0)  # another asset's
    put("2025/07/03", "INV-1", "2025062906", 3.0)
    put("2025/07/07", "INV-1", "2025062906", 9.0)  # the eighth day
    asked: list[str] = []

    def called(params: dict[str, Any], **_: Any) -> None:
        asked.append(params["query_string"]["prefix"])

    aws.client("s3").meta.events.register("before-call.s3.ListObjectsV2", called)
    found = coming_kwh(IN, "INV-1", datetime(2025, 6, 29, 14, tzinfo=UTC))
    assert found == [48.0, None, None, 72.0, None, None, None]
    assert asked == [
        "forecasts/2025/06/",
        "forecasts/2025/07/",
        "forecasts/2025/06/30/INV-1_forecast_",
        "forecasts/2025/07/01/INV-1_forecast_",
        "forecasts/2025/07/03/INV-1_forecast_",
    ]
