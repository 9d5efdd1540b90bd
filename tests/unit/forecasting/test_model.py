"""The forecasting model: its features, its quantiles, how it is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.global_training_service import evaluate
from forecasting.model import booster, features, forecaster
from forecasting.model.booster import TARGET
from forecasting.model.features import Site
from forecasting.model.forecaster import Forecaster
from ona.runtime.errors import InvalidConfiguration
from ona.sky import weather_frames as frames
from ona.sky.plane import Plane
from tests.builders.models import FAST, LEVELS
from tests.builders.weather import JOBURG, hours, site, training, weather


def test_features_see_neighbours_in_time_but_nothing_of_the_target() -> None:
    sky = weather(10)
    frame = features.build(sky, site())
    assert frame["poa-1h"].iloc[5] == frame["poa"].iloc[4]
    assert frame["poa+2h"].iloc[5] == frame["poa"].iloc[7]
    assert TARGET not in frame
    quarter = frames.at_interval(
        sky, pd.date_range(sky.index[2], periods=40, freq="15min", unit="us"), JOBURG, 15.0
    )
    fine = features.build(quarter, site(), 15.0)
    assert fine["poa-1h"].iloc[6] == fine["poa"].iloc[2]


def test_wind_features_have_no_night() -> None:
    sky = pd.DataFrame(
        {"wind_speed_m_s": np.linspace(0, 20, 48), "wind_direction_deg": 90.0}, index=hours(2)
    )
    frame = features.build(sky, Site("w", JOBURG, 3000.0, "wind"))
    assert frame["daylight"].all()
    assert frame["wind_speed_m_s_cubed"].iloc[-1] == pytest.approx(8000)
    assert frame["wind_east"].iloc[0] == pytest.approx(1.0)


@pytest.fixture(scope="module")
def trained() -> tuple[Forecaster, dict[str, pd.DataFrame]]:
    north = Plane(-26.2, 28.0, 30.0, 60.0)
    data = {"a": training(50, 1), "b": training(50, 2, north)}
    return forecaster.fit({name: f.iloc[: 24 * 40] for name, f in data.items()}, FAST, threads=1), data


def test_quantiles_rise_stay_in_bounds_and_are_dark_at_night(
    trained: tuple[Forecaster, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    for name in ("a", "b", "never seen"):
        frame = data["a"].iloc[24 * 40 :]
        q = fitted.predict(frame, name)
        assert q.shape == (len(frame), len(LEVELS))
        assert (np.diff(q, axis=1) >= 0).all()
        assert ((q >= 0) & (q <= 1)).all()
        assert (q[~frame["daylight"].to_numpy()] == 0).all()


def test_the_model_beats_persistence_on_days_it_has_not_seen(
    trained: tuple[Forecaster, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    window = (data["a"].index[24 * 40], data["a"].index[-1])
    table = evaluate.forecast_window(fitted, data, window)
    scores = evaluate.scores([table], LEVELS)
    assert scores.skill > 0.5
    assert scores.days >= 9
    assert set(table["site_id"]) == {"a", "b"}


def test_a_winter_without_any_power_has_scores(
    trained: tuple[Forecaster, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    window = (data["a"].index[24 * 40], data["a"].index[-1])
    under_snow = {"a": data["a"].assign(**{TARGET: 0.0})}
    scores = evaluate.scores([evaluate.forecast_window(fitted, under_snow, window)], LEVELS)
    assert scores.reference_mae_percent == 0.0, "the day before was as dark: persistence errs by nothing"
    assert scores.skill == 0.0
    awake = evaluate.scores([evaluate.forecast_window(fitted, {"a": data["a"]}, window)], LEVELS)
    assert awake.skill > 0.3


def test_a_trained_site_is_forecast_better_than_a_new_one(
    trained: tuple[Forecaster, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    frame = data["b"].iloc[24 * 40 :]
    truth = frame[TARGET].to_numpy()
    middle = LEVELS.index(0.5)
    own = np.abs(fitted.predict(frame, "b")[:, middle] - truth).mean()
    stranger = np.abs(fitted.predict(frame, "stranger")[:, middle] - truth).mean()
    assert own <= stranger * 1.02
    assert stranger < 0.1, "a first day's forecast is useful all the same"


def test_a_model_read_back_forecasts_the_same_and_a_broken_one_is_refused(
    trained: tuple[Forecaster, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    files = fitted.files()
    assert set(files) == {"model.json", "booster.ubj"}
    again = Forecaster.from_files(files)
    frame = data["a"].tail(48)
    assert np.array_equal(again.predict(frame, "a"), fitted.predict(frame, "a"))
    with pytest.raises(InvalidConfiguration):
        Forecaster.from_files({"model.json": files["model.json"]})
    with pytest.raises(InvalidConfiguration):
        Forecaster.from_files({**files, "model.json": b'{"format": 99}'})


def test_training_is_deterministic() -> None:
    data = {"a": training(20, 3)}
    assert (
        forecaster.fit(data, FAST, threads=1).trees.files()
        == forecaster.fit(data, FAST, threads=1).trees.files()
    )


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        forecaster.fit({"a": training(2)}, FAST)


def test_levels_between_and_beyond() -> None:
    q = np.array([[0.1, 0.2, 0.4]])
    got = booster.at_levels(q, (0.1, 0.5, 0.9), np.array([0.05, 0.1, 0.3, 0.5, 0.9, 0.99]))
    assert got[0] == pytest.approx([0.1, 0.1, 0.15, 0.2, 0.4, 0.4])
