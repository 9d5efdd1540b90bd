"""Quarter hours: they begin with the running one, keep each hour's mean, and follow live power."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting.documents import SiteDocument
from forecasting.forecasting_api import predict
from forecasting.forecasting_api.predict import Inputs, Prediction
from forecasting.forecasting_api.quarter_hours import Live, quarter_hours, quarterly
from forecasting.model import nowcast
from forecasting.model.nowcast import USUAL, Latest, Persistence

NOON = datetime(2025, 3, 20, 12, tzinfo=UTC)
SITE = SiteDocument(
    customer_id="acme",
    site_id="equator",
    latitude=0.0,
    longitude=0.0,
    kind="solar",
    capacity_kw=100.0,
    tilt=0.0,
    azimuth=0.0,
    assets={"a": 50.0, "b": 50.0},
)
NOTHING = Live(None, None, USUAL, 6)


def sky(first: datetime, hours: int) -> pd.DataFrame:
    """A cloudless day of this test's own: light by the height of the sun above the equator in March."""
    index = pd.date_range(first, periods=hours, freq="h", unit="us") + pd.Timedelta(hours=1)
    middle = np.asarray(index.hour, dtype=float) - 0.5
    light = 1000.0 * np.clip(np.cos(np.pi * (middle - 12.0) / 12.0), 0.0, None)
    return pd.DataFrame({"ghi_w_m2": light, "temperature_c": 25.0}, index=index)


WEATHER = sky(NOON - timedelta(days=2), 24 * 6)


AT = NOON + timedelta(minutes=20)


def made(now: datetime, quarters: pd.Series | None, hours: int = 6) -> pd.Series:
    """The medians of the next hours at a moment, by quarter."""
    got = quarterly(SITE, Inputs(weather=WEATHER), now, hours, Live(quarters, None, USUAL, 6))
    return pd.Series(got.median, index=got.hours)


def unmoved() -> pd.Series:
    """The medians of the morning and of the day after it, without live power."""
    return made(NOON - timedelta(hours=5), None, 24)


def measured(last: datetime, part: float, quarters: int = 6) -> pd.Series:
    """So many quarters up to a moment at which the plant gave a part of what was forecast."""
    end = pd.date_range(end=last, periods=quarters, freq="15min", unit="us")
    return part * unmoved().reindex(end)


def test_quarter_hours_keep_each_hours_mean() -> None:
    index = pd.date_range("2025-03-20T07:00Z", periods=30, freq="h", unit="us")
    light = np.clip(np.cos(np.pi * (np.asarray(index.hour) - 12.5) / 12.0), 0.0, None)
    median = 0.5 * np.where(light > 0.15, light, 0.0)
    bounds = {80: (median * 0.8, median * 1.2), 95: (median * 0.5, median * 1.5)}
    raw = np.tile(median[:, None], (1, 5))
    site = predict.site_of(SITE)
    hourly = Prediction(index, median, bounds, pd.DataFrame(index=index), site, [], None, raw, "model")
    fine = quarter_hours(hourly, (index[0] - pd.Timedelta(hours=1)).to_pydatetime(), NOTHING, 30)
    assert len(fine.hours) == 120
    back = pd.Series(fine.median, index=fine.hours).resample("1h", closed="right", label="right").mean()
    assert back.to_numpy() == pytest.approx(median, abs=0.003)
    assert (fine.bounds[95][0] <= fine.median).all()
    assert fine.nowcast_at is None


def test_they_begin_with_the_next_quarter_of_the_running_hour() -> None:
    got = quarterly(SITE, Inputs(weather=WEATHER), AT, 2, NOTHING)
    assert got.hours[0] == pd.Timestamp(NOON) + pd.Timedelta(minutes=30)
    assert got.hours[-1] == pd.Timestamp(NOON) + pd.Timedelta(hours=2, minutes=15)
    assert len(got.hours) == len(got.median) == len(got.raw) == len(got.weather) == 8
    without = quarterly(SITE, Inputs(), AT, 2, NOTHING)
    assert list(without.hours) == list(got.hours)
    assert without.degraded == ["no_weather"]


