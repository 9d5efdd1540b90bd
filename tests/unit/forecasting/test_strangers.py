"""The generator of strangers shares nothing with the platform, repeats itself, and errs as forecasts do."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecasting import strangers
from benchmarks.forecasting.strangers import peers, plants, report, sites, sun
from benchmarks.forecasting.strangers.climates import CLIMATES, named
from benchmarks.forecasting.strangers.sites import HALVES, Site

FOLDER = Path(strangers.__file__).parent
OWN = ("sun", "climates", "sky", "archive", "plants", "sites", "peers", "real", "report")
"""Modules that make cases, peers and tables; `box` and `cloud` drive the platform."""


@pytest.fixture(scope="module")
def drawn() -> list[Site]:
    return sites.draw(HALVES[0], named("continental"), 1)


@pytest.mark.parametrize("name", OWN)
def test_cases_and_peers_share_nothing_with_the_platform(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names]
    roots = {name.split(".")[0] for name in names}
    assert not roots & {"forecasting", "ona", "ooda", "pvlib", "ops"}


def test_the_suns_noon_and_a_polar_night() -> None:
    noon = np.array([datetime(2024, 6, 20, 12, 0, tzinfo=UTC).timestamp()])
    up, azimuth = sun.position(noon, 50.0, 0.0)
    assert np.degrees(up[0]) == pytest.approx(90 - 50 + 23.44, abs=0.1)
    assert np.degrees(azimuth[0]) == pytest.approx(180, abs=2)
    winter = datetime(2024, 12, 21, tzinfo=UTC).timestamp() + 3600.0 * np.arange(24)
    assert (sun.position(winter, 72.0, 20.0)[0] < 0).all()


def test_cases_repeat_themselves_and_halves_differ(drawn: list[Site]) -> None:
    again = sites.draw(HALVES[0], named("continental"), 1)[0]
    assert again.share.equals(drawn[0].share)
    now = drawn[0].archive.hours[9000]
    assert again.forecast_of_weather(now).equals(drawn[0].forecast_of_weather(now))
    other = sites.draw(HALVES[1], named("continental"), 1)[0]
    assert (other.latitude, other.plant) != (drawn[0].latitude, drawn[0].plant)
    assert len({half.seed for half in HALVES}) == len(HALVES)
    assert len({climate.trained_until for climate in CLIMATES}) == len(CLIMATES)


def test_forecasts_err_more_the_further_ahead_and_the_archive_least(drawn: list[Site]) -> None:
    site = drawn[0]
    sky = site.sky
    light = sky.beam * np.sin(np.maximum(sky.elevation, 0)) + sky.diffuse
    truth = pd.Series(light.reshape(-1, 4).mean(axis=1), site.archive.hours)
    near, far = [], []
    for now in site.archive.hours[3000:8000:41]:
        frame = site.forecast_of_weather(now)
        error = (frame["ghi_w_m2"] - truth.reindex(frame.index)).abs()
        near.append(error[error.index <= now])
        far.append(error[error.index > now + pd.Timedelta(hours=30)])
    archive = (site.archived["ghi_w_m2"] - truth).abs().iloc[3000:8000].mean()
    soon, late = (float(pd.concat(parts).mean()) for parts in (near, far))
    assert late > 1.2 * soon
    assert archive == pytest.approx(soon, rel=0.25)


def test_a_plant_gives_nothing_by_night_and_never_more_than_its_inverter(drawn: list[Site]) -> None:
    site = drawn[0]
    made = plants.output(site.plant, site.sky, [1])
    assert (made[site.sky.elevation < -0.02] == 0).all()
    assert 0.5 < made.max() <= 1.0
    lost = site.readings.isna().mean().mean()
    assert lost > 0, "meters have gaps"


def test_persistence_takes_the_last_day_that_was_measured() -> None:
    hours = pd.date_range("2024-05-01T01:00Z", periods=96, freq="h", unit="us")
    share = pd.Series(np.arange(96.0), hours)
    share.iloc[50] = np.nan
    got = peers._before(share, hours[72:76])
    assert got.tolist() == [48.0, 49.0, 26.0, 51.0]


def test_scores_of_a_worked_example() -> None:
    rows = pd.DataFrame(
        {"truth": [0.2, 0.6], "median": [0.3, 0.6], "peer_a": [0.2, 0.7], "peer_b": [0.0, 0.0]}
    )
    for name, off in (("low95", -0.3), ("low80", -0.05), ("high80", 0.05), ("high95", 0.3)):
        rows[name] = rows["median"] + off
    assert report.mae(rows, "median") == pytest.approx(5.0)
    assert report.best_peer(rows) == ("a", pytest.approx(5.0))
    assert report.holds(rows, 80) == 50
    assert report.holds(rows, 95) == 100
