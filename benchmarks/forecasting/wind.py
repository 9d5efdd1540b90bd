"""Wind: the site's own physics, its default and the trees, on public wind power with its weather forecasts.

Two tracks, each rolled month by month: what came before a month trains, the month's weather forecasts are
given, its power never is.

GEFCom2014-W: zone 1 of the wind track, ECMWF at 10 and 100 m, tasks 1 to 14 (October 2012 to November
2013). GEFCom2012: seven farms, ECMWF at 10 m, the run of 00 UTC for the 24 hours after it; the year 2010.

The data are not part of the repository. They are looked for in `gefcom2014_wind/` and `gefcom2012_wind/` of
`../shared/data`, or of the folder that ONA_WIND_DATA names: `Task15_W_Zone<n>.csv` of the competition's
files; `train.csv` and `windforecasts_wf<n>.csv` of the Kaggle competition GEF2012-wind-forecasting.

`python -m benchmarks.forecasting.wind [--quick]`; quick: without trees.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import data
from forecasting.config import forecasting_config
from forecasting.global_training_service import evaluate
from forecasting.model import booster, features, score, wind_physics
from forecasting.model.booster import TARGET
from forecasting.model.features import Site
from ona.sky.plane import Plane
from ops.target import use_configs

FIRST_2014, MONTHS_2014 = "2012-10-01", 14
FIRST_2012, MONTHS_2012 = "2010-01-01", 12
TREES_EVERY = 3
"""Trees are trained for every third month: they take a hundred times as long as all the others."""
Frames = dict[str, pd.DataFrame]
PEERS = (
    "24 h persistence",
    "climatology",
    "cubic curve",
    "usual curve",
    "7 days",
    "30 days",
    "fitted",
    "trees",
)


def folder(name: str) -> Path | None:
    """A track's folder; None where it is nowhere."""
    named = os.environ.get("ONA_WIND_DATA")
    places = [Path(named) / name] if named else []
    return next((place for place in [*places, data.SHARED / name] if place.is_dir()), None)


def gefcom2014(where: Path) -> Frames:
    """Features and share by zone."""
    frames = {}
    for path in sorted(where.glob("Task15_W_Zone*.csv")):
        table = pd.read_csv(path)
        when = pd.to_datetime(table["TIMESTAMP"], format="%Y%m%d %H:%M", utc=True)
        weather = {
            "wind_speed_m_s": np.hypot(table["U10"], table["V10"]),
            "wind_speed_hub_m_s": np.hypot(table["U100"], table["V100"]),
            "wind_direction_deg": np.degrees(np.arctan2(-table["U100"], -table["V100"])) % 360.0,
        }
        frames[path.stem.rsplit("_", 1)[-1]] = _built(weather, table["TARGETVAR"], when)
    return frames


def gefcom2012(where: Path) -> Frames:
    """Features and share by farm, before the gaps of the competition begin."""
    power = pd.read_csv(where / "train.csv")
    at = pd.to_datetime(power["date"].astype(str), format="%Y%m%d%H", utc=True)
    frames = {}
    for path in sorted(where.glob("windforecasts_wf*.csv")):
        number = path.stem.removeprefix("windforecasts_wf")
        table = pd.read_csv(path)
        table = table[(table["date"] % 100 == 0) & (table["hors"] <= 24)]
        issued = pd.to_datetime(table["date"].astype(str), format="%Y%m%d%H", utc=True)
        table["when"] = issued + pd.to_timedelta(table["hors"], unit="h")
        table = table.drop_duplicates("when").sort_values("when")
        own = pd.Series(power[f"wp{number}"].to_numpy(dtype=float), index=at)
        share = own.reindex(pd.DatetimeIndex(table["when"]))
        weather = {"wind_speed_m_s": table["ws"], "wind_direction_deg": table["wd"]}
        frame = _built(weather, share, table["when"])
        frames[f"farm {number}"] = frame[frame.index < pd.Timestamp("2011-01-01", tz="UTC")]
    return frames


def _built(weather: dict[str, pd.Series], share: pd.Series, when: pd.Series) -> pd.DataFrame:
    """Features of the platform, with the share."""
    index = pd.DatetimeIndex(when).as_unit("us")
    frame = pd.DataFrame({name: np.asarray(own, dtype=float) for name, own in weather.items()}, index=index)
    place = Plane(0.0, 0.0, 0.0, 0.0)
    table = features.build(frame, Site("wind", place, 1.0, "wind"))
    table[TARGET] = np.asarray(share, dtype=float)
    return table


def cubic(table: pd.DataFrame) -> np.ndarray:
    """The curve that stood in for a model before, for comparison."""
    at_hub = table.get("wind_speed_hub_m_s", table["wind_speed_m_s"] * 1.35).to_numpy(dtype=float)
    stands = (at_hub < 3.0) | (at_hub > 25.0)
    return np.where(stands, 0.0, np.clip((at_hub - 2.0) / 10.0, 0.0, 1.0) ** 3)


