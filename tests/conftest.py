"""Shared by all tests: the environment that handlers expect, and small builders."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

os.environ.update(
    ONA_CONFIG_DIR=str(ROOT / "configs"),
    ONA_ENVIRONMENT="dev",
    AWS_DEFAULT_REGION="af-south-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    POWERTOOLS_TRACE_DISABLED="1",
    POWERTOOLS_METRICS_NAMESPACE="Ona/Platform",
    POWERTOOLS_SERVICE_NAME="test",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

from ona.documents.assets import Asset, AssetRegistry, Component, Location

NOW = datetime(2025, 6, 20, 6, 0, tzinfo=UTC)
DAY = datetime(2025, 6, 10, tzinfo=UTC)
SITE = Location(latitude=-26.2, longitude=28.05)


def make_asset(asset_id: str = "INV-001", **changes: object) -> Asset:
    base: dict[str, object] = {
        "id": asset_id,
        "name": asset_id,
        "capacity_kw": 100.0,
        "location": SITE,
        "site_id": "site",
        "tariff_usd_per_kwh": 0.2,
        "timezone": "Africa/Johannesburg",
        "components": [
            Component(oem="Sungrow", model="SG110CX", serial=f"{asset_id}-inverter", type="inverter"),
            Component(oem="Sungrow", model="SG110CX", serial=f"{asset_id}-fan", type="fan"),
        ],
    }
    return Asset.model_validate({**base, **changes})


def make_registry(count: int = 6) -> AssetRegistry:
    return AssetRegistry(assets=[make_asset(f"INV-{n:03d}") for n in range(1, count + 1)])


def sunny_day(
    asset_id: str = "INV-001",
    day: datetime = DAY,
    *,
    minutes: int = 15,
    gain: float = 0.9,
    noise: float = 0.004,
    seed: int = 0,
) -> pd.DataFrame:
    """A clear day of a sound 100 kW inverter at -26° N, 28° E: 24 h, canonical columns."""
    rng = np.random.default_rng(seed + sum(map(ord, asset_id)))
    times = pd.date_range(day, day + timedelta(days=1), freq=f"{minutes}min", inclusive="left")
    hour = times.hour + times.minute / 60 + 2  # local
    sun = np.clip(np.sin((hour - 6.6) / 10.8 * np.pi), 0, None) * ((hour > 6.6) & (hour < 17.4))
    power = 100 * gain * sun * (1 + rng.normal(0, noise, len(times)))
    return pd.DataFrame(
        {
            "timestamp": times.astype("datetime64[us, UTC]"),
            "asset_id": asset_id,
            "temperature_c": 15 + 25 * sun + rng.normal(0, 0.2, len(times)),
            "voltage_v": np.where(sun > 0, 750 + rng.normal(0, 2, len(times)), 0.0),
            "power_kw": power,
            "irradiance_w_m2": 1000 * sun,
        }
    )


def to_csv(frame: pd.DataFrame) -> bytes:
    text = frame.assign(timestamp=frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return text.to_csv(index=False).encode()


@pytest.fixture
def registry() -> AssetRegistry:
    return make_registry()


def shared_data(folder: str) -> Path:
    """A folder of real data, or a skip with its reason."""
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"../shared/data/{folder} is not here")
    return path
