"""Telemetry for tests: the day that it is of, and the moment at which it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

NOW = datetime(2025, 6, 20, 6, 0, tzinfo=UTC)
"""The moment at which tests read their files."""
DAY = datetime(2025, 6, 10, tzinfo=UTC)
"""The day of the readings."""


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
    """A frame as a canonical CSV file."""
    text = frame.assign(timestamp=frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return text.to_csv(index=False).encode()


def dead_from(hour: int, asset: str = "INV-001") -> pd.DataFrame:
    """A day on which an inverter stops and does not come back."""
    day = sunny_day(asset)
    day.loc[day["timestamp"].dt.hour >= hour, "power_kw"] = 0.0
    return day
