"""Data quality on labelled series, beside pvanalytics' own functions in the same run.

    python -m benchmarks.detection.quality_bench

Stale values and clipping: `pvanalytics_labelled`. Interpolated stretches, single outliers, level shifts and
a logger with daylight-saving time: the files that come with pvanalytics' package. All labels are those of
its authors (of the clock: the calendar's). pvanalytics' stale functions are run as they come, and with its
own night mask (`quality.gaps` calls zeros at night stale, as any constant); its other functions with their
defaults.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import data
from ona.documents.assets import Asset, Location
from ooda.config import detection
from ooda.detect import lasting_shift
from ooda.detect.clock import ends_of_days, shift_by_day
from ooda.detect.sky import sky
from ooda.detect.spikes import outliers
from ooda.detect.straight import interpolated
from ooda.detect.suspect import clipped, stale
from ooda.detect.track import Track
from ops.target import use_configs

SOUND = 30
"""Days after the labelled shift from which the series has none."""


def _track(series: pd.Series, capacity: float | None = None) -> Track:
    measured = series.dropna()
    times = pd.DatetimeIndex(measured.index).as_unit("us")
    frame = pd.DataFrame({"timestamp": times, "power_kw": measured.to_numpy(dtype=float)})
    rules = detection.detection_config()
    asset = Asset(id="inverter", capacity_kw=capacity or max(1.0, float(measured.max())))
    return Track.of(frame, asset, sky(times, None, rules.filtering))


def _row(name: str, flags: np.ndarray, labels: np.ndarray) -> None:
    hit = int((flags & labels).sum())
    precision, recall = hit / max(int(flags.sum()), 1), hit / max(int(labels.sum()), 1)
    sound = 1.0 - int((flags & ~labels).sum()) / max(int((~labels).sum()), 1)
    print(f"{name:<52}{int(flags.sum()):>8}{precision:>11.2f}{recall:>9.2f}{sound:>13.3f}")


def main() -> None:
    folder = data.folder("pvanalytics_labelled")
    if not folder.is_dir():
        print(f"{folder} is not here; nothing measured")
        return
    from pvanalytics.features import clipping
    from pvanalytics.quality import gaps

    use_configs()
    table = pd.read_csv(folder / "ac_power_inv_2173_stale_data.csv", index_col=0, parse_dates=True)
    series = table["value_normalized"]
    labels = table["stale_data_mask"].to_numpy(dtype=bool)
    print(f"stale: {len(series)} readings, {int(labels.sum())} labelled")
    print(f"{'':<52}{'flagged':>8}{'precision':>11}{'recall':>9}{'specificity':>13}")
    ours = np.zeros(len(series), dtype=bool)
    ours[series.notna().to_numpy()] = stale(_track(series), detection.detection_config())
    _row("the platform", ours, labels)
    lit = (series > 0.005).to_numpy()
    for name, flags in (
        ("pvanalytics stale_values_diff", gaps.stale_values_diff(series, mark="all")),
        ("pvanalytics stale_values_round", gaps.stale_values_round(series, mark="all")),
        ("pvanalytics stale_values_diff, no zeros", gaps.stale_values_diff(series, mark="all") & lit),
        ("pvanalytics interpolation_diff, no zeros", gaps.interpolation_diff(series, mark="all") & lit),
    ):
        _row(name, flags.to_numpy(dtype=bool), labels)

    table = pd.read_csv(folder / "ac_power_inv_7539.csv", index_col=0, parse_dates=True)
    table = table[~table.index.duplicated()]
    series, labels = table["value_normalized"], table["label"].to_numpy(dtype=bool)
    print(f"\nclipping: {len(series)} readings, {int(labels.sum())} labelled")
    print(f"{'':<52}{'flagged':>8}{'precision':>11}{'recall':>9}{'specificity':>13}")
    _row("the platform", clipped(series.to_numpy(dtype=float)), labels)
    whole = series.asfreq("15min")
    for name, flagged in (
        ("pvanalytics geometric", clipping.geometric(whole)),
        ("pvanalytics threshold", clipping.threshold(whole)),
        ("pvanalytics levels", clipping.levels(whole)),
    ):
        _row(name, flagged.reindex(series.index).fillna(False).to_numpy(dtype=bool), labels)
    packaged()


def packaged() -> None:
    """The labelled files that come with pvanalytics."""
    import pvanalytics
    from pvanalytics.quality import gaps
    from pvanalytics.quality import outliers as peer

    folder = Path(pvanalytics.__file__).parent / "data"
    table = pd.read_csv(folder / "ac_power_inv_2173_interpolated_data.csv", index_col=0, parse_dates=True)
    series, labels = table["value_normalized"], table["interpolated_data_mask"].to_numpy(dtype=bool)
    lit = (series > 0.005).to_numpy()
    print(f"\ninterpolated: {len(series)} readings, {int((labels & lit).sum())} labelled at work")
    _row("the platform", interpolated(_track(series)) & lit, labels & lit)
    flags = gaps.interpolation_diff(series, mark="all").to_numpy(dtype=bool)
    _row("pvanalytics interpolation_diff, no zeros", flags & lit, labels & lit)

    table = pd.read_csv(folder / "ac_power_inv_7539_outliers.csv", index_col=0, parse_dates=True)
    series, labels = table["value_normalized"], table["outlier"].to_numpy(dtype=bool)
    print(f"\noutliers: {len(series)} readings, {int(labels.sum())} labelled")
    _row(
        "the platform", outliers(_track(series, 1.0), np.full(len(series), np.nan)), labels
    )  # shares of the nameplate
    for name, flagged in (
        ("pvanalytics zscore", peer.zscore(series)),
        ("pvanalytics tukey, k 0.5", peer.tukey(series, k=0.5)),
        ("pvanalytics hampel", peer.hampel(series)),
    ):
        _row(name, flagged.to_numpy(dtype=bool), labels)
    _shifts(folder)


def _own_shifts(value: pd.Series) -> list[int]:
    days = (pd.DatetimeIndex(value.index) - pd.Timestamp(0)).days.to_numpy()
    return [step.day for step in lasting_shift.lasting_shifts(np.log(value.to_numpy(dtype=float)), days)]


def _shifts(folder: Path) -> None:
    """The day of a level shift, and the days on which a logger's clock changed."""
    from pvanalytics.quality import data_shifts

    table = pd.read_csv(folder / "pvlib_data_shift.csv", index_col=0, parse_dates=True)
    value = table["value"]
    truth = int(np.flatnonzero(table["label"])[0])
    print(f"\nlevel shift: {len(value)} days; days off of each shift found; of those in the years after it")
    for name, found in (
        ("the platform", _own_shifts),
        ("pvanalytics detect_data_shifts", lambda s: np.flatnonzero(data_shifts.detect_data_shifts(s))),
    ):
        off, false = [abs(int(day) - truth) for day in found(value)], len(found(value[truth + SOUND :]))
        print(f"{name:<52}{', '.join(map(str, off)) or 'none'}; {false}")

    table = pd.read_parquet(folder / "system_50_ac_power_2_full_DST.parquet")
    times = pd.DatetimeIndex(pd.to_datetime(table["measured_on"], utc=True)).as_unit("us")
    power = pd.Series(table["ac_power_2"].to_numpy(dtype=float), index=times).dropna()
    power = power[~power.index.duplicated()].sort_index()
    place = Location(latitude=39.74, longitude=-105.17)
    rules = detection.detection_config()
    asset = Asset(id="system-50", capacity_kw=float(power.quantile(0.999)), location=place)
    frame = pd.DataFrame({"timestamp": power.index, "power_kw": power.to_numpy()})
    track = Track.of(frame, asset, sky(pd.DatetimeIndex(power.index), place, rules.filtering))
    shift = shift_by_day(*ends_of_days(track), np.full(len(track.days), np.nan), track.step)
    moved = np.flatnonzero(np.diff(shift != 0.0))
    days = [f"{pd.Timestamp(int(track.days.number[n + 1]), unit='D'):%Y-%m-%d}" for n in moved]
    print(f"clock with daylight saving: the platform {', '.join(days)}")


if __name__ == "__main__":
    main()
