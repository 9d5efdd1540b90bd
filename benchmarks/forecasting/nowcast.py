"""What live power adds to the first hours, by lead: real plants, against the same forecast without it.

SERF East and the Indian plant come every 15 minutes, GEFCom2014's zones every hour. A model is trained on
what was before and forecasts the days after; at every quarter hour by day (GEFCom: hour) the power of the
target is forecast with and without the power measured until then. India has no weather: what usually comes
is corrected there, as errors usually live on. Elsewhere that is learned on the windows before.

Persistence carries the newest measured share of the clear sky. All errors are mean absolute ones, % of
capacity, on the same targets; `held` is how often the raw interval of 80 % held.

`python -m benchmarks.forecasting.nowcast`
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers import real
from forecasting.config import forecasting_config
from forecasting.documents import Fitted, SiteDocument
from forecasting.forecasting_api.fallbacks import usual
from forecasting.forecasting_api.quarter_hours import shaped
from forecasting.global_training_service import dataset, evaluate
from forecasting.model import booster, nowcast
from forecasting.model.booster import TARGET
from forecasting.model.features import Site, site_of
from ona.sky import sun
from ops.target import use_configs

LEADS = (0.25, 0.5, 1.0, 2.0, 3.0, 6.0)
"""Hours ahead."""
QUARTER, HOUR = pd.Timedelta(minutes=15), pd.Timedelta(hours=1)
STEPS = {"serf": (10, 25), "gefcom": (60, 365)}
"""Days between trainings, and days before the first one, by data set; one without has no weather."""
LIT_W_M2 = 50.0
"""Clear-sky irradiance on the plane of targets, and of the measured value that is carried on."""


@dataclass(frozen=True)
class Window:
    """Hourly forecasts of some days made before them: columns low, median, high (10, 50, 90 %); the site's
    plane as it was known; how an error lives on, learned on earlier windows."""

    site: Site
    hours: pd.DataFrame
    lives: nowcast.Persistence


def windows(plant: real.RealSite, step_days: int, first_days: int) -> list[Window]:
    """Windows of a plant with weather; the first one only teaches how an error lives on."""
    document = SiteDocument.model_validate(plant.document("bench"))
    table = plant.archived.assign(share=plant.share.reindex(plant.archived.index))
    begin = table.index[0].floor("D") + pd.Timedelta(days=first_days)
    found, taught = [], []
    while begin < table.index[-1]:
        end = begin + pd.Timedelta(days=step_days)
        past = _known(dataset.site_frame(document, table[table.index <= begin]))
        fitted = past[1]
        described = document.model_copy(update={"tilt": fitted.tilt, "azimuth": fitted.azimuth})
        frames = {plant.name: _known(dataset.site_frame(described, table[table.index <= end]))[0]}
        span = (begin.to_pydatetime(), end.to_pydatetime())
        trained = evaluate.fit_before(frames, span[0], forecasting_config().booster, None, threads=1)
        rows = evaluate.forecast_window(trained, frames, span)
        quantiles = evaluate.quantiles_of(rows, trained.levels)
        ends = booster.at_levels(quantiles, trained.levels, np.array([0.1, 0.5, 0.9]))
        hours = pd.DatetimeIndex(rows["timestamp"])
        if taught:
            made = pd.DataFrame(ends, hours, ["low", "median", "high"])
            found.append(Window(site_of(described, fitted), made, _lives(taught)))
        error = rows[TARGET].to_numpy(dtype=float) - ends[:, 1]
        taught.append(_errors(plant, hours, error, rows["envelope"].to_numpy(dtype=float)))
        begin = end
    return found


def usual_windows(plant: real.RealSite, first_days: int) -> list[Window]:
    """A plant without weather and without a model: each day what usually comes, by the days before."""
    site = site_of(SiteDocument.model_validate(plant.document("bench")))
    share = plant.share.dropna()
    found = []
    for day in pd.date_range(share.index[0].ceil("D"), share.index[-1], freq="D", unit="us")[first_days:]:
        hours = pd.date_range(day + HOUR, periods=24, freq="h", unit="us")
        raw = usual(site, hours, share[share.index <= day])
        made = pd.DataFrame(raw[:, 1:4], hours, ["low", "median", "high"])
        found.append(Window(site, made, nowcast.USUAL))
    return found


def _known(made: tuple[pd.DataFrame, Fitted] | None) -> tuple[pd.DataFrame, Fitted]:
    if made is None:
        raise RuntimeError("no weather")
    return made


def _errors(
    plant: real.RealSite, hours: pd.DatetimeIndex, error: np.ndarray, envelope: np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame({"site": plant.name, "hour": hours, "error": error, "envelope": envelope})


def _lives(taught: list[pd.DataFrame]) -> nowcast.Persistence:
    past = pd.concat(taught)
    hours = pd.DatetimeIndex(past["hour"])
    error, envelope = (past[name].to_numpy(dtype=float) for name in ("error", "envelope"))
    return nowcast.learn(past["site"].to_numpy(), hours, error, envelope)


def _envelope(site: Site, index: pd.DatetimeIndex, minutes: float) -> np.ndarray:
    clear = sun.clear_sky(index, site.plane, minutes)["clear_poa"].to_numpy() / 1000.0
    return np.maximum(clear, nowcast.ENVELOPE_FLOOR)


def judged(window: Window, share: pd.Series, hourly: pd.Series) -> pd.DataFrame:
    """One row a moment and lead: absolute errors of the methods, and whether the interval of 80 % held.

    `share`: measured, by quarter hours or hours; `hourly`: by hours.
    """
    first, last = window.hours.index[[0, -1]]
    hours = pd.date_range(first, last, freq="h", unit="us")
    made = window.hours.reindex(hours).fillna(0.0)
    is_fine = share.index[1] - share.index[0] == QUARTER
    index, of_hour, shape = hours, np.arange(len(hours)), np.ones(len(hours))
    if is_fine:
        index, of_hour, shape = shaped(hours, window.site)
    fine = pd.DataFrame(np.clip(made.to_numpy()[of_hour] * shape[:, None], 0.0, 1.0), index, made.columns)
    fine["envelope"] = _envelope(window.site, index, 15.0 if is_fine else 60.0)
    fine["came"] = share.reindex(index)
    bright = (fine["envelope"] > LIT_W_M2 / 1000.0).to_numpy()
    miss = (fine["came"] - fine["median"]).where(bright)
    known = fine["envelope"].where(miss.notna())
    steps = 4 if is_fine else 1
    hour = miss.rolling(steps, min_periods=1).sum() / known.rolling(steps, min_periods=1).sum()
    live = nowcast.Latest(hour.fillna(0.0).to_numpy(), (miss / known).fillna(0.0).to_numpy(), index[-1])
    whole = (hourly.reindex(hours) - made["median"]) / _envelope(window.site, hours, 60.0)
    of_full_hour = whole.reindex(index.floor("h")).fillna(0.0).to_numpy()
    parts = []
    for lead in LEADS if is_fine else LEADS[2:]:
        target = index + pd.Timedelta(hours=lead)
        there = fine.reindex(target)
        envelope, came = there["envelope"].to_numpy(), there["came"].to_numpy()
        apart = np.full(len(index), lead + (nowcast.QUARTER_AHEAD if is_fine else 0.0))
        left, _ = nowcast.left_of(window.lives, apart)
        shift = nowcast.shift(live, window.lives, apart, envelope)
        since = np.asarray((target - index.floor("h")) / HOUR, dtype=float)
        carried = window.lives.remaining(since) * of_full_hour * envelope
        base = there["median"].to_numpy()
        narrow = np.sqrt(1.0 - left**2)
        low = np.clip(base + (there["low"].to_numpy() - base) * narrow + shift, 0.0, 1.0)
        high = np.clip(base + (there["high"].to_numpy() - base) * narrow + shift, 0.0, 1.0)
        table = pd.DataFrame(
            {
                "lead": lead,
                "without": np.abs(base - came),
                "hourly": np.abs(np.clip(base + carried, 0.0, 1.0) - came),
                "live": np.abs(np.clip(base + shift, 0.0, 1.0) - came),
                "persistence": np.abs(_persisted(fine, envelope) - came),
                "held": (came >= there["low"].to_numpy()) & (came <= there["high"].to_numpy()),
                "held_live": (came >= low) & (came <= high),
            },
            index,
        )
        dim = ~(envelope > LIT_W_M2 / 1000.0)
        parts.append(table[bright & ~dim & ~np.isnan(came) & fine["came"].notna().to_numpy()])
    return pd.concat(parts, ignore_index=True)


def _persisted(fine: pd.DataFrame, envelope: np.ndarray) -> np.ndarray:
    """The newest measured share of the clear sky, carried on."""
    return np.clip(fine["came"].to_numpy() / fine["envelope"].to_numpy() * envelope, 0.0, 1.0)


def main() -> int:
    """Print the table of every data set."""
    if not real.cases():
        print("../shared/data is not here")
        return 1
    use_configs()
    print("MAE, % of capacity: without live power; moved by the last full hour alone; by the newest values")
    for case in real.cases():
        started, parts = time.process_time(), []
        for plant in case.sites:
            rolled = STEPS.get(case.name)
            found = windows(plant, *rolled) if rolled else usual_windows(plant, 10)
            quarters = (plant.readings["unit"] / plant.capacity_kw).clip(0.0, 1.0)
            share = plant.share if case.name == "gefcom" else quarters
            parts += [judged(window, share, plant.share) for window in found]
        table = pd.concat(parts).groupby("lead")
        means = 100.0 * table.mean()
        gain = 100.0 * (1.0 - means["live"] / means["without"])
        print(f"\n{case.name}, {time.process_time() - started:.0f} CPU s")
        print(means.assign(gain=gain).round(2).assign(targets=table.size()).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
