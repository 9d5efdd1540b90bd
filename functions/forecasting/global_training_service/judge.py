"""What becomes of a candidate, site by site: on hours of that site that neither side was trained on.

A site served by a model: the candidate must have a lower pinball loss than that model, and must not lose to
physics before any training. A site without a model: the candidate must be better than that physics (mean
absolute error). 24-hour clear-sky persistence stands beside them in the reason; it keeps no candidate out.
Where physics is unknown persistence decides. With fewer unseen days than the rules ask for the candidate
waits. What is served is the average of experts (`model/experts.py`): judging that average instead kept out
three of four good candidates whose unseen days were of winter (docs/decisions/0038).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.config import TrainingRules
from forecasting.documents import PHYSICS, SiteVerdict
from forecasting.global_training_service.evaluate import pinball_percent, quantiles_of
from forecasting.model import booster, physics, score
from forecasting.model.booster import TARGET
from ona.runtime.words import counted

KEYS = ["site_id", "timestamp"]
"""What an hour of a site is joined by."""
RIVALS = {"physics": "physics", "reference": "clear-sky persistence"}
"""What needs no training: the column of an out-of-sample table, and its name in words."""
TOLERANCE = 1.01
"""A model may be so much worse than what needs no training (mean absolute error) before it is no longer
"never worse": differences below are of a few hours. Ours."""


@dataclass(frozen=True)
class OutOfSample:
    """A model's quantiles on hours it was not trained on (`evaluate.forecast_window`), and their levels."""

    table: pd.DataFrame
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Incumbent:
    """What serves a site today: a version with its forecasts out of sample, or physics without any."""

    version: str = PHYSICS
    forecasts: OutOfSample | None = None


def judge(
    candidate: OutOfSample, sites: Mapping[str, Incumbent], rules: TrainingRules
) -> dict[str, SiteVerdict]:
    """The candidate at each site, against what serves that site. `candidate.table` has `physics` too
    (`with_physics`)."""
    table = candidate.table
    return {
        site_id: _at_site(
            OutOfSample(table[table["site_id"] == site_id], candidate.levels), incumbent, rules
        )
        for site_id, incumbent in sites.items()
    }


def _at_site(candidate: OutOfSample, incumbent: Incumbent, rules: TrainingRules) -> SiteVerdict:
    other = incumbent.forecasts
    if other is None:
        return _against_simple(candidate, incumbent.version, rules)
    return _against_model(candidate, incumbent.version, other, rules)


def _against_simple(candidate: OutOfSample, served: str, rules: TrainingRules) -> SiteVerdict:
    """Against physics, on the hours that physics and persistence know."""
    table = candidate.table
    compared = table[table[list(RIVALS)].notna().any(axis=1)]
    days = _days(compared)
    if days < rules.min_unseen_days:
        return _waits(served, days, rules, "that the model has not seen")
    errors = _errors(OutOfSample(compared, candidate.levels))
    own, best = max(mine for mine, _ in errors.values()), min(theirs for _, theirs in errors.values())
    text = f"mean absolute error {own:.2f} % of capacity against {_named(errors)}"
    better = {name: mine < theirs for name, (mine, theirs) in errors.items()}
    if better.get("physics", all(better.values())):
        than = "what needs no training" if all(better.values()) else "physics before any training"
        reason = f"better than {than}: {text} on {counted(days, 'unseen day')}"
        return _verdict("promoted", reason, days, served, own, best)
    reason = f"no better than what needs no training: {text} on {counted(days, 'unseen day')}"
    return _verdict("kept", reason, days, served, own, best)


def _against_model(
    candidate: OutOfSample, served: str, other: OutOfSample, rules: TrainingRules
) -> SiteVerdict:
    """Against the model in service, on hours that both have forecast unseen."""
    common = candidate.table[KEYS].merge(other.table[KEYS], on=KEYS)
    days = _days(common)
    if days < rules.min_unseen_days:
        return _waits(served, days, rules, "that neither model has seen")
    mine = OutOfSample(candidate.table.merge(common, on=KEYS), candidate.levels)
    theirs = OutOfSample(_with_rivals(other.table.merge(common, on=KEYS), mine.table), other.levels)
    own, losing = pinball_percent(mine.table, mine.levels), pinball_percent(theirs.table, theirs.levels)
    gain = 100.0 * (1.0 - own / losing) if losing > 0 else 0.0
    text = f"pinball loss {own:.3f} % against {losing:.3f} % of capacity on {counted(days, 'unseen day')}"
    if gain > rules.min_gain_percent and not _loses(_of_physics(mine)):
        return _verdict("promoted", f"better by {gain:.1f} %: {text}", days, served, own, losing)
    errors = _of_physics(theirs)
    if _loses(errors):
        [(model_error, physics_error)] = errors.values()
        reason = (
            f"the model in service had a mean absolute error of {model_error:.2f} % of capacity, physics "
            f"{physics_error:.2f} % on {counted(days, 'unseen day')}, and the candidate is no better"
        )
        return _verdict("withdrawn", reason, days, served, own, losing)
    if gain > rules.min_gain_percent:
        reason = f"better than the model in service, and worse than {_named(_of_physics(mine))}: {text}"
        return _verdict("kept", reason, days, served, own, losing)
    return _verdict("kept", f"not better: {text}", days, served, own, losing)


