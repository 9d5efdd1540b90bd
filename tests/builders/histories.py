"""Asset histories for tests, told by telemetry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from ooda.documents.asset_history import AssetHistory
from tests.builders.assets import make_registry
from tests.builders.detection import histories_of
from tests.builders.telemetry import DAY, sunny_day


def day_by_day(asset_id: str, dead_until: int | None, days: int = 7) -> AssetHistory:
    """An asset that is dead from noon of the fourth day, until noon of another, as telemetry tells it."""
    frame = pd.concat(
        [sunny_day(asset_id, DAY + timedelta(days=n), seed=n) for n in range(days)], ignore_index=True
    )
    end = (
        DAY + timedelta(days=dead_until, hours=10)
        if dead_until is not None
        else datetime.max.replace(tzinfo=UTC)
    )
    dead = (frame["timestamp"] >= DAY + timedelta(days=3, hours=10)) & (frame["timestamp"] < end)
    frame.loc[dead, "power_kw"] = 0.0
    return histories_of(frame, make_registry())[asset_id]
