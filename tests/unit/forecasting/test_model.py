"""What forecasting knows: sun, features, plane, quantiles, calibration, first hours, scores."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.config import BoosterSettings, TrainingRules
from forecasting.documents import SiteDocument
from forecasting.global_training_service import dataset, evaluate
from forecasting.model import booster, calibration, features, nowcast, score
from forecasting.model.booster import TARGET, Model
from forecasting.model.features import Site
from ona.runtime.errors import InvalidConfiguration
from ona.sky import irradiance, plane_fit, sun
from ona.sky import weather_frames as frames
from ona.sky.sun import Plane
from ona.sky.weather_document import Place, WeatherDocument

JOBURG = Plane(-26.2, 28.0, 25.0, 0.0)
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
FAST = BoosterSettings(
    levels=LEVELS, rounds=60, depth=4, learning_rate=0.15, min_rows_a_leaf=10, row_share=0.8,
    feature_share=0.8, seed=1,
)  # fmt: skip


def hours(days: int, start: str = "2025-03-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=24 * days, freq="h", tz="UTC", unit="us")


def weather(days: int, seed: int = 0, where: Plane = JOBURG) -> pd.DataFrame:
    """Hourly weather whose clear-sky index wanders."""
    rng = np.random.default_rng(seed)
    index = hours(days)
    wander = np.zeros(len(index))
    for n in range(1, len(index)):
        wander[n] = 0.93 * wander[n - 1] + rng.normal(0, 0.08)
    clear = sun.clear_sky(index, where, 60.0)["clear_ghi"].to_numpy()
    kt = np.clip(0.75 + wander, 0.1, 1.05)
    return pd.DataFrame(
        {"ghi_w_m2": kt * clear, "temperature_c": 15 + 8 * kt, "cloud_cover_percent": 100 * (1.05 - kt)},
        index=index,
    )


def share_of(sky: pd.DataFrame, where: Plane = JOBURG, noise: float = 0.03, seed: int = 1) -> pd.Series:
    """What a plant on that plane makes of it."""
    rng = np.random.default_rng(seed)
    clear = sun.clear_sky(pd.DatetimeIndex(sky.index), where, 60.0)
    poa = irradiance.plane_irradiance(sky, clear, where)
    lit = (clear["clear_poa"] > irradiance.DARK_W_M2).to_numpy()
    made = 0.85 * poa / 1000 * (1 + rng.normal(0, noise, len(sky)))
    return pd.Series(np.where(lit, np.clip(made, 0, 1), 0.0), index=sky.index)


def site(where: Plane = JOBURG, name: str = "s") -> Site:
    return Site(name, where, 100.0)


def training(days: int, seed: int = 0, where: Plane = JOBURG) -> pd.DataFrame:
    sky = weather(days, seed, where)
    frame = features.build(sky, site(where))
    frame[TARGET] = share_of(sky, where, seed=seed + 1)
    return frame


# ------------------------------------------------------------------ the sun


def test_noon_and_night_are_where_they_should_be() -> None:
    sky = sun.clear_sky(hours(1), JOBURG, 60.0)
    assert sky["clear_ghi"].idxmax().hour in (10, 11)  # 28° east: solar noon at 10:08 UTC
    assert sky.loc[sky.index.hour == 23, "clear_poa"].eq(0).all()
    assert sky["clear_ghi"].max() == pytest.approx(1000, abs=120)
    assert sky["elevation"].max() == pytest.approx(90 - (26.2 - 7.9), abs=2.5)


@settings(max_examples=30, deadline=None)
@given(
    latitude=st.floats(-89, 89), longitude=st.floats(-180, 180), tilt=st.floats(0, 90),
    azimuth=st.floats(0, 359),
)  # fmt: skip
def test_the_sky_is_sane_everywhere(latitude: float, longitude: float, tilt: float, azimuth: float) -> None:
    sky = sun.clear_sky(hours(2, "2025-06-20"), Plane(latitude, longitude, tilt, azimuth), 60.0)
    assert np.isfinite(sky.to_numpy()).all()
    assert sky["clear_ghi"].between(0, 1200).all()
    assert sky["clear_poa"].between(0, 1500).all()


def test_features_see_neighbours_in_time_but_nothing_of_the_target() -> None:
    sky = weather(10)
    frame = features.build(sky, site())
    assert frame["poa-1h"].iloc[5] == frame["poa"].iloc[4]
    assert frame["poa+2h"].iloc[5] == frame["poa"].iloc[7]
    assert TARGET not in frame
    quarter = frames.at_interval(
        sky, pd.date_range(sky.index[2], periods=40, freq="15min", unit="us"), JOBURG, 15.0
    )
    fine = features.build(quarter, site())
    assert fine["poa-1h"].iloc[6] == fine["poa"].iloc[2]


def test_wind_features_have_no_night() -> None:
    sky = pd.DataFrame(
        {"wind_speed_m_s": np.linspace(0, 20, 48), "wind_direction_deg": 90.0}, index=hours(2)
    )
    frame = features.build(sky, Site("w", JOBURG, 3000.0, "wind"))
    assert frame["daylight"].all()
    assert frame["wind_speed_m_s_cubed"].iloc[-1] == pytest.approx(8000)
    assert frame["wind_east"].iloc[0] == pytest.approx(1.0)


def test_upsampled_weather_keeps_the_hours_energy_and_the_suns_shape() -> None:
    sky = weather(3)
    end = pd.date_range(sky.index[0] + pd.Timedelta(minutes=15), sky.index[-1], freq="15min", unit="us")
    fine = frames.at_interval(sky, end, JOBURG, 15.0)
    back = fine["ghi_w_m2"].resample("1h", closed="right", label="right").mean()
    both = sky["ghi_w_m2"].reindex(back.index)
    bright = both > 200
    assert (back[bright] / both[bright]).between(0.8, 1.25).all()
    assert back.sum() == pytest.approx(both.sum(), rel=0.03)


def test_a_plane_nobody_wrote_down_is_found() -> None:
    where = Plane(-37.5, 145.0, 30.0, 330.0)
    sky = weather(120, where=where)
    found, explains = plane_fit.fit(sky, share_of(sky, where), -37.5, 145.0)
    assert found.tilt == pytest.approx(30, abs=6)
    assert (found.azimuth - 330 + 180) % 360 - 180 == pytest.approx(0, abs=15)
    assert explains > 0.95


def test_too_little_to_fit_a_plane_faces_the_equator() -> None:
    sky = weather(3)
    found, explains = plane_fit.fit(sky, share_of(sky), -26.2, 28.0)
    assert (found.azimuth, explains) == (0.0, 0.0)
    assert plane_fit.fit(sky, share_of(sky) * 0, 50.0, 8.0)[0].azimuth == 180.0


# ------------------------------------------------------------------ weather documents


def test_a_weather_document_becomes_whole_hours() -> None:
    times = [t.to_pydatetime() for t in hours(1) if t.hour not in (5, 10, 11, 12, 13, 14)]
    document = WeatherDocument(
        place=Place.of(-26.23, 28.04), provider="x", kind="history", fetched_at=times[0], hours=times,
        values={"ghi_w_m2": [float(t.hour) for t in times], "pressure_hpa": [None] * len(times)},
    )  # fmt: skip
    frame = frames.frame(document)
    assert len(frame) == 24
    assert frame["ghi_w_m2"].iloc[5] == pytest.approx(5.0)
    assert frame["ghi_w_m2"].iloc[10:15].isna().sum() == 2, "three hours are bridged, not five"
    assert "pressure_hpa" not in frame


# ------------------------------------------------------------------ the model


@pytest.fixture(scope="module")
def trained() -> tuple[Model, dict[str, pd.DataFrame]]:
    north = Plane(-26.2, 28.0, 30.0, 60.0)
    data = {"a": training(50, 1), "b": training(50, 2, north)}
    return booster.fit({name: f.iloc[: 24 * 40] for name, f in data.items()}, FAST, threads=1), data


def test_quantiles_rise_stay_in_bounds_and_are_dark_at_night(
    trained: tuple[Model, dict[str, pd.DataFrame]],
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
    trained: tuple[Model, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    window = (data["a"].index[24 * 40], data["a"].index[-1])
    table = evaluate.forecast_window(fitted, data, window)
    scores = evaluate.scores([table], LEVELS)
    assert scores.skill > 0.5
    assert scores.days >= 9
    assert set(table["site_id"]) == {"a", "b"}


def test_a_site_it_knows_is_forecast_better_than_a_stranger(
    trained: tuple[Model, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    frame = data["b"].iloc[24 * 40 :]
    truth = frame[TARGET].to_numpy()
    middle = LEVELS.index(0.5)
    own = np.abs(fitted.predict(frame, "b")[:, middle] - truth).mean()
    stranger = np.abs(fitted.predict(frame, "stranger")[:, middle] - truth).mean()
    assert own <= stranger * 1.02
    assert stranger < 0.1, "a first day's forecast is useful all the same"


def test_a_model_read_back_says_the_same_and_a_broken_one_is_refused(
    trained: tuple[Model, dict[str, pd.DataFrame]],
) -> None:
    fitted, data = trained
    files = fitted.files()
    assert set(files) == {"model.json", "booster.ubj"}
    again = Model.from_files(files)
    frame = data["a"].tail(48)
    assert np.array_equal(again.predict(frame, "a"), fitted.predict(frame, "a"))
    with pytest.raises(InvalidConfiguration):
        Model.from_files({"model.json": files["model.json"]})
    with pytest.raises(InvalidConfiguration):
        Model.from_files({**files, "model.json": b'{"format": 99}'})


def test_training_is_deterministic() -> None:
    data = {"a": training(20, 3)}
    assert booster.fit(data, FAST, threads=1).member.raw == booster.fit(data, FAST, threads=1).member.raw


def test_too_few_rows_are_told() -> None:
    with pytest.raises(ValueError, match="too few"):
        booster.fit({"a": training(2)}, FAST)


def test_levels_between_and_beyond() -> None:
    q = np.array([[0.1, 0.2, 0.4]])
    got = booster.at_levels(q, (0.1, 0.5, 0.9), np.array([0.05, 0.1, 0.3, 0.5, 0.9, 0.99]))
    assert got[0] == pytest.approx([0.1, 0.1, 0.15, 0.2, 0.4, 0.4])


# ------------------------------------------------------------------ calibration


def outcomes(n: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth is normal about 0.5; the forecast's spread is `spread` times the true one."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    actual = 0.5 + 0.08 * rng.normal(size=n)
    q = 0.5 + 0.08 * spread * norm.ppf(np.array(LEVELS))
    return actual, np.tile(q, (n, 1))


@pytest.mark.parametrize("spread", [0.4, 0.8, 1.0, 1.6])
def test_calibrated_intervals_hold_what_they_promise(spread: float) -> None:
    actual, q = outcomes(4000, spread)
    factors = calibration.calibrate(actual, q, LEVELS)
    fresh, q = outcomes(4000, spread, seed=9)
    _, bounds = calibration.intervals(q, LEVELS, factors)
    for level, (low, high) in bounds.items():
        assert 100 * score.coverage(fresh, low, high) == pytest.approx(level, abs=1.5)


def test_too_few_outcomes_calibrate_nothing() -> None:
    actual, q = outcomes(20, 0.5)
    assert calibration.calibrate(actual, q, LEVELS) == calibration.UNCALIBRATED
    assert (
        calibration.calibrate(np.full(500, np.nan), np.tile(q[:1], (500, 1)), LEVELS)
        == calibration.UNCALIBRATED
    )


@pytest.mark.parametrize("spread", [0.6, 1.0, 1.5])
def test_live_factors_bring_intervals_to_what_they_promise_within_a_season(spread: float) -> None:
    """Twelve hours a day for a year, errors that last a whole day: the last 240 days hold 80 and 95 %."""
    rng = np.random.default_rng(4)
    q = 0.5 + 0.08 * spread * np.array([-1.96, -1.28, -0.67, 0.0, 0.67, 1.28, 1.96])
    live: dict[int, calibration.Tail] = {}
    held: dict[int, list[float]] = {80: [], 95: []}
    for _ in range(360):
        actual = 0.5 + 0.08 * (0.7 * rng.normal() + 0.714 * rng.normal(size=12))
        _, bounds = calibration.intervals(np.tile(q, (12, 1)), LEVELS, calibration.combined({}, live))
        misses = {}
        for level, (low, high) in bounds.items():
            held[level].append(score.coverage(actual, low, high))
            misses[level] = (float((actual < low).mean()), float((actual > high).mean()))
        live = calibration.adapted(live, misses)
    for level, days in held.items():
        assert 100 * np.mean(days[120:]) == pytest.approx(level, abs=2.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), st.floats(0.3, 4), st.floats(0.3, 4))
def test_intervals_are_nested_whatever_the_factors(values: list[float], low: float, high: float) -> None:
    q = np.sort(np.array([values]), axis=1)
    tails = {80: calibration.Tail(low, high), 95: calibration.Tail(high, low)}
    median, bounds = calibration.intervals(q, LEVELS, tails)
    assert (bounds[95][0] >= 0).all()
    assert (bounds[95][0] <= bounds[80][0]).all()
    assert (bounds[80][0] <= median).all()
    assert (median <= bounds[80][1]).all()
    assert (bounds[80][1] <= bounds[95][1]).all()
    assert (bounds[95][1] <= 1).all()


# ------------------------------------------------------------------ the first hours


def test_an_error_that_lives_on_is_learned_and_carried() -> None:
    rng = np.random.default_rng(0)
    z = np.zeros(3000)
    for n in range(1, len(z)):
        z[n] = 0.8 * z[n - 1] + rng.normal(0, 0.1)
    index = pd.date_range("2025-01-01", periods=3000, freq="h", tz="UTC")
    lives = nowcast.learn(np.full(3000, "s"), index, z, np.ones(3000))
    assert lives.weight == pytest.approx(0.8, abs=0.05)
    assert np.exp(-1 / lives.tau_hours) == pytest.approx(0.8, abs=0.05)
    white = nowcast.learn(np.full(3000, "s"), index, rng.normal(size=3000), np.ones(3000))
    assert white.remaining(np.array([1.0]))[0] == 0.0


def test_a_correction_moves_the_day_and_not_the_night() -> None:
    q = np.tile(np.linspace(0.2, 0.6, len(LEVELS)), (4, 1))
    envelope = np.array([0.8, 0.8, 0.8, 0.0])
    ahead = np.array([1.0, 2.0, 24.0, 1.0])
    lives = nowcast.Persistence(0.8, 3.0)
    moved = nowcast.correct(q, LEVELS, envelope, ahead, -0.2, lives)
    assert moved[0].mean() < moved[1].mean() < q[1].mean()
    assert np.array_equal(moved[2:], q[2:])
    assert np.ptp(moved[0]) < np.ptp(q[0]), "what is known better is narrower"


# ------------------------------------------------------------------ scores and judgement


def test_pinball_of_a_known_case() -> None:
    loss = score.pinball(np.array([1.0]), np.array([[0.0, 1.0, 2.0]]), np.array([0.1, 0.5, 0.9]))
    assert loss == pytest.approx((0.1 * 1 + 0 + 0.1 * 1) / 3)


def test_clear_sky_persistence_scales_yesterday() -> None:
    share = np.concatenate([np.full(24, 0.5), np.zeros(24)])
    clear = np.concatenate([np.full(24, 800.0), np.full(24, 400.0)])
    got = score.clear_sky_persistence(share, clear, 24)
    assert np.isnan(got[:24]).all()
    assert got[24:] == pytest.approx(0.25)


RULES = TrainingRules(
    min_days=14, folds=3, fold_days=10, function_rows=1000, container_rows=5000, rows_of_others=100,
    min_unseen_days=3, min_gain_percent=0.0,
)  # fmt: skip


def out_of_sample(offset: float, days: int = 5, start: str = "2025-05-01") -> pd.DataFrame:
    index = hours(days, start)
    truth = np.clip(np.sin(np.arange(len(index)) / 24 * 2 * np.pi), 0, None)
    q = np.clip(truth[:, None] + offset + np.linspace(-0.05, 0.05, len(LEVELS)), 0, 1)
    table = pd.DataFrame(q, columns=evaluate.names(LEVELS))
    return table.assign(site_id="s", timestamp=index, share=truth, reference=truth + 0.2, envelope=1.0)


def test_only_a_better_model_is_promoted_and_only_on_days_neither_has_seen() -> None:
    good, bad = out_of_sample(0.01), out_of_sample(0.2)
    assert evaluate.judge(good, LEVELS, bad, LEVELS, RULES).promoted
    verdict = evaluate.judge(bad, LEVELS, good, LEVELS, RULES)
    assert not verdict.promoted
    assert "not better" in verdict.reason
    assert not evaluate.judge(good, LEVELS, good, LEVELS, RULES).promoted, "as good is not better"
    elsewhere = out_of_sample(0.2, start="2025-06-01")
    verdict = evaluate.judge(good, LEVELS, elsewhere, LEVELS, RULES)
    assert not verdict.promoted
    assert "only 0 days" in verdict.reason


def test_a_first_model_must_beat_persistence() -> None:
    assert evaluate.judge(out_of_sample(0.05), LEVELS, None, (), RULES).promoted
    verdict = evaluate.judge(out_of_sample(0.4), LEVELS, None, (), RULES)
    assert not verdict.promoted
    assert "no better than clear-sky persistence" in verdict.reason


def test_windows_are_the_last_days_and_leave_enough_to_train_on() -> None:
    data = {"a": training(40)}
    found = dataset.windows(data, RULES)
    assert len(found) == 3
    assert all(later[0] == earlier[1] for earlier, later in pairwise(found))
    assert pd.Timestamp(found[-1][1]) >= data["a"].index[-1].floor("D")
    assert (found[0][1] - found[0][0]).days == 4, "a tenth of forty days"


def test_of_an_hour_told_twice_the_last_upload_stands_and_features_come_whole() -> None:
    sky = weather(20)
    table = sky.assign(share=share_of(sky)).rename_axis("timestamp").reset_index()
    corrected = table.tail(24).assign(share=0.123)
    merged = dataset.merge([table, corrected])
    assert len(merged) == len(table)
    assert (merged["share"].tail(24) == 0.123).all()
    document = SiteDocument(
        customer_id="c", site_id="s", latitude=-26.2, longitude=28.0, kind="solar", capacity_kw=1.0,
        assets={"s": 1.0},
    )  # fmt: skip
    made = dataset.site_frame(document, merged)
    assert made is not None
    frame, fitted = made
    assert fitted.days == 20
    assert fitted.plane_explains is not None
    back = dataset.unstacked(dataset.stacked({"s": frame}))
    assert np.allclose(back["s"]["poa"], frame["poa"], rtol=1e-5)
    assert dataset.site_frame(document, merged.drop(columns="ghi_w_m2")) is None