def quantile_curves(past: pd.DataFrame, month: pd.DataFrame) -> np.ndarray:
    """Centiles of a month by what power was at such speeds before."""
    power, at_hub = past[TARGET].to_numpy(), wind_physics.speed(past)
    good = ~np.isnan(power) & ~np.isnan(at_hub)
    curves = wind_physics.at_quantiles(at_hub[good], power[good], score.CENTILES)
    speeds = wind_physics.speed(month)
    return np.column_stack([np.interp(speeds, wind_physics.SPEEDS, own) for own in curves.T])


def _told(
    frame: pd.DataFrame, past: pd.DataFrame, month: pd.DataFrame
) -> dict[str, tuple[np.ndarray, float]]:
    """What each simple peer says of a month: one number an hour, (n,), or centiles, (n, 99); CPU s."""
    usual = np.quantile(past[TARGET].dropna(), score.CENTILES)
    told = {
        "24 h persistence": (frame[TARGET].shift(24).reindex(month.index).to_numpy(), 0.0),
        "climatology": (np.tile(usual, (len(month), 1)), 0.0),
        "cubic curve": (cubic(month), 0.0),
        "usual curve": (wind_physics.share(month, wind_physics.default()), 0.0),
    }
    for days in (7, 30):
        few = past[past.index > past.index[-1] - pd.Timedelta(days=days)]
        told[f"{days} days"] = (wind_physics.share(month, wind_physics.fit(few)), 0.0)
    started = time.process_time()
    fitted = wind_physics.fit(past)
    seconds = time.process_time() - started
    centiles = quantile_curves(past, month)
    centiles[:, 49] = wind_physics.share(month, fitted)
    told["fitted"] = (np.sort(centiles, axis=1), seconds)
    return told


def _losses(month: pd.DataFrame, told: np.ndarray, seconds: float) -> tuple[float, float, float]:
    """MAE and pinball loss, share of capacity, and the seconds."""
    actual = month[TARGET].to_numpy()
    if told.ndim == 1:
        mae = score.mean_absolute_error(actual, told)
        return mae, mae / 2, seconds
    return score.mean_absolute_error(actual, told[:, 49]), score.pinball(actual, told), seconds


def month_of(frames: Frames, after: pd.Timestamp, trees: bool) -> pd.DataFrame:
    """Each site's losses of a month, shares of capacity: a row a site and peer."""
    until = after + pd.DateOffset(months=1)
    rows: list[tuple[str, str, float, float, float]] = []
    model, took = None, 0.0
    if trees:
        started = time.process_time()
        model = evaluate.fit_before(frames, after, forecasting_config().booster, None, threads=1)
        took = (time.process_time() - started) / len(frames)
    for site, frame in frames.items():
        past, month = frame[frame.index <= after], frame[(frame.index > after) & (frame.index <= until)]
        month = month[month[TARGET].notna() & month["wind_speed_m_s"].notna()]
        told = _told(frame, past, month)
        if model is not None:
            given = model.predict(month, site)
            told["trees"] = (booster.at_levels(given, model.levels, score.CENTILES), took)
        rows += [(site, peer, *_losses(month, *own)) for peer, own in told.items()]
    return pd.DataFrame(rows, columns=["site", "peer", "mae", "pinball", "seconds"]).assign(month=after)


def report(name: str, frames: Frames, first: str, months: int, quick: bool) -> None:
    """The table of one track: over all months, and over those with trees."""
    parts = []
    for number in range(months):
        after = pd.Timestamp(first, tz="UTC") + pd.DateOffset(months=number)
        parts.append(month_of(frames, after, not quick and number % TREES_EVERY == 0))
    table = pd.concat(parts)
    print(f"\n{name}: {len(frames)} sites, {months} months, shares of capacity")
    print("the pinball loss of a peer that gives one number is half of its MAE")
    treed = set(table.loc[table["peer"] == "trees", "month"])
    for title, part in (
        ("all months", table[table["peer"] != "trees"]),
        (f"the {len(treed)} months with trees", table[table["month"].isin(treed)]),
    ):
        if part.empty:
            continue
        means = part.groupby("peer")[["mae", "pinball", "seconds"]].mean()
        print(f"\n| {title} | MAE | pinball | CPU s to fit a site |\n| --- | --- | --- | --- |")
        for peer in [peer for peer in PEERS if peer in means.index]:
            own = means.loc[peer]
            print(f"| {peer} | {own['mae']:.4f} | {own['pinball']:.4f} | {own['seconds']:.2f} |")


TRACKS: dict[str, tuple[str, Callable[[Path], Frames], str, int]] = {
    "GEFCom2014-W": ("gefcom2014_wind", gefcom2014, FIRST_2014, MONTHS_2014),
    "GEFCom2012": ("gefcom2012_wind", gefcom2012, FIRST_2012, MONTHS_2012),
}


def main() -> int:
    """Print the tables; a track whose data are not here is named, and skipped."""
    use_configs()
    for name, (place, read, first, months) in TRACKS.items():
        where = folder(place)
        if where is None:
            print(f"{name}: skipped: no folder {place} in {data.SHARED} or in ONA_WIND_DATA")
            continue
        report(name, read(where), first, months, "--quick" in sys.argv)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
