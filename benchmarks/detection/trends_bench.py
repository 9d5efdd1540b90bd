"""Degradation and soiling from daily levels, beside RdTools in the same run.

    python -m benchmarks.detection.trends_bench

Three years of an asset's daily gain (power over PVWatts on the irradiance): a known degradation, a season
of 3 %, 1 % noise of the days, a third of the days missing, with and without dirt. Ours:
`diagnose/trends.py`; RdTools: `degradation_year_on_year`, `soiling_srr` on the same series with the same
insolation.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd

from ooda.config import trends
from ooda.diagnose.trends import degradation, soiling
from ops.target import use_configs

RATES = (-0.3, -0.8, -2.0)
"""Per cent a year."""
SEEDS = 5


def series(rate: float, seed: int, dirt: float = 0.0) -> pd.Series:
    """A daily gain; dirt gathers `dirt` a day and rain washes it off after three to six weeks."""
    rng = np.random.default_rng(seed)
    n = np.arange(3 * 365)
    level = 0.9 * (1 + rate / 100 * n / 365) * (1 + 0.03 * np.sin(2 * np.pi * n / 365))
    loss, since = np.zeros(len(n)), 0
    wash = rng.integers(21, 42)
    for day in range(len(n)):
        since += 1
        if since >= wash:
            since, wash = 0, rng.integers(21, 42)
        loss[day] = dirt * since
    level = level * (1 - loss) * (1 + rng.normal(0, 0.01, len(n)))
    level[rng.random(len(n)) < 0.33] = np.nan
    return pd.Series(level, pd.date_range("2021-01-01", periods=len(n), freq="D", tz="UTC"))


def _days(gain: pd.Series) -> dict[int, float]:
    return {when.toordinal(): float(v) for when, v in gain.dropna().items()}


def main() -> None:
    use_configs()
    import rdtools
    from rdtools.soiling import soiling_srr as srr

    warnings.simplefilter("ignore")
    print(
        f"{'degradation, %/year':<26}{'truth':>7}{'ours':>9}{'80 %':>18}"
        f"{'RdTools':>9}{'68 %':>18}{'s':>6}{'s':>6}"
    )
    for rate in RATES:
        for dirt in (0.0, 0.002):
            errors: list[tuple[float, float]] = []
            row = ""
            for seed in range(SEEDS):
                gain = series(rate, seed, dirt)
                started = time.perf_counter()
                ours = degradation(_days(gain))
                ours_s = time.perf_counter() - started
                started = time.perf_counter()
                theirs, ci, _ = rdtools.degradation_year_on_year(gain)
                theirs_s = time.perf_counter() - started
                assert ours is not None
                errors.append((abs(ours[0] - rate), abs(theirs - rate)))
                row = (
                    f"{ours[0]:>9.2f}{f'{ours[1].lower:.2f}…{ours[1].upper:.2f}':>18}{theirs:>9.2f}"
                    f"{f'{ci[0]:.2f}…{ci[1]:.2f}':>18}{ours_s:>6.2f}{theirs_s:>6.2f}"
                )
            mean = np.mean(errors, axis=0)
            name = "with dirt" if dirt else "clean"
            print(f"{name:<26}{rate:>7.1f}{row}   mean error {mean[0]:.2f} against {mean[1]:.2f}")
    print(
        f"\n{'soiling, %/day':<26}{'truth':>7}{'ours':>9}{'RdTools':>9}"
        "   (median of ours over the last dry spells)"
    )
    for dirt in (0.001, 0.002, 0.004):
        gain = series(-0.5, 1, dirt)
        gains, ours = _days(gain), []
        for last in range(200, 1090, 15):
            part = {n: v for n, v in gains.items() if n <= gain.index[0].toordinal() + last}
            dirt_now = soiling(part, 500.0, 0.1, trends.trend_rules())
            if dirt_now is not None:
                ours.append(dirt_now.rate_percent_per_day)
        daily = gain.copy()
        insolation = pd.Series(6.0, gain.index)
        try:
            _, _, info = srr(daily.asfreq("D"), insolation.asfreq("D"), reps=200)
            rates = info["soiling_interval_summary"]
            theirs = -100 * float(rates.loc[rates["valid"], "soiling_rate"].median())
        except Exception as error:  # RdTools refuses series without enough valid intervals
            print(f"{'':<26}{100 * dirt:>7.2f}{np.median(ours):>9.2f}   RdTools: {error}")
            continue
        print(f"{'':<26}{100 * dirt:>7.2f}{np.median(ours):>9.2f}{theirs:>9.2f}")


if __name__ == "__main__":
    main()
