"""GEFCom2014, solar track, tasks 4 to 12, by the code that trains and judges the platform's own models.

Task n forecasts one month of hourly power of three zones with everything before it: planes are fitted,
features built and models trained anew for each task from earlier hours only (`site_frame`, `fit_before`,
`forecast_window` of `global_training_service`). The month's ECMWF forecasts are given, as in the
competition; measured power of the month never is, except in the table of the first hours, which says so.
Intervals of a month are calibrated on the three months before it, which had been forecast the same way; how
much physics counts beside the trees is learned from all months that had been.

Four of the competition's variables (cloud water and ice, longwave, net radiation at the top of the
atmosphere) come from no provider of ours: each month is forecast with and without them.

`python -m benchmarks.forecasting.gefcom2014 [--quick]`; quick: tasks 4 and 8, one calibration month.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from benchmarks import data
from forecasting.config import forecasting_config
from forecasting.documents import SiteDocument
from forecasting.global_training_service import dataset, evaluate
from forecasting.model import blend, booster, calibration, nowcast, score
from forecasting.model.booster import TARGET
from ops.target import use_configs

FIRST_TASK, LAST_TASK = 4, 12
WINNER = 0.012657
"""Mean pinball loss (share of capacity) of the winner over tasks 4 to 12: leaderboard_tasks_4_12.csv."""
CALIBRATION_MONTHS = 3
"""Months before the first task that only calibrate."""
HOURS_AHEAD = (1, 2, 3, 6)
UNDELIVERED = ["cloud_water_kg_m2", "cloud_ice_kg_m2", "longwave_w_m2", "toa_net_w_m2"]
"""Variables of the competition that no provider of ours delivers."""
Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Month:
    """One forecast month: daylight rows with quantiles, and what it took."""

    task: int
    table: pd.DataFrame
    pinball: float
    persistence: float
    cpu_seconds: float
    rows: int
    megabytes: float


def window(task: int) -> Window:
    """(after, until] of a task's month: task 4 is July 2013."""
    after = pd.Timestamp("2013-07-01", tz="UTC") + pd.DateOffset(months=task - 4)
    return after.to_pydatetime(), (after + pd.DateOffset(months=1)).to_pydatetime()


def scorer_is_official() -> list[tuple[int, float, float]]:
    """(task, our score, published score) of the official benchmark's files."""
    folder = data.folder("gefcom2014_solar")
    board = pd.read_csv(folder / "leaderboard_tasks_4_12.csv").set_index("team")
    shares, _ = data.gefcom2014()
    rows = []
    for task in (4, 12):
        given = pd.read_csv(folder / "official_benchmark" / f"benchmark{task:02d}.csv")
        when = pd.to_datetime(given["TIMESTAMP"], format="%Y%m%d %H:%M", utc=True)
        actual = np.array(
            [shares[f"zone{zone}"][moment] for zone, moment in zip(given["ZONEID"], when, strict=True)]
        )
        quantiles = given.drop(columns=["ZONEID", "TIMESTAMP"]).to_numpy(dtype=float)
        ours = score.pinball(actual, quantiles)
        rows.append((task, ours, float(board.loc["Benchmark - Solar", f"task_{task}"])))
    return rows


def forecast(
    task: int,
    shares: dict[str, pd.Series],
    weather: dict[str, pd.DataFrame],
    earlier: list[pd.DataFrame],
) -> Month:
    """Train on what came before a task's month and forecast it.

    `earlier`: the tables of months before it, which teach how much physics counts. One thread.
    """
    started = time.process_time()
    span = window(task)
    after, until = (pd.Timestamp(moment) for moment in span)
    frames = {}
    for zone in shares:
        upto = weather[zone].loc[:until].assign(share=shares[zone].loc[:until])
        past = upto[upto.index <= after]
        site = SiteDocument(
            customer_id="gefcom",
            site_id=zone,
            latitude=data.GEFCOM_LATITUDE,
            longitude=data.GEFCOM_LONGITUDE,
            kind="solar",
            capacity_kw=1.0,
            assets={zone: 1.0},
        )
        made = dataset.site_frame(site, past)
        if made is None:
            raise RuntimeError("no weather")
        _, fitted = made
        described = site.model_copy(update={"tilt": fitted.tilt, "azimuth": fitted.azimuth})
        whole = dataset.site_frame(described, upto)
        if whole is None:
            raise RuntimeError("no weather")
        frames[zone] = whole[0]
    trained = evaluate.fit_before(frames, span[0], forecasting_config().booster, None, threads=1)
    seconds = time.process_time() - started
    if earlier:
        unseen = evaluate.unseen_by_site(earlier, trained.levels)
        trained = replace(trained, weights=blend.learn(unseen, trained.levels, trained.weights))
    table = evaluate.forecast_window(trained, frames, span)
    # the competition scores all hours: those in the dark are zero, power there may be a little more
    dark = []
    for zone, frame in frames.items():
        inside = (frame.index > after) & (frame.index <= until)
        rest = frame[inside & ~dataset.usable(frame).to_numpy()]
        dark.append(rest[TARGET].to_numpy())
        if rest["daylight"].any():
            raise RuntimeError(f"{zone}: daylight rows without a forecast")
    levels = trained.levels
    lit = booster.at_levels(evaluate.quantiles_of(table, levels), levels, score.CENTILES)
    zeros = np.zeros((sum(map(len, dark)), len(score.CENTILES)))
    actual = np.concatenate([table[TARGET].to_numpy(), *dark])
    loss = score.pinball(actual, np.concatenate([lit, zeros]))
    before = np.nan_to_num(np.concatenate([table["reference"].to_numpy(dtype=float), np.zeros(len(zeros))]))
    persisted = score.pinball(actual, np.tile(before[:, None], (1, len(score.CENTILES))))
    rows = sum(int(dataset.usable(f[f.index <= after]).sum()) for f in frames.values())
    size = sum(map(len, trained.files().values())) / 1e6
    return Month(task, table, loss, persisted, seconds, rows, size)


