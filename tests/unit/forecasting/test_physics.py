"""A site's own physics, and how much of a forecast it is beside the trees."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecasting.config import TrainingRules
from forecasting.global_training_service import dataset, evaluate
from forecasting.model import blend, booster, features, forecaster, physics, tracker
from forecasting.model.booster import TARGET
from forecasting.model.forecaster import Forecaster
from forecasting.model.physics import Physics
from ona.runtime.errors import InvalidConfiguration
from ona.sky import sun
from ona.sky.plane import Plane
from tests.builders.models import FAST, LEVELS, old_model
from tests.builders.weather import JOBURG, site

RULES = TrainingRules(
    min_days=7,
    folds=4,
    fold_days=30,
    function_rows=1000,
    container_rows=5000,
    rows_of_others=0,
    min_unseen_days=3,
    min_gain_percent=0.0,
)


def plant(
    days: int,
    *,
    gain: float = 0.7,
    start: str = "2025-03-01",
    limit: float = 1.0,
    noise: float = 0.03,
    where: Plane = JOBURG,
) -> pd.DataFrame:
    """A plant of its own gain and inverter under made-up skies, as features and share."""
    index = pd.date_range(start, periods=24 * days, freq="h", tz="UTC", unit="us")
    rng = np.random.default_rng(days)
    clouds = np.repeat(rng.uniform(0.3, 1.0, days * 4), 6)
    clear = sun.clear_sky(index, where, 60.0)["clear_ghi"].to_numpy()
    sky = pd.DataFrame({"ghi_w_m2": clouds * clear, "temperature_c": 20.0}, index=index)
    frame = features.build(sky, site(where))
    made = gain * frame["poa"].to_numpy() / 1000 * (1 + rng.normal(0, noise, len(frame)))
    lit = frame["daylight"].to_numpy()
    return frame.assign(**{TARGET: np.where(lit, np.clip(made, 0.0, limit), 0.0)})


def bright_gain(fitted: Physics, frame: pd.DataFrame) -> float:
    """What physics makes of the irradiance of bright hours, share of capacity per kW/m²."""
    bright = (frame["poa"] > 500).to_numpy()
    return float((physics.share(frame, fitted)[bright] / (frame["poa"].to_numpy()[bright] / 1000)).mean())


def test_a_week_draws_the_gain_to_the_plants_and_a_season_finds_it() -> None:
    frame = plant(90)
    nothing, week, season = (physics.fit(frame.head(24 * days)) for days in (0, 7, 90))
    assert nothing == physics.default("solar")
    first, then, last = (bright_gain(fitted, frame) for fitted in (nothing, week, season))
    assert first > then + 0.05, "seven days count"
    assert then > last, "but not alone"
    assert last == pytest.approx(0.7, abs=0.03)


def test_days_under_snow_do_not_make_a_plant_weak() -> None:
    frame = plant(60)
    covered = frame.copy()
    covered.iloc[24 * 20 : 24 * 40, covered.columns.get_loc(TARGET)] *= 0.05
    assert bright_gain(physics.fit(covered), frame) == pytest.approx(
        bright_gain(physics.fit(frame), frame), abs=0.03
    )


def test_an_inverters_limit_is_found_and_a_bright_days_greatest_power_is_none() -> None:
    limited, free = plant(60, gain=0.9, limit=0.5), plant(60, gain=0.9)
    assert physics.fit(limited).clip == pytest.approx(0.5, abs=0.01)
    assert physics.fit(free).clip == 1.0
    assert physics.share(limited, physics.fit(limited)).max() <= 0.51


def test_a_tracker_is_told_from_a_plane() -> None:
    for mount in ("fixed", "tracker"):
        frame = plant(40)
        poa = frame["poa"].to_numpy() if mount == "fixed" else tracker.irradiance(frame)
        noise = 1 + np.random.default_rng(3).normal(0, 0.1, len(frame))
        frame[TARGET] = np.where(frame["daylight"], np.clip(0.8 * poa / 1000 * noise, 0, 1), 0.0)
        fitted = physics.fit(frame)
        assert fitted.mount == mount
        assert np.abs(physics.share(frame, fitted) - frame[TARGET]).mean() < 0.02


def test_physics_of_autumn_holds_in_summer_where_trees_of_power_end() -> None:
    """Far north, trained from October to February, asked in June."""
    north = Plane(60.0, 20.0, 30.0, 180.0)
    past, ahead = (
        plant(days, start=start, where=north) for days, start in ((140, "2025-10-01"), (20, "2026-06-01"))
    )
    fitted = forecaster.fit({"s": past}, FAST, threads=1)
    truth = ahead[TARGET].to_numpy()
    lit = ahead["daylight"].to_numpy()

    def error(quantiles: np.ndarray) -> float:
        return float(np.abs(quantiles[lit, LEVELS.index(0.5)] - truth[lit]).mean())

    of_power = booster.fit({"s": past.assign(base=0.0)}, FAST, threads=1)
    alone = error(of_power.predict(ahead.assign(base=0.0), "s"))
    assert error(fitted.predict(ahead, "s")) < 0.6 * alone


def test_quantiles_rise_are_dark_at_night_and_hold_what_came() -> None:
    frame = plant(60, noise=0.2)
    lit = frame["daylight"].to_numpy()
    q = physics.quantiles(frame, physics.fit(frame), LEVELS)
    assert (np.diff(q, axis=1) >= 0).all()
    assert (q[~lit] == 0).all()
    truth = frame[TARGET].to_numpy()[lit]
    inside = (truth >= q[lit, LEVELS.index(0.1)]) & (truth <= q[lit, LEVELS.index(0.9)])
    assert 0.7 < inside.mean() < 0.95


def test_wind_has_a_curve_and_no_night() -> None:
    index = pd.date_range("2025-01-01", periods=24 * 40, freq="h", tz="UTC", unit="us")
    speed = 8 + 6 * np.sin(np.arange(len(index)) / 17)
    frame = features.build(
        pd.DataFrame({"wind_speed_m_s": speed}, index=index), replace(site(), kind="wind")
    )
    frame[TARGET] = np.clip((speed - 3) / 9, 0, 1) ** 2
    own = np.abs(physics.share(frame, physics.fit(frame)) - frame[TARGET]).mean()
    assert own < 0.4 * np.abs(physics.share(frame, physics.default("wind")) - frame[TARGET]).mean()


# ------------------------------------------------------------------ how much the trees count


def unseen(days: int, physics_off: float, trees_off: float) -> blend.Unseen:
    rng = np.random.default_rng(days)
    truth = rng.uniform(0.1, 0.8, days * 10)

    def around(off: float) -> np.ndarray:
        middle = truth + off * rng.normal(size=len(truth))
        return middle[:, None] + np.linspace(-0.05, 0.05, len(LEVELS))

    return blend.Unseen(truth, around(physics_off), around(trees_off), days)


def test_the_better_part_counts_more_and_the_more_days_say_so() -> None:
    good_trees = {"long": unseen(200, 0.2, 0.02), "short": unseen(3, 0.02, 0.2)}
    weights = blend.learn(good_trees, LEVELS, {"long": 0.5, "short": 0.5, "silent": 0.3})
    assert weights["long"] > 0.9
    assert 0.5 < weights["short"] < weights["long"], "three days hardly leave what the other site says"
    assert weights["silent"] == 0.3
    assert blend.learn({"one": unseen(200, 0.02, 0.2)}, LEVELS, {"one": 0.9})["one"] < 0.2


def test_a_week_is_nearly_physics_and_a_year_mostly_trees() -> None:
    assert blend.before_judging(7) < 0.05
    assert blend.before_judging(50) == 0.5
    assert blend.before_judging(365) > 0.9


def test_three_months_of_better_trees_are_believed_and_three_months_of_worse_ones_are_not() -> None:
    """Ninety days leave 36 unseen ones; a week leaves four, which say little."""
    before = {"s": blend.before_judging(90)}
    assert blend.learn({"s": unseen(36, 0.2, 0.02)}, LEVELS, before)["s"] > 0.95
    assert blend.learn({"s": unseen(36, 0.02, 0.2)}, LEVELS, before)["s"] < 0.3
    week = blend.learn({"s": unseen(4, 0.2, 0.02)}, LEVELS, {"s": blend.before_judging(7)})
    assert week["s"] < 0.5


def test_a_year_is_judged_by_months_of_all_seasons_and_less_by_its_last_days() -> None:
    year = plant(400, start="2024-01-01")
    months = dataset.blocks({"s": year}, RULES)
    assert len(months) == RULES.folds
    assert all(len(one) == 3 for one in months)
    days = [(until - after).days for one in months for after, until in one]
    assert sum(days) == 348
    seasons = {pd.Timestamp(after).quarter for after, _ in months[0]}
    assert len(seasons) >= 3
    kept = evaluate.outside({"s": year}, months[0])["s"]
    for after, until in months[0]:
        inside = (kept.index > pd.Timestamp(after)) & (kept.index <= pd.Timestamp(until))
        assert not inside.any()
    assert len(kept) > len(year) * 0.7
    assert dataset.blocks({"s": plant(200)}, RULES) == []


def test_windows_are_blended_by_what_the_others_teach() -> None:
    frame = plant(40)
    fitted = forecaster.fit({"s": frame.head(24 * 30)}, FAST, threads=1)
    cut = [frame.index[24 * day] for day in (30, 34, 39)]
    folds = [evaluate.forecast_window(fitted, {"s": frame}, (a, b)) for a, b in pairwise(cut)]
    whole = evaluate.weighted(folds, LEVELS, fitted.before_judging)
    weights = blend.learn(evaluate.unseen_by_site(folds[1:], LEVELS), LEVELS, fitted.before_judging)
    parts = evaluate.unseen_by_site(folds[:1], LEVELS)["s"]
    expected = blend.mixed(parts.physics, parts.trees, weights["s"])
    assert evaluate.quantiles_of(whole[0], LEVELS) == pytest.approx(expected, abs=1e-6)
    old = folds[0].drop(columns=[name for name in folds[0] if ":" in name])
    assert evaluate.weighted([old], LEVELS, {})[0].equals(old), "a window of an earlier version stands"


# ------------------------------------------------------------------ how it is kept


def test_physics_and_weights_are_kept_with_the_model() -> None:
    frame = plant(40)
    fitted = replace(forecaster.fit({"s": frame}, FAST, threads=1), weights={"s": 0.4})
    again = Forecaster.from_files(fitted.files())
    assert again.physics == fitted.physics
    assert np.array_equal(again.predict(frame, "s"), fitted.predict(frame, "s"))
    alone = physics.quantiles(frame, physics.default("solar"), LEVELS)
    assert np.array_equal(again.predict(frame, "not trained"), alone)


def test_a_model_of_before_physics_is_served_as_it_was() -> None:
    frame = plant(10)
    old = Forecaster.from_files(old_model()[1])
    bright = (frame["poa"] > 100).to_numpy()
    median = old.predict(frame, "a")[:, LEVELS.index(0.5)]
    assert np.abs(median - frame["poa"].to_numpy() / 2000.0)[bright].max() < 0.05
    table = evaluate.forecast_window(old, {"a": frame}, (frame.index[0], frame.index[-1]))
    usable = dataset.usable(frame).to_numpy().copy()
    usable[0] = False
    assert evaluate.quantiles_of(table, LEVELS) == pytest.approx(old.predict(frame, "a")[usable])


@pytest.mark.parametrize(
    "damaged", [{"physics": {"s": {"kind": "steam"}}}, {"weights": {"s": "much"}}, {"physics": 3}]
)
def test_damaged_physics_is_refused(damaged: dict[str, object]) -> None:
    files = forecaster.fit({"s": plant(20)}, FAST, threads=1).files()
    manifest = json.loads(files["model.json"]) | damaged
    with pytest.raises(InvalidConfiguration, match=r"model\.json"):
        Forecaster.from_files({**files, "model.json": json.dumps(manifest).encode()})
