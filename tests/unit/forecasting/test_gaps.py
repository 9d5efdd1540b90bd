"""Filling gaps: where they are, what they are filled with, and what is never touched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.interpolation_service import fill, gaps, report, tables
from forecasting.interpolation_service.learner import boosted
from forecasting.model.features import Site, site_of
from forecasting.model.hourly import Grid, grid
from ona.sky import sun
from ona.sky import weather_frames as frames
from tests.builders.forecasting import site_document
from tests.builders.weather import JOBURG, share_of, weather

SITE = Site("s", JOBURG, 200.0)
CAPACITIES = {"A": 100.0, "B": 100.0}
DAYS = 24


@pytest.fixture(scope="module")
def whole() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hourly power (kW) of two assets, and the weather."""
    sky = weather(DAYS, 5)
    power = pd.DataFrame(
        {"A": share_of(sky, seed=1) * 100, "B": share_of(sky, seed=2) * 97}, index=sky.index
    )
    return power, sky


def cut(power: pd.DataFrame, name: str, day: int, hour: int, hours: int) -> pd.DataFrame:
    out = power.copy()
    first = day * 24 + hour
    out.iloc[first : first + hours, out.columns.get_loc(name)] = np.nan
    return out


def hourly_grid(power: pd.DataFrame) -> Grid:
    return Grid(power, power.notna(), 60.0)


def filled(power: pd.DataFrame, sky: pd.DataFrame | None) -> fill.Result:
    capacities = {name: CAPACITIES[name] for name in power.columns}
    return fill.fill(hourly_grid(power), capacities, SITE, sky, boosted)


def error(result: fill.Result, power: pd.DataFrame, gapped: pd.DataFrame, name: str) -> float:
    hidden = gapped[name].isna().to_numpy()
    return float(np.abs(result.assets[name].power_kw - power[name].to_numpy())[hidden].mean())


@pytest.mark.parametrize(
    ("hours", "method", "limit"), [(1, {"shape", "peers"}, 8), (6, {"peers"}, 4), (30, {"peers"}, 4)]
)
def test_peers_fill_one_assets_gap(
    whole: tuple[pd.DataFrame, pd.DataFrame], hours: int, method: set[str], limit: float
) -> None:
    power, sky = whole
    gapped = cut(power, "A", 12, 9, hours)
    result = filled(gapped, sky)
    assert {m for _, m in result.gaps} <= method
    assert error(result, power, gapped, "A") < limit