def first_hours(months: list[Month], levels: tuple[float, ...]) -> list[tuple[int, float, float, float]]:
    """(hours ahead, MAE without, MAE with nowcast, MAE of clear-sky persistence from then), % of capacity.

    The error's persistence is learned on the months before each month.
    """
    totals: dict[int, list[np.ndarray]] = {ahead: [] for ahead in HOURS_AHEAD}
    for number in range(1, len(months)):
        past = pd.concat([month.table for month in months[max(0, number - CALIBRATION_MONTHS) : number]])
        lives = nowcast.learn(*_errors(past, levels))
        table = months[number].table
        site, hour, error, envelope = _errors(table, levels)
        here = pd.DataFrame(
            {
                "site": site,
                "hour": hour,
                "error": error,
                "envelope": envelope,
                "share": table[TARGET].to_numpy(),
            }
        )
        for ahead in HOURS_AHEAD:
            then = here.assign(hour=here["hour"] + pd.Timedelta(hours=ahead))
            both = here.merge(then, on=["site", "hour"], suffixes=("", "_then"))
            left = float(lives.remaining(np.array([float(ahead)]))[0])
            carried = left * both["error_then"] / both["envelope_then"] * both["envelope"]
            persisted = np.clip(both["share_then"] / both["envelope_then"] * both["envelope"], 0, 1)
            totals[ahead].append(
                np.column_stack(
                    [
                        both["error"].abs(),
                        (both["error"] - carried).abs(),
                        (both["share"] - persisted).abs(),
                    ]
                )
            )
    means = {ahead: 100 * np.concatenate(parts).mean(axis=0) for ahead, parts in totals.items()}
    return [(ahead, *map(float, values)) for ahead, values in means.items()]  # type: ignore[misc]


