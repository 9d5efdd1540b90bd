"""`python -m benchmarks.forecasting.strangers [--tuning | --held-out] [--history 30,365] …`."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import pickle
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.forecasting.strangers import real, report, runner, sites
from benchmarks.forecasting.strangers.archive import ARCHIVE_LEAD_H
from benchmarks.forecasting.strangers.climates import CLIMATES, Climate
from benchmarks.forecasting.strangers.cloud import configured
from benchmarks.forecasting.strangers.runner import Run
from benchmarks.forecasting.strangers.sites import HALVES, Half

HISTORIES = (7, 30, 90, 180, 365)
QUICK = ("polar", "continental")


def one_climate(
    half: Half, climate: Climate, histories: list[int], chosen: argparse.Namespace
) -> list[Run]:
    """All histories of a half's sites in a climate."""
    until = sites.trained_until(half, climate)
    drawn = sites.draw(half, climate, chosen.sites, chosen.archive_lead)
    return one_case(drawn, until, histories, chosen.days, one_by_one=chosen.later)


def one_case(
    drawn: Sequence[sites.Site | real.RealSite],
    until: datetime,
    histories: list[int],
    most: int,
    *,
    one_by_one: bool = False,
) -> list[Run]:
    """All histories of some sites, asked for `most` days at most."""
    plain = runner.without_model(drawn, until, max(runner.asked_days(h, most) for h in histories))
    runs = []
    for history in histories:
        days = runner.asked_days(history, most)
        run = runner.with_history(drawn, until, history, days, plain, one_by_one=one_by_one)
        runs.append(run)
        for line in report.site_rows(run):
            print(line, flush=True)
    return runs


def main(arguments: list[str] | None = None) -> int:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="the half that methods may be tuned on")
    parser.add_argument(
        "--held-out", action="store_true", help="the half that nobody looks at before the end"
    )
    parser.add_argument("--history", default="", help="days of history, with commas (7,30,90,180,365)")
    parser.add_argument("--climate", default="", help="only these climates, with commas")
    parser.add_argument("--sites", type=int, default=2, help="sites a climate")
    parser.add_argument("--days", type=int, default=runner.YEAR_DAYS, help="days asked at most")
    parser.add_argument(
        "--archive-lead",
        type=float,
        default=ARCHIVE_LEAD_H,
        help="hours' lead of the history's weather (24)",
    )
    parser.add_argument("--seed", type=int, default=0, help="added to the half's seed")
    parser.add_argument("--later", action="store_true", help="sites come one by one, a training after each")
    parser.add_argument(
        "--quick", action="store_true", help="two climates, two sites, 90 days, three weeks"
    )
    parser.add_argument("--real", action="store_true", help="the shared data's real plants instead")
    parser.add_argument("--save", default="", help="keep all hours in this file (pickle)")
    parser.add_argument("--show", nargs="*", default=[], help="only print the tables of such files, as one")
    chosen = parser.parse_args(arguments)
    if chosen.show:
        kept = [run for name in chosen.show for run in pickle.loads(Path(name).read_bytes())]
        print("\n".join(report.sites_table(kept)))
        _print_all(kept)
        return 0
    name = "tuning" if chosen.tuning else "held-out" if chosen.held_out else "reporting"
    half = next(half for half in HALVES if half.name == name)
    half = Half(**{**vars(half), "seed": half.seed + 1000 * chosen.seed})
    histories = [int(days) for days in chosen.history.split(",") if days]
    names = [part for part in chosen.climate.split(",") if part]
    if chosen.quick:
        histories, names = histories or [90], names or list(QUICK)
        chosen.sites, chosen.days = min(chosen.sites, 2), min(chosen.days, 21)
    climates = [climate for climate in CLIMATES if not names or climate.name in names]
    begun = time.process_time()
    print(
        f"half {half.name}, seed {half.seed}, history's weather of {chosen.archive_lead:g} h lead: "
        "errors are % of capacity in daylight\n"
    )
    print("\n".join(report.sites_table([])))
    runs: list[Run] = []
    with configured():
        for case in real.cases() if chosen.real else []:
            runs += one_case(
                case.sites, case.until, histories or list(case.histories), min(case.days, chosen.days)
            )
        for climate in [] if chosen.real else climates:
            runs += one_climate(half, climate, histories or list(HISTORIES), chosen)
    _print_all(runs)
    forecasts, days = sum(run.forecast_seconds for run in runs), sum(run.days for run in runs)
    print(
        f"\n{time.process_time() - begun:.0f} CPU s in all; a forecast with its daily measure "
        f"{1000 * forecasts / max(1, days):.0f} CPU ms"
    )
    if chosen.save:
        Path(chosen.save).write_bytes(pickle.dumps(runs))
    return 0


def _print_all(runs: list[Run]) -> None:
    print("\nBy climate and days of history, means over sites:\n")
    print("\n".join(report.skill_table(runs)))
    print("\nTrainings:\n")
    print("\n".join(report.verdicts(runs)))


if __name__ == "__main__":
    sys.exit(main())
