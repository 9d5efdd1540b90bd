"""A wind site's physics: the usual turbine without data, the site's own curve with it, storms, thin air."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.model import features, wind_physics
from forecasting.model.features import Site
from ona.sky.plane import Plane

SITE = Site("ridge", Plane(55.0, 8.0, 0.0, 0.0), 1.0, "wind")


def weather(days: int, seed: int = 0, *, hub: bool = True) -> pd.DataFrame:
    """Hours of wind that wanders between calm and 20 m/s at the hub."""
    rng = np.random.default_rng(seed)
    walk = np.zeros(24 * days)
    for hour in range(1, len(walk)):
        walk[hour] = 0.94 * walk[hour - 1] + rng.normal(0.0, 0.35)
    at_hub = np.minimum(8.0 * np.exp(0.45 * walk), 20.0)
    index = pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC", unit="us")
    frame = pd.DataFrame({"wind_speed_m_s": at_hub / 1.5, "wind_speed_hub_m_s": at_hub}, index=index)
    return frame if hub else frame[["wind_speed_m_s"]]


def logistic(speed: np.ndarray, middle: float = 9.5) -> np.ndarray:
    """A farm's curve, by another formula than the platform's."""
    return 0.94 / (1.0 + np.exp(-(speed - middle) / 1.4))


def history(days: int, seed: int = 0, *, middle: float = 9.5) -> pd.DataFrame:
    frame = weather(days, seed)
    rng = np.random.default_rng(seed + 1)
    seen = frame["wind_speed_hub_m_s"].rolling(3, center=True, min_periods=1).mean().to_numpy()
    table = features.build(frame, SITE)
    table["share"] = np.clip(logistic(seen * np.exp(rng.normal(0, 0.08, len(seen))), middle), 0.0, 1.0)
    return table


def miss(table: pd.DataFrame, fitted: wind_physics.Turbines) -> float:
    return float(np.abs(wind_physics.share(table, fitted) - table["share"]).mean())


@pytest.mark.parametrize("middle", [7.5, 9.5, 12.0])
def test_a_fitted_curve_is_the_sites_own_and_the_more_days_the_better(middle: float) -> None:
    unseen = history(60, seed=9, middle=middle)
    losses = [
        miss(unseen, fitted)
        for fitted in (
            wind_physics.default(),
            wind_physics.fit(history(7, middle=middle)),
            wind_physics.fit(history(180, middle=middle)),
        )
    ]
    assert losses[2] < losses[1] < losses[0] + 0.005
    seen = wind_physics.speed(unseen)
    floor = float(np.abs(logistic(seen, middle) - unseen["share"]).mean())
    assert losses[2] < 1.06 * floor, "what the curve itself would miss"


def test_a_curve_never_falls_and_too_few_hours_fit_nothing() -> None:
    fitted = wind_physics.fit(history(90))
    assert (np.diff(fitted.curve) >= -1e-9).all()
    assert (fitted.days, wind_physics.fit(history(1)).days) == (90.0, 0.0)
    silent = history(30).assign(share=np.nan)
    assert wind_physics.fit(silent) == wind_physics.default()


def test_a_storm_stops_a_turbine_until_the_wind_is_well_below_it() -> None:
    speeds = np.array([20.0, 24.0, 26.0, 24.0, np.nan, 23.0, 21.0, 24.0])
    power = wind_physics.curve(speeds, wind_physics.default())
    assert (power > 0.5).tolist() == [True, True, False, False, False, False, True, True]


def test_a_farm_that_is_seen_to_run_in_the_forecasts_storms_is_not_stopped() -> None:
    """A weather service may say too much wind: what the site gave there decides."""
    table = history(90)
    loud = table.assign(
        **{
            name: table[name] * 2.5
            for name in table
            if name.startswith("wind_speed") and "cubed" not in name
        }
    )
    fitted = wind_physics.fit(loud)
    assert not fitted.cuts_out
    assert wind_physics.curve(np.array([28.0]), fitted)[0] > 0.5
    assert wind_physics.fit(table).cuts_out


def test_wind_at_ten_metres_and_thin_air_count_by_their_laws() -> None:
    low = features.build(weather(3, hub=False), SITE)
    assert wind_physics.speed(low) == pytest.approx(
        low["wind_speed_m_s"].rolling(3, center=True).mean().fillna(wind_physics_edge(low)).to_numpy()
        * 8.0 ** (1 / 7)
    )
    flat = pd.DataFrame({"wind_speed_m_s": [8.0], "wind_speed_hub_m_s": [10.0], "air_density": [1.225 / 2]})
    assert wind_physics.speed(flat)[0] == pytest.approx(10.0 * 0.5 ** (1 / 3))
    unknown = flat.assign(wind_speed_hub_m_s=np.nan, air_density=np.nan)
    assert wind_physics.speed(unknown)[0] == pytest.approx(8.0 * 8.0 ** (1 / 7))


def wind_physics_edge(table: pd.DataFrame) -> pd.Series:
    """At the ends of a table the hour itself stands in for the one that is not there."""
    own = table["wind_speed_m_s"]
    return (2 * own + own.shift(1, fill_value=0.0) + own.shift(-1, fill_value=0.0)) / 3