def _errors(
    table: pd.DataFrame, levels: tuple[float, ...]
) -> tuple[np.ndarray, pd.DatetimeIndex, np.ndarray, np.ndarray]:
    median = booster.at_levels(evaluate.quantiles_of(table, levels), levels, np.array([0.5]))[:, 0]
    return (
        table["site_id"].to_numpy(),
        pd.DatetimeIndex(table["timestamp"]),
        table[TARGET].to_numpy(dtype=float) - median,
        table["envelope"].to_numpy(dtype=float),
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the tasks and print the tables."""
    if not data.present():
        print("../shared/data is not here")
        return 1
    use_configs()
    quick = "--quick" in (sys.argv[1:] if arguments is None else arguments)
    levels = forecasting_config().booster.levels
    print("scorer: official benchmark files")
    for task, ours, published in scorer_is_official():
        apart = abs(ours - published)
        print(f"  task {task:>2}: ours {ours:.6f}, published {published:.5f}, apart {apart:.1e}")
    shares, weather = data.gefcom2014()
    board = pd.read_csv(data.folder("gefcom2014_solar") / "leaderboard_tasks_4_12.csv").set_index("team")
    wanted = [4, 8] if quick else list(range(FIRST_TASK - CALIBRATION_MONTHS, LAST_TASK + 1))
    delivered = {zone: frame.drop(columns=UNDELIVERED) for zone, frame in weather.items()}
    months: list[Month] = []
    without: list[Month] = []
    for task in wanted:
        month = forecast(task, shares, weather, [m.table for m in months])
        months.append(month)
        without.append(forecast(task, shares, delivered, [m.table for m in without]))
        name = f"task {task}" if task >= FIRST_TASK else f"calibration month {window(task)[0]:%B %Y}"
        print(
            f"  {name:<28} pinball {month.pinball:.5f}, without four variables {without[-1].pinball:.5f}, "
            f"{month.rows} training rows, {month.cpu_seconds:.1f} CPU s, model {month.megabytes:.1f} MB",
            flush=True,
        )
    scored = [month for month in months if month.task >= FIRST_TASK]
    mean = float(np.mean([month.pinball for month in scored]))
    columns = [f"task_{month.task}" for month in scored]
    print(
        f"\n{'mean pinball loss':<24}"
        + "".join(f"{c.removeprefix('task_'):>9}" for c in columns)
        + f"{'mean':>10}{'ours/it':>9}"
    )
    print(
        f"{'Ona Platform':<24}" + "".join(f"{m.pinball:>9.5f}" for m in scored) + f"{mean:>10.5f}{1:>9.3f}"
    )
    less = [month.pinball for month in without if month.task >= FIRST_TASK]
    print(
        f"{'  without four variables':<24}"
        + "".join(f"{v:>9.5f}" for v in less)
        + f"{np.mean(less):>10.5f}{mean / np.mean(less):>9.3f}"
    )
    for team in [*board.index[:5], "Benchmark - Solar"]:
        values = board.loc[team, columns].astype(float)
        print(
            f"{team:<24}"
            + "".join(f"{v:>9.5f}" for v in values)
            + f"{values.mean():>10.5f}{mean / values.mean():>9.3f}"
        )
    still = [month.persistence for month in scored]
    print(
        f"{'24 h clear-sky persist.':<24}"
        + "".join(f"{v:>9.5f}" for v in still)
        + f"{np.mean(still):>10.5f}{mean / np.mean(still):>9.3f}"
    )
    _intervals(months, scored, levels)
    print(
        "\nfirst hours (measured power of the hours before is used here, and only here), MAE % of capacity"
    )
    print(f"{'hours ahead':>12}{'weather only':>14}{'with nowcast':>14}{'persistence':>13}{'gain':>8}")
    for ahead, alone, with_it, persistence in first_hours(months, levels) if not quick else []:
        print(f"{ahead:>12}{alone:>14.2f}{with_it:>14.2f}{persistence:>13.2f}{1 - with_it / alone:>8.1%}")
    print(f"\nbelow the winner's {WINNER:.5f}: {'yes' if mean < WINNER else 'NO'} (mean {mean:.5f})")
    return 0


def _intervals(months: list[Month], scored: list[Month], levels: tuple[float, ...]) -> None:
    """Coverage in daylight, raw and calibrated; skill of the median."""
    actual, reference, middle = [], [], []
    bounds: dict[str, list[np.ndarray]] = {}
    for number, month in enumerate(months):
        if month not in scored or number == 0:
            continue
        earlier = [m.table for m in months[max(0, number - CALIBRATION_MONTHS) : number]]
        raw = evaluate.quantiles_of(month.table, levels)
        median, calibrated = calibration.intervals(raw, levels, evaluate.factors_of(earlier, levels))
        _, plain = calibration.intervals(raw, levels, calibration.UNCALIBRATED)
        for name, chosen in (("calibrated", calibrated), ("raw", plain)):
            for level in (80, 95):
                bounds.setdefault(f"{name} {level} %", []).append(np.column_stack(chosen[level]))
        actual.append(month.table[TARGET].to_numpy(dtype=float))
        reference.append(month.table["reference"].to_numpy(dtype=float))
        middle.append(median)
    came, before, ours = (np.concatenate(parts) for parts in (actual, reference, middle))
    print(f"\n{'daylight intervals':<20}{'holds %':>10}{'width % of capacity':>22}")
    for name, parts in bounds.items():
        both = np.concatenate(parts)
        holds = 100 * score.coverage(came, both[:, 0], both[:, 1])
        print(f"{name:<20}{holds:>10.2f}{100 * score.sharpness(both[:, 0], both[:, 1]):>22.2f}")
    both = ~np.isnan(before)
    ours_mae, persisted_mae = (score.mean_absolute_error(came[both], v[both]) for v in (ours, before))
    print(
        f"MAE of the median {100 * ours_mae:.2f} %, of 24-hour clear-sky persistence "
        f"{100 * persisted_mae:.2f} % of capacity in daylight: "
        f"skill {score.skill(ours_mae, persisted_mae):.1%}"
    )


if __name__ == "__main__":
    sys.exit(main())
