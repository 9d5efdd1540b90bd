"""Filling gaps: our filling beside linear, spline and previous-day, on real series with gaps cut into them.

Series: NREL SERF East (15 minutes, satellite weather), the 22 inverters of `solar_plant_india` (15
minutes, peers; weather from the site's station, as hourly means), GEFCom2014's zones (1 hour, ECMWF's
forecasts). From each series gaps of 1, 6, 24 and 72 h are cut at seeded places, one length a run; the
error is over daylight values inside gaps, as a share of capacity. The inverters run
twice: with their peers, and alone. `python -m benchmarks.interpolation`
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import data
from forecasting.interpolation_service import fill
from forecasting.interpolation_service.learner import boosted
from forecasting.model.features import Site
from forecasting.model.hourly import Grid, by_hour
from ona.sky import sun
from ona.sky.plane_fit import fit as fit_plane
from ona.sky.weather_frames import at_interval

LENGTHS = (1, 6, 24, 72)
"""Hours of a gap."""
SEED = 20261121
GAPS_A_SERIES = 12
"""Gaps that are cut into each series, of one length."""
LIT_W_M2 = 20.0
"""Clear-sky irradiance on the plane from which a hidden value is scored."""
METHODS = ("ours", "linear", "spline", "previous day")


def cut(
    power: pd.Series, lit: np.ndarray, hours: int, minutes: float, rng: np.random.Generator
) -> np.ndarray:
    """Positions to hide: gaps of a length that begin in daylight, never beside each other."""
    steps = round(hours * 60 / minutes)
    free = np.ones(len(power), dtype=bool)
    hidden = np.zeros(len(power), dtype=bool)
    margin = max(steps, round(24 * 60 / minutes))
    starts = np.flatnonzero(lit[: len(power) - steps - margin])
    starts = starts[starts >= margin]
    rng.shuffle(starts)
    count = 0
    for start in starts:
        around = slice(max(0, start - margin), start + steps + margin)
        if free[around].all():
            hidden[start : start + steps] = True
            free[around] = False
            count += 1
            if count == GAPS_A_SERIES:
                break
    return hidden


def baselines(series: pd.Series, steps_a_day: int) -> dict[str, np.ndarray]:
    """Linear and cubic spline in time, and the last measured value at the same time of earlier days."""
    position = np.arange(len(series))
    measured = series.notna().to_numpy()
    linear = np.interp(position, position[measured], series.to_numpy()[measured])
    spline = series.reset_index(drop=True).interpolate("cubicspline", limit_direction="both").to_numpy()
    previous = series.to_numpy(copy=True)
    for n in np.flatnonzero(np.isnan(previous)):
        if n >= steps_a_day:
            previous[n] = previous[n - steps_a_day]  # already filled where the gap is longer than a day
    previous = np.where(np.isnan(previous), linear, previous)
    return {"linear": linear, "spline": np.clip(spline, 0, 1), "previous day": previous}


@dataclass(frozen=True)
class Series:
    """One real series: power (kW) on a regular grid, capacities (kW), site, weather frame on that grid."""

    name: str
    power: pd.DataFrame
    minutes: float
    capacities: dict[str, float]
    site: Site
    weather: pd.DataFrame


def serf_east() -> Iterator[Series]:
    folder = data.folder("pvanalytics_labelled")
    power = data.local_series(folder / "serf_east_15min_ac_power.csv", "ac_power")
    raw = pd.read_csv(folder / "serf_east_psm3_data.csv")
    index = pd.DatetimeIndex(pd.to_datetime(raw["measured_on"], utc=True)).as_unit("us")
    weather = pd.DataFrame(
        {"ghi_w_m2": raw["ghi"].to_numpy(), "temperature_c": raw["temp_air"].to_numpy()}, index=index
    )
    power = power.clip(lower=0.0).iloc[:-4]
    hourly = by_hour(weather).mean()
    capacity = float(power.quantile(0.999))
    plane, _ = fit_plane(hourly, by_hour(power / capacity).mean(), 39.742, -105.173)
    fine = at_interval(hourly, pd.DatetimeIndex(power.index), plane, 15.0)
    site = Site("serf", plane, capacity)
    yield Series("SERF East", power.to_frame("serf"), 15.0, {"serf": capacity}, site, fine)


def india() -> Iterator[Series]:
    folder = data.folder("solar_plant_india")
    made = pd.read_csv(folder / "Plant_1_Generation_Data.csv")
    station = pd.read_csv(folder / "Plant_1_Weather_Sensor_Data.csv")
    zone = "Asia/Kolkata"
    for table in (made, station):
        table["t"] = pd.to_datetime(table["DATE_TIME"]).dt.tz_localize(zone).dt.tz_convert("UTC")
    power = made.pivot_table(index="t", columns="SOURCE_KEY", values="AC_POWER")
    grid = pd.date_range(power.index[0], power.index[-1], freq="15min", unit="us")
    power = power.reindex(grid)
    sensor = station.set_index("t")[["IRRADIATION", "AMBIENT_TEMPERATURE"]].reindex(grid)
    weather = pd.DataFrame(
        {"ghi_w_m2": sensor["IRRADIATION"] * 1000.0, "temperature_c": sensor["AMBIENT_TEMPERATURE"]}
    )
    hourly = by_hour(weather).mean().interpolate(limit=3)
    whole = power.mean(axis=1) / 1400.0
    plane, _ = fit_plane(hourly, by_hour(whole).mean(), 14.8, 78.3)
    site = Site("india", plane, 1400.0)
    fine = at_interval(hourly, pd.DatetimeIndex(grid), plane, 15.0)
    names = sorted(map(str, power.columns))
    yield Series("India, peers", power[names], 15.0, dict.fromkeys(names, 1400.0), site, fine)
    for name in names[::8]:
        yield Series("India, alone", power[[name]], 15.0, {name: 1400.0}, site, fine)


def gefcom() -> Iterator[Series]:
    power, weather = data.gefcom2014()
    for zone in power:
        part = power[zone].loc["2012-04-02":"2013-04-01"]
        here = weather[zone].loc[part.index[0] : part.index[-1]]
        plane, _ = fit_plane(here, part, data.GEFCOM_LATITUDE, data.GEFCOM_LONGITUDE)
        site = Site(zone, plane, 1.0)
        yield Series("GEFCom2014", part.to_frame(zone), 60.0, {zone: 1.0}, site, here)


def errors(series: Series, hours: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Absolute errors of hidden daylight values by method, and whether our 80 % interval held them."""
    power, minutes = series.power, series.minutes
    sky = sun.clear_sky(pd.DatetimeIndex(power.index), series.site.plane, minutes)
    lit = (sky["clear_poa"] > LIT_W_M2).to_numpy()
    gapped = power.copy()
    chosen = list(power.columns) if power.shape[1] < 4 else list(power.columns[::4])
    hidden = {}
    for name in chosen:
        mask = cut(power[name], lit, hours, minutes, rng)
        gapped.loc[mask, name] = np.nan
        hidden[name] = mask
    grid = Grid(gapped, gapped.notna(), minutes)
    result = fill.fill(grid, series.capacities, series.site, series.weather, boosted)
    out: dict[str, list[np.ndarray]] = {name: [] for name in (*METHODS, "inside")}
    for name in chosen:
        capacity = series.capacities[name]
        truth = power[name].to_numpy() / capacity
        where = hidden[name] & lit & ~np.isnan(truth)
        filled = result.assets[name]
        out["ours"].append(np.abs(filled.power_kw / capacity - truth)[where])
        out["inside"].append((np.abs(filled.power_kw - truth * capacity) <= filled.half_width_kw)[where])
        for method, values in baselines(gapped[name] / capacity, round(24 * 60 / minutes)).items():
            out[method].append(np.abs(values - truth)[where])
    return {name: np.concatenate(parts) for name, parts in out.items()}


