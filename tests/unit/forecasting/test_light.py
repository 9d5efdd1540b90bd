"""What a training keeps of its weight on days whose light it has hardly seen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.documents import Fitted, ModelCard, SiteDocument
from forecasting.forecasting_api import predict
from forecasting.model import experts, forecaster, light
from forecasting.model.booster import TARGET
from forecasting.model.experts import PERSISTED, PHYSICS, RECENT, TREES
from forecasting.model.registry import InService
from ona.sky.plane import Plane
from tests.builders.models import FAST
from tests.builders.weather import training, weather

SPRING = date(2025, 3, 10)


def test_a_polar_winter_keeps_little_for_spring_and_a_summer_all_for_autumn() -> None:
    assert light.kept(68.0, SPRING, 90.0, SPRING + timedelta(days=20)) < 0.3
    assert light.kept(68.0, date(2025, 9, 20), 90.0, date(2025, 10, 15)) == 1.0
    assert light.kept(68.0, SPRING, 365.0, SPRING + timedelta(days=20)) > 0.95, (
        "the year before had a spring"
    )
    assert light.kept(-68.0, date(2025, 9, 10), 90.0, date(2025, 9, 30)) < 0.3, "there it is winter"


@pytest.mark.parametrize("latitude", [-20.0, 0.0, 5.0, 20.0])
def test_near_the_equator_each_day_counts(latitude: float) -> None:
    for month in range(1, 13):
        asked = date(2025, month, 15)
        assert light.kept(latitude, asked - timedelta(days=10), 90.0, asked) > 0.8


def test_a_day_without_light_and_a_training_without_days_change_nothing() -> None:
    assert light.kept(75.0, date(2025, 11, 20), 90.0, date(2025, 12, 20)) == 1.0
    assert light.kept(50.0, SPRING, 0.0, SPRING) == 1.0


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-90.0, 90.0),
    st.integers(0, 364),
    st.floats(0.0, 1500.0),
    st.integers(0, 400),
    st.floats(0, 1),
)
def test_weights_stay_none_negative_and_together_one(
    latitude: float, day: int, days: float, after: int, trees: float
) -> None:
    until = date(2025, 1, 1) + timedelta(days=day)
    kept = light.kept(latitude, until, days, until + timedelta(days=after))
    assert 0.0 <= kept <= 1.0
    found = experts.with_model(trees, kept)
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) >= 0.0


def test_the_light_of_a_day_is_that_of_the_sun_summed_over_it() -> None:
    """By quarters of an hour of a sun of Cooper's (1969), another one than the module's."""
    for latitude in (-45.0, 0.0, 35.0, 67.0):
        for number in (20, 80, 172, 300):
            tilt = np.radians(23.45) * np.sin(2 * np.pi * (284 + number) / 365)
            hours, place = np.linspace(-np.pi, np.pi, 97), np.radians(latitude)
            height = np.sin(place) * np.sin(tilt) + np.cos(place) * np.cos(tilt) * np.cos(hours)
            expected = float(np.maximum(height, 0.0)[:-1].mean())
            [got] = light.above_the_air(latitude, np.array([float(number)]))
            assert got == pytest.approx(expected, abs=0.015)


def served(latitude: float) -> dict[str, float]:
    """Weights of a forecast of 15 April by a model of 18 days from 1 March; no day is measured since."""
    plane = Plane(latitude, 20.0, 30.0, 180.0 if latitude > 0 else 0.0)
    frame = training(18, where=plane)
    document = SiteDocument.read(
        {"customer_id": "c", "site_id": "s", "latitude": plane.latitude, "longitude": plane.longitude}
        | {"kind": "solar", "tilt": plane.tilt, "azimuth": plane.azimuth, "capacity_kw": 100.0}
        | {"assets": {"inv": 100.0}}
    )
    fitted = Fitted(site=document, tilt=30.0, azimuth=180.0, plane_explains=None, days=18, rows=200)
    until = datetime(2025, 3, 18, tzinfo=UTC)
    rest = {"experts": {}, "scores": {}, "calibration": {}, "nowcast_weight": 0.0, "nowcast_tau_hours": 1.0}
    card = ModelCard.model_construct(trained_until=until, sites=[fitted], **rest)
    model = forecaster.fit({"s": frame}, FAST.model_copy(update={"rounds": 3}), threads=1)
    sky = weather(48, where=plane)
    now = datetime(2025, 4, 14, 17, 50, tzinfo=UTC)
    measured = pd.Series(0.4, sky.index[sky.index <= pd.Timestamp(now)][-48:], name=TARGET)
    inputs = predict.Inputs(InService("v1", card, model, fitted), sky.tail(24 * 6), measured)
    return {name: one.weight for name, one in predict.predict(document, inputs, now, 30, 6).experts.items()}


def test_the_first_forecast_of_a_spring_leans_to_the_newest_days_and_that_of_an_autumn_to_the_model() -> (
    None
):
    north = served(66.5)
    assert north[RECENT] + north[PERSISTED] > 0.6
    south = served(-26.2)
    assert south[TREES] + south[PHYSICS] > 0.95
