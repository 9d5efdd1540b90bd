"""The hourly share: training and serving take the same truth from the same readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.interpolation_service import fill, tables
from forecasting.interpolation_service.learner import boosted
from forecasting.model.features import site_of
from forecasting.model.hourly import grid, measured_share
from tests.builders.forecasting import site_document
from tests.builders.weather import share_of, weather

CAPACITIES = {"A": 100.0, "B": 300.0}
SITE = site_document(CAPACITIES)


def telemetry(days: int = 3) -> pd.DataFrame:
    """Both assets every 15 minutes, as their share of capacity."""
    sky = weather(days + 1, 5)
    end = pd.date_range(sky.index[1], periods=days * 96, freq="15min", unit="us")
    share = share_of(sky).reindex(end, method="bfill").to_numpy()
    parts = [
        pd.DataFrame({"timestamp": end, "asset_id": name, "power_kw": share * capacity})
        for name, capacity in CAPACITIES.items()
    ]
    return pd.concat(parts, ignore_index=True)


def served(frame: pd.DataFrame) -> pd.Series:
    share = measured_share(frame, SITE, site_of(SITE))
    assert share is not None
    return share


def trained(frame: pd.DataFrame) -> pd.Series:
    regular = grid(frame)
    site = site_of(SITE)
    result = fill.fill(regular, CAPACITIES, site, None, boosted)
    return tables.hourly(regular, result, CAPACITIES, None, site).set_index("timestamp")["share"].dropna()


def test_training_and_serving_agree_to_the_digit_also_where_readings_are_missing() -> None:
    frame = telemetry()
    rng = np.random.default_rng(4)
    frame = frame[rng.random(len(frame)) > 0.3]
    assert len(frame) > 300
    pd.testing.assert_series_equal(
        served(frame), trained(frame), check_names=False, check_freq=False, check_exact=True
    )


def test_an_hour_of_which_less_than_half_was_measured_has_no_share() -> None:
    frame = telemetry()
    noon = pd.Timestamp("2025-03-02T10:00Z")
    hour = frame["timestamp"].between(noon - pd.Timedelta(minutes=45), noon)
    big = frame["asset_id"] == "B"
    late = hour & (frame["timestamp"] > noon - pd.Timedelta(minutes=30))
    assert noon not in served(frame[~(hour & big)]).index, "a quarter of the capacity"
    assert noon in served(frame[~(late & big)]).index, "62.5 % of capacity times time"
    assert noon not in served(frame[~(late | (hour & big))]).index, "12.5 %"


def test_a_reading_that_came_twice_counts_once() -> None:
    frame = telemetry()
    again = frame.assign(power_kw=0.0)
    assert served(pd.concat([again, frame])).equals(served(frame))


def test_other_sites_assets_and_files_without_power_have_no_share() -> None:
    frame = telemetry()
    assert measured_share(frame.assign(asset_id="other"), SITE, site_of(SITE)) is None
    assert measured_share(frame.assign(power_kw=np.nan), SITE, site_of(SITE)) is None


def test_the_share_is_power_over_capacity() -> None:
    frame = telemetry()
    share = served(frame)
    by_hour = frame.groupby(frame["timestamp"].dt.ceil("h"))["power_kw"].sum() / 4 / 400.0
    noon = pd.Timestamp("2025-03-02T10:00Z")
    assert share[noon] == pytest.approx(by_hour[noon])
    assert share[noon] > 0.1