def test_the_weather_fills_what_no_peer_saw(whole: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    power, sky = whole
    gapped = cut(power[["A"]], "A", 10, 0, 48)
    result = filled(gapped, sky)
    assert [m for _, m in result.gaps] == ["weather"]
    assert error(result, power, gapped, "A") < 5
    usual = filled(gapped, None)
    assert [m for _, m in usual.gaps] == ["usual_day"]
    assert error(usual, power, gapped, "A") > error(result, power, gapped, "A")


def test_measured_values_are_never_changed(whole: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    power, sky = whole
    gapped = cut(cut(power, "A", 5, 7, 30), "B", 9, 10, 3)
    result = filled(gapped, sky)
    for name in power:
        measured = gapped[name].notna().to_numpy()
        asset = result.assets[name]
        assert np.array_equal(asset.power_kw[measured], gapped[name].to_numpy()[measured])
        assert (asset.half_width_kw[measured] == 0).all()
        assert (asset.method[measured] == "measured").all()
        assert np.isfinite(asset.power_kw).all()


def test_nights_are_zero_by_the_sun_and_nothing_passes_the_limit(
    whole: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    power, sky = whole
    gapped = cut(power[["A"]], "A", 8, 0, 72)
    asset = filled(gapped, sky).assets["A"]
    end = pd.DatetimeIndex(power.index)
    dark = (sun.clear_sky(end, JOBURG, 60.0)["clear_poa"] <= 1).to_numpy()
    hidden = gapped["A"].isna().to_numpy()
    assert (asset.power_kw[hidden & dark] == 0).all()
    assert (asset.half_width_kw[hidden & dark] == 0).all()
    assert (asset.method[hidden & dark] == "night").all()
    assert asset.power_kw.max() <= 100
    assert (asset.half_width_kw[hidden & ~dark] > 0).all()


def test_uncertainty_grows_with_the_distance_from_measured_values(
    whole: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    power, sky = whole
    rng = np.random.default_rng(2)
    slow = np.zeros(len(power))
    for n in range(1, len(slow)):  # soiling, haze: errors that last for hours
        slow[n] = 0.92 * slow[n - 1] + rng.normal(0, 0.04)
    hazy = power[["A"]].mul(1 + slow, axis=0).clip(0, 100)
    first = 11 * 24 + 6
    asset = filled(cut(hazy, "A", 11, 6, 9), sky).assets["A"]
    clear = sun.clear_sky(pd.DatetimeIndex(power.index), JOBURG, 60.0)["clear_poa"].to_numpy() / 10
    relative = (asset.half_width_kw / np.maximum(clear, 1))[first : first + 9]
    assert relative[4] > 1.1 * relative[0]
    assert relative[4] > 1.1 * relative[-1]


def test_a_gap_of_all_assets_is_the_line_and_of_one_its_logger(
    whole: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    power, _ = whole
    both = cut(cut(power, "A", 6, 9, 4), "B", 6, 9, 4)
    one = cut(both, "A", 15, 9, 4)
    reported = one.notna()
    null = cut(one, "B", 18, 9, 3)  # rows came, values did not
    lit = (sun.clear_sky(pd.DatetimeIndex(power.index), JOBURG, 60.0)["clear_poa"] > 1).to_numpy()
    all_gaps = gaps.find(null, reported, lit, 60.0)
    causes = {(g.asset_id, g.start.day): (g.cause, g.length) for g in all_gaps}
    assert causes["A", 7] == causes["B", 7] == ("communication", "medium")
    assert causes["A", 16] == ("logger", "medium")
    assert causes["B", 19] == ("value_missing", "medium")
    night = cut(power[["A"]], "A", 3, 20, 3)
    assert [g.cause for g in gaps.find(night, night.notna(), lit, 60.0)] == ["night"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), max_size=60))
def test_runs_cover_exactly_what_is_true(mask: list[bool]) -> None:
    array = np.array(mask, dtype=bool)
    back = np.zeros(len(array), dtype=bool)
    for first, last in gaps.runs(array):
        assert not back[first : last + 1].any()
        back[first : last + 1] = True
    assert np.array_equal(back, array)


def test_without_any_measured_value_a_gap_stays_unfilled() -> None:
    index = pd.date_range("2025-03-01", periods=48, freq="h", tz="UTC", unit="us")
    power = pd.DataFrame({"A": np.nan}, index=index)
    result = fill.fill(hourly_grid(power), {"A": 100.0}, SITE, None, boosted)
    assert {m for _, m in result.gaps} == {"unfilled"}


def test_a_wind_turbine_has_no_night() -> None:
    index = pd.date_range("2025-03-01", periods=24 * 20, freq="h", tz="UTC", unit="us")
    rng = np.random.default_rng(3)
    speed = np.clip(8 + 3 * np.sin(np.arange(len(index)) / 9) + rng.normal(0, 0.4, len(index)), 0, 25)
    power = pd.DataFrame({"A": 100 * np.clip((speed - 2) / 10, 0, 1) ** 3}, index=index)
    gapped = power.copy()
    gapped.iloc[200:240] = np.nan
    wind = Site("w", JOBURG, 100.0, "wind")
    sky = pd.DataFrame({"wind_speed_m_s": speed}, index=index)
    asset = fill.fill(hourly_grid(gapped), {"A": 100.0}, wind, sky, boosted).assets["A"]
    assert "night" not in asset.method
    assert np.abs(asset.power_kw - power["A"].to_numpy())[200:240].mean() < 6


# ------------------------------------------------------------------ what is published


def telemetry(minutes: int = 15, days: int = 3) -> pd.DataFrame:
    sky = weather(days + 1, 5)
    end = pd.date_range(sky.index[1], periods=days * 24 * 60 // minutes, freq=f"{minutes}min", unit="us")
    fine = frames.at_interval(sky, end, JOBURG, float(minutes))
    share = share_of(sky).reindex(end, method="ffill")
    parts = [
        pd.DataFrame({"timestamp": end, "asset_id": name, "power_kw": share.to_numpy() * 100})
        for name in CAPACITIES
    ]
    assert len(fine) == len(end)
    return pd.concat(parts, ignore_index=True)


def test_the_grid_is_regular_and_marks_which_rows_came() -> None:
    frame = telemetry().drop(index=range(40, 60))
    frame.loc[100:103, "power_kw"] = np.nan
    made = grid(frame)
    assert made.minutes == 15
    assert made.power.index.to_series().diff().dropna().nunique() == 1
    assert made.power["A"].isna().sum() == 24
    assert (~made.reported["A"]).sum() == 20


def test_an_hour_of_which_less_than_half_was_measured_is_no_truth() -> None:
    frame = telemetry()
    start = frame["timestamp"].iloc[0].ceil("D") + pd.Timedelta(hours=10)
    hole = frame["timestamp"].between(start, start + pd.Timedelta(hours=3), inclusive="neither")
    made = grid(frame[~hole])
    document = site_document(CAPACITIES).model_copy(update={"tilt": 25.0, "azimuth": 0.0})
    site = site_of(document)
    result = fill.fill(made, CAPACITIES, site, None, boosted)
    table = tables.hourly(made, result, CAPACITIES, None, site).set_index("timestamp")
    inside = table.loc[start + pd.Timedelta(hours=2)]
    assert np.isnan(inside["share"])
    assert inside["filled_share"] > 0.05
    outside = table.loc[start - pd.Timedelta(hours=1)]
    assert outside["share"] == pytest.approx(outside["filled_share"])
    long = tables.enriched(made, result, None, site)
    assert set(long["method"].unique()) >= {"measured", "usual_day"}
    records, unlisted = report.gap_records(result)
    assert unlisted == 0
    assert {r.cause for r in records} == {"communication"}