def _verdict(
    decision: Literal["promoted", "kept", "withdrawn"],
    reason: str,
    days: int,
    served: str,
    own: float | None,
    other: float | None,
) -> SiteVerdict:
    return SiteVerdict(
        decision=decision, reason=reason, days=days, against=served, candidate=own, other=other
    )


def _waits(served: str, days: int, rules: TrainingRules, which: str) -> SiteVerdict:
    reason = f"only {counted(days, 'day')} {which}, {rules.min_unseen_days} are needed"
    return _verdict("kept", reason, days, served, None, None)


def _errors(forecasts: OutOfSample) -> dict[str, tuple[float, float]]:
    """Mean absolute errors, % of capacity: the model's and the rival's over the hours that the rival knows,
    by rival."""
    table, levels = forecasts.table, forecasts.levels
    median = booster.at_levels(quantiles_of(table, levels), levels, np.array([0.5]))[:, 0]
    actual = table[TARGET].to_numpy(dtype=float)
    found = {}
    for column in RIVALS:
        rival = table[column].to_numpy(dtype=float)
        known = ~np.isnan(rival)
        if known.any():
            mine = score.mean_absolute_error(actual[known], median[known])
            found[column] = (100 * mine, 100 * score.mean_absolute_error(actual[known], rival[known]))
    return found


def _of_physics(forecasts: OutOfSample) -> dict[str, tuple[float, float]]:
    """The same of physics alone; of persistence where physics is unknown."""
    errors = _errors(forecasts)
    return {"physics": errors["physics"]} if "physics" in errors else errors


def _loses(errors: Mapping[str, tuple[float, float]]) -> bool:
    return any(mine > TOLERANCE * theirs for mine, theirs in errors.values())


def _named(errors: Mapping[str, tuple[float, float]]) -> str:
    return " and ".join(f"{theirs:.2f} % of {RIVALS[name]}" for name, (_, theirs) in errors.items())


def _with_rivals(table: pd.DataFrame, of: pd.DataFrame) -> pd.DataFrame:
    """A table with the rivals' forecasts of another one for the same hours."""
    return table.drop(columns=[*RIVALS], errors="ignore").merge(of[[*KEYS, *RIVALS]], on=KEYS)


def with_physics(
    table: pd.DataFrame, frames: Mapping[str, pd.DataFrame], kinds: Mapping[str, Literal["solar", "wind"]]
) -> pd.DataFrame:
    """An out-of-sample table with what physics without any training says (column `physics`, a share).

    `frames`: features by site; `kinds`: what each site is.
    """
    known = [
        pd.DataFrame(
            {
                "site_id": site_id,
                "timestamp": frame.index,
                "physics": physics.share(frame, physics.default(kinds[site_id])),
            }
        )
        for site_id, frame in frames.items()
        if site_id in kinds
    ]
    rest = table.drop(columns="physics", errors="ignore")
    return rest.merge(pd.concat(known, ignore_index=True), on=KEYS, how="left")


def with_newest_truth(tables: list[pd.DataFrame], frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Out-of-sample tables as one, with the power that the newest upload says.

    The newest upload's truth stands for both models, also where an upload corrected an older one.
    """
    table = pd.concat(tables, ignore_index=True).drop_duplicates(KEYS, keep="last")
    truth = pd.concat(
        [frame[[TARGET]].assign(site_id=name, timestamp=frame.index) for name, frame in frames.items()],
        ignore_index=True,
    )
    renewed = table.drop(columns=TARGET).merge(truth, on=KEYS)
    return renewed[renewed[TARGET].notna()]


def _days(table: pd.DataFrame) -> int:
    return int(pd.DatetimeIndex(table["timestamp"]).floor("D").nunique())
