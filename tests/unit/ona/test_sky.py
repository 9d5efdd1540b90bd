"""The sun, the plane of the modules, and weather documents as frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.sky import plane_fit, sun
from ona.sky import weather_frames as frames
from ona.sky.plane import Plane, described_or_assumed, unknown_roof
from ona.sky.weather_document import Place, WeatherDocument
from tests.builders.weather import JOBURG, hours, share_of, weather


def test_noon_and_night_are_where_they_should_be() -> None:
    sky = sun.clear_sky(hours(1), JOBURG, 60.0)
    assert sky["clear_ghi"].idxmax().hour in (10, 11)  # 28° east: solar noon at 10:08 UTC
    assert sky.loc[sky.index.hour == 23, "clear_poa"].eq(0).all()
    assert sky["clear_ghi"].max() == pytest.approx(1000, abs=120)
    assert sky["elevation"].max() == pytest.approx(90 - (26.2 - 7.9), abs=2.5)


@settings(max_examples=30, deadline=None)
@given(
    latitude=st.floats(-89, 89),
    longitude=st.floats(-180, 180),
    tilt=st.floats(0, 90),
    azimuth=st.floats(0, 359),
)
def test_the_sky_is_sane_everywhere(latitude: float, longitude: float, tilt: float, azimuth: float) -> None:
    sky = sun.clear_sky(hours(2, "2025-06-20"), Plane(latitude, longitude, tilt, azimuth), 60.0)
    assert np.isfinite(sky.to_numpy()).all()
    assert sky["clear_ghi"].between(0, 1200).all()
    assert sky["clear_poa"].between(0, 1500).all()


def test_upsampled_weather_keeps_the_hours_energy_and_the_suns_shape() -> None:
    sky = weather(3)
    end = pd.date_range(sky.index[0] + pd.Timedelta(minutes=15), sky.index[-1], freq="15min", unit="us")
    fine = frames.at_interval(sky, end, JOBURG, 15.0)
    back = fine["ghi_w_m2"].resample("1h", closed="right", label="right").mean()
    both = sky["ghi_w_m2"].reindex(back.index)
    bright = both > 200
    assert (back[bright] / both[bright]).between(0.8, 1.25).all()
    assert back.sum() == pytest.approx(both.sum(), rel=0.03)


def test_the_plane_of_an_unknown_roof_is_fitted_from_its_power() -> None:
    where = Plane(-37.5, 145.0, 30.0, 330.0)
    sky = weather(120, where=where)
    fitted, explains = plane_fit.fit(sky, share_of(sky, where), -37.5, 145.0)
    assert fitted.tilt == pytest.approx(30, abs=6)
    assert (fitted.azimuth - 330 + 180) % 360 - 180 == pytest.approx(0, abs=15)
    assert explains > 0.95


def test_too_little_to_fit_a_plane_faces_the_equator() -> None:
    sky = weather(3)
    assumed, explains = plane_fit.fit(sky, share_of(sky), -26.2, 28.0)
    assert (assumed.azimuth, explains) == (0.0, 0.0)
    assert plane_fit.fit(sky, share_of(sky) * 0, 50.0, 8.0)[0].azimuth == 180.0


@pytest.mark.parametrize(
    ("latitude", "tilt", "azimuth"),
    [(0.0, 0.0, 180.0), (14.8, 14.8, 180.0), (52.5, 30.0, 180.0), (-26.2, 26.2, 0.0), (-45.0, 30.0, 0.0)],
)
def test_an_unknown_roof_leans_to_the_equator_by_the_latitude_up_to_thirty_degrees(
    latitude: float, tilt: float, azimuth: float
) -> None:
    roof = unknown_roof(latitude, 10.0)
    assert (roof.tilt, roof.azimuth) == (tilt, azimuth)
    assert described_or_assumed(latitude, 10.0, tilt=None, azimuth=None) == roof
    assert described_or_assumed(latitude, 10.0, tilt=5.0, azimuth=90.0) == Plane(latitude, 10.0, 5.0, 90.0)


# ------------------------------------------------------------------ weather documents


def test_a_weather_document_becomes_whole_hours() -> None:
    times = [t.to_pydatetime() for t in hours(1) if t.hour not in (5, 10, 11, 12, 13, 14)]
    document = WeatherDocument(
        place=Place.of(-26.23, 28.04),
        provider="x",
        kind="history",
        fetched_at=times[0],
        hours=times,
        values={"ghi_w_m2": [float(t.hour) for t in times], "pressure_hpa": [None] * len(times)},
    )
    frame = frames.frame(document)
    assert len(frame) == 24
    assert frame["ghi_w_m2"].iloc[5] == pytest.approx(5.0)
    assert frame["ghi_w_m2"].iloc[10:15].isna().sum() == 2, "three hours are bridged, not five"
    assert "pressure_hpa" not in frame
