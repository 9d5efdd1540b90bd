"""The forecast without weather: what recent days gave, hour by hour, relative to the clear sky."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.forecasting_api import fallbacks, generate
from forecasting.model.features import Site
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.plane import Plane
from tests.builders.weather import JOBURG, hours, share_of, site, weather

DAYS = 40
WEST = Plane(JOBURG.latitude, JOBURG.longitude, 60.0, 270.0)


def unseen_error(made: pd.Series, told: Site) -> tuple[float, float]:
    """Mean absolute error of the last eight days: of the forecast, and of one share for all hours."""
    index = pd.DatetimeIndex(made.index)
    ours, one_share = [], []
    for day in range(DAYS - 8, DAYS):
        known, ahead = made[: 24 * day], index[24 * day : 24 * day + 24]
        truth = made.reindex(ahead).to_numpy()
        ours.append(np.abs(truth - fallbacks.usual(told, ahead, known)[:, 2]).mean())
        recent = known[-24 * fallbacks.USUAL_DAYS :]
        both = [
            sun.clear_sky(pd.DatetimeIndex(i), told.plane, 60.0)["clear_poa"] for i in (recent.index, ahead)
        ]
        past, clear = (sky.to_numpy() / 1000.0 for sky in both)
        bright = past > fallbacks.BRIGHT
        share = np.median(recent.to_numpy()[bright] / past[bright])
        lit = clear * 1000.0 > DARK_W_M2
        one_share.append(np.abs(truth - np.clip(np.where(lit, clear, 0.0) * share, 0, 1)).mean())
    return float(np.mean(ours)), float(np.mean(one_share))


def test_a_plant_whose_hours_differ_from_its_stated_plane_is_learned_by_hour() -> None:
    """The modules look west, the document says north; beside it one that lies as stated loses nothing."""
    sky = weather(DAYS, seed=3)
    ours, one_share = unseen_error(share_of(sky, WEST), site(JOBURG))
    assert ours < 0.9 * one_share
    ours, one_share = unseen_error(share_of(sky, JOBURG), site(JOBURG))
    assert ours < 1.03 * one_share


def test_one_odd_day_moves_an_hour_only_a_little() -> None:
    """Two days of data, of which one stood still at noon: noon is not taken for an hour without power."""
    index = hours(3)
    clear = sun.clear_sky(index, JOBURG, 60.0)["clear_poa"].to_numpy() / 1000.0
    made = pd.Series(0.7 * clear, index=index)
    noon = int(np.argmax(clear[:24]))
    made.iloc[noon] = made.iloc[24 + noon] = 0.0
    median = fallbacks.usual(site(JOBURG), index[48:], made[:48])[:, 2]
    assert 0.5 * 0.7 < median[noon] / clear[48 + noon] < 0.7


def test_the_service_reads_as_many_days_as_the_forecast_wants() -> None:
    assert generate.USUAL_DAYS == fallbacks.USUAL_DAYS
