"""Data quality on `pvanalytics_labelled`, beside pvanalytics' own functions in the same run.

    python -m benchmarks.detection.quality_bench

Labels are those of the files. pvanalytics' stale functions are run as they come, and with its own night
mask (`quality.gaps` calls zeros at night stale, as any constant); its clipping functions with their
defaults.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks import data
from ona.documents.assets import Asset
from ooda.config import detection
from ooda.detect.sky import sky
from ooda.detect.suspect import clipped, stale
from ooda.detect.track import Track
from ops.target import use_configs


def _track(series: pd.Series) -> Track:
    measured = series.dropna()
    times = pd.DatetimeIndex(measured.index).as_unit("us")
    frame = pd.DataFrame({"timestamp": times, "power_kw": measured.to_numpy(dtype=float)})
    rules = detection.detection_config()
    asset = Asset(id="inverter", capacity_kw=max(1.0, float(measured.max())))
    return Track.of(frame, asset, sky(times, None, rules.filtering))


def _row(name: str, flags: np.ndarray, labels: np.ndarray) -> None:
    hit = int((flags & labels).sum())
    precision, recall = hit / max(int(flags.sum()), 1), hit / max(int(labels.sum()), 1)
    print(f"{name:<52}{int(flags.sum()):>8}{precision:>11.2f}{recall:>9.2f}")


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
    print(f"{'':<52}{'flagged':>8}{'precision':>11}{'recall':>9}")
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
    print(f"{'':<52}{'flagged':>8}{'precision':>11}{'recall':>9}")
    _row("the platform", clipped(series.to_numpy(dtype=float)), labels)
    whole = series.asfreq("15min")
    for name, flagged in (
        ("pvanalytics geometric", clipping.geometric(whole)),
        ("pvanalytics threshold", clipping.threshold(whole)),
        ("pvanalytics levels", clipping.levels(whole)),
    ):
        _row(name, flagged.reindex(series.index).fillna(False).to_numpy(dtype=bool), labels)


if __name__ == "__main__":
    main()