def main() -> int:
    if not data.present():
        print("../shared/data is not here")
        return 1
    rows: dict[tuple[str, int], list[dict[str, np.ndarray]]] = {}
    started = time.monotonic()
    rng = np.random.default_rng(SEED)
    for series in (*serf_east(), *india(), *gefcom()):
        for hours in LENGTHS:
            rows.setdefault((series.name, hours), []).append(errors(series, hours, rng))
    print(
        f"{'series':<14}{'gap h':>6}{'values':>8}"
        + "".join(f"{name:>14}" for name in METHODS)
        + f"{'ours/best':>11}{'80 % holds':>12}"
    )
    worse = 0
    for (name, hours), parts in rows.items():
        merged = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        means = {method: merged[method].mean() for method in METHODS}
        best = min(means[method] for method in METHODS[1:])
        worse += hours >= 6 and means["ours"] >= best
        print(
            f"{name:<14}{hours:>6}{len(merged['ours']):>8}"
            + "".join(f"{100 * means[method]:>13.2f}%" for method in METHODS)
            + f"{means['ours'] / best:>11.2f}{100 * merged['inside'].mean():>11.1f}%"
        )
    print(f"mean absolute error, hidden daylight values, % of capacity; {time.monotonic() - started:.0f} s")
    print("from 6 h on better than all others: " + ("yes" if not worse else f"NO, {worse} rows"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
