"""The sun and the clear sky in NumPy are those of pvlib."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pvlib.clearsky import simplified_solis
from pvlib.irradiance import aoi_projection, erbs
from pvlib.solarposition import ephemeris

from ona.sky import almanac


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(-26.2, 28.05), (63.4, 10.4), (0.0, -179.9), (-54.8, -68.3)]
)
def test_the_sun_stands_where_pvlib_has_it(latitude: float, longitude: float) -> None:
    """Every 37 minutes of years with and without a leap day, one of another century."""
    for year in ("2012", "2023", "2026", "2100"):
        when = pd.date_range(f"{year}-01-01T00:00:30Z", f"{year}-12-31T23:59Z", freq="37min")
        theirs = ephemeris(when, latitude, longitude)
        seconds = when.as_unit("us").asi8 / 1e6
        elevation, apparent, azimuth = almanac.sun_position(seconds, latitude, longitude)
        assert elevation == pytest.approx(theirs["elevation"].to_numpy(), abs=1e-6)
        assert apparent == pytest.approx(theirs["apparent_elevation"].to_numpy(), abs=1e-6)
        apart = np.abs(azimuth - theirs["azimuth"].to_numpy())
        assert np.minimum(apart, 360 - apart).max() < 1e-6


def test_a_clear_sky_and_its_split_are_pvlibs() -> None:
    elevation = np.concatenate([[0.0], np.linspace(0.01, 90.0, 500)])
    theirs = simplified_solis(elevation, aod700=0.1, precipitable_water=1.0)
    for ours, name in zip(almanac.clear_irradiance(elevation), ("ghi", "dni", "dhi"), strict=True):
        assert ours == pytest.approx(np.asarray(theirs[name]), abs=1e-9)
    rng = np.random.default_rng(4)
    ghi, zenith, day = rng.uniform(-5, 1200, 4000), rng.uniform(0, 90, 4000), rng.integers(1, 367, 4000)
    ghi[:50] = np.nan
    dni, dhi = almanac.erbs(ghi, zenith, day)
    split = erbs(ghi, zenith, day)
    assert dni == pytest.approx(np.asarray(split["dni"]), abs=1e-9, nan_ok=True)
    assert dhi == pytest.approx(np.asarray(split["dhi"]), abs=1e-9, nan_ok=True)


def test_incidence_is_pvlibs() -> None:
    rng = np.random.default_rng(5)
    zenith, azimuth = rng.uniform(0, 120, 1000), rng.uniform(0, 360, 1000)
    theirs = aoi_projection(31.0, 327.0, zenith, azimuth)
    assert almanac.cosine_of_incidence(31.0, 327.0, zenith, azimuth) == pytest.approx(theirs, abs=1e-12)