def test_live_power_renews_the_forecast_every_quarter_of_an_hour() -> None:
    """The plant gives half of what was forecast, then recovers: each quarter's reading shows."""
    base = unmoved()
    quarter = NOON + timedelta(minutes=15)
    low = made(AT, measured(quarter, 0.5))
    first, later = low.index[0], low.index[0] + pd.Timedelta(hours=5)
    assert 0.5 * base[first] < low[first] < 0.75 * base[first]
    assert low[later] == pytest.approx(base[later]), "five hours on nothing of it is left"
    recovered = pd.concat([measured(quarter, 0.5), measured(quarter + timedelta(minutes=15), 1.0, 1)])
    after = made(AT + timedelta(minutes=15), recovered)
    assert after.index[0] == first + pd.Timedelta(minutes=15)
    assert low[after.index[0]] < after[after.index[0]] < base[after.index[0]]


def test_only_what_was_measured_lately_moves_a_forecast() -> None:
    base = unmoved()
    for last, moves in ((NOON + timedelta(minutes=15), True), (NOON - timedelta(hours=4), False)):
        assert (made(AT, measured(last, 0.5)).iloc[0] < base[AT + timedelta(minutes=10)] - 0.01) == moves
    old = quarterly(
        SITE, Inputs(weather=WEATHER), AT, 2, Live(measured(NOON - timedelta(hours=4), 0.5), None, USUAL, 2)
    )
    assert old.nowcast_at is None
    to_come = measured(NOON + timedelta(hours=2), 0.1, quarters=4)
    assert made(AT, to_come).equals(made(AT, None)), "a reading from after now is not looked at"


def test_intervals_are_narrower_where_an_error_is_carried_and_nights_are_not_moved() -> None:
    plain, moved = (
        quarterly(SITE, Inputs(weather=WEATHER), AT, 12, Live(quarters, None, USUAL, 6))
        for quarters in (None, measured(NOON + timedelta(minutes=15), 0.8))
    )
    width = [made.bounds[80][1] - made.bounds[80][0] for made in (plain, moved)]
    assert width[1][0] < 0.8 * width[0][0]
    night = plain.median == 0
    assert night.any()
    assert (moved.median[night] == 0).all()
    assert moved.nowcast_at == NOON + timedelta(minutes=15)


def test_telemetry_by_the_hour_moves_them_too() -> None:
    hours = pd.DatetimeIndex([pd.Timestamp(NOON - timedelta(hours=1)), pd.Timestamp(NOON)])
    half = 0.5 * unmoved().resample("1h", closed="right", label="right").mean().reindex(hours)
    got = quarterly(SITE, Inputs(weather=WEATHER), AT, 2, Live(None, half, USUAL, 6))
    assert got.nowcast_at == NOON
    assert got.median[0] < 0.85 * unmoved()[got.hours[0]]


def test_quarters_come_from_the_telemetry_of_all_machines() -> None:
    """Two machines of 50 kW at 20 and 10 kW are 0.3 of the site; alone, one that counts for less than half
    of the capacity's time is no truth. Rows an hour apart have no quarters."""
    end = pd.date_range(NOON - timedelta(hours=2), NOON, freq="15min", unit="us")
    both = pd.concat(
        pd.DataFrame({"timestamp": end, "asset_id": name, "power_kw": kw})
        for name, kw in (("a", 20.0), ("b", 10.0))
    )
    found = Live.of(both, pd.Series(dtype=float), SITE, None, 6)
    assert found.quarters is not None
    assert found.quarters.iloc[-1] == pytest.approx(0.3)
    assert found.persistence == USUAL
    by_hour = both[both["timestamp"].dt.minute == 0]
    assert Live.of(by_hour, pd.Series(dtype=float), SITE, None, 6).quarters is None


def test_a_single_cloud_passes_within_the_hour() -> None:
    """The newest quarter departs from its hour: most of that is gone an hour later, none after the time in
    which the hour's own error is gone."""
    apart = np.array([0.25, 1.0, 6.0]) + nowcast.QUARTER_AHEAD
    cloud = nowcast.shift(Latest(0.0, -0.4, pd.Timestamp(AT)), USUAL, apart, np.ones(3))
    front = nowcast.shift(Latest(-0.4, -0.4, pd.Timestamp(AT)), USUAL, apart, np.ones(3))
    assert cloud[0] < -0.2
    assert -0.1 < cloud[1] < 0.0
    assert front[1] < cloud[1]
    assert cloud[2] == front[2] == 0.0
    assert (
        nowcast.learn(np.array([]), pd.DatetimeIndex([]), np.array([]), np.array([])).weight == USUAL.weight
    )
    assert Persistence().remaining(apart).tolist() == [0.0, 0.0, 0.0]
