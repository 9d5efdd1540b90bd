"""Whether a candidate replaces the model in service: both on hours that neither was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.config import TrainingRules
from forecasting.global_training_service.evaluate import pinball_percent, quantiles_of
from forecasting.model import booster, score
from forecasting.model.booster import TARGET
from ona.runtime.words import counted

KEYS = ["site_id", "timestamp"]
"""What an hour of a site is joined by."""


@dataclass(frozen=True)
class OutOfSample:
    """A model's quantiles on hours it was not trained on (`evaluate.forecast_window`), and their levels."""

    table: pd.DataFrame
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Verdict:
    """What becomes of a candidate. `days` were compared; `candidate` and `other` are the losses, % of
    capacity: pinball loss against a model, mean absolute error against persistence."""

    promoted: bool
    reason: str
    days: int
    candidate: float | None
    other: float | None


def judge(candidate: OutOfSample, other: OutOfSample | None, rules: TrainingRules) -> Verdict:
    """The candidate against the model in service, on hours that both have forecast.

    Without a model in service the candidate must beat clear-sky persistence (mean absolute error).
    """
    return _first(candidate) if other is None else _against(candidate, other, rules)


def _first(candidate: OutOfSample) -> Verdict:
    compared = candidate.table[candidate.table["reference"].notna()]
    if compared.empty:
        return Verdict(True, "the first model of this customer; no day to compare on", 0, None, None)
    quantiles = quantiles_of(compared, candidate.levels)
    median = booster.at_levels(quantiles, candidate.levels, np.array([0.5]))[:, 0]
    actual = compared[TARGET].to_numpy(dtype=float)
    own = 100 * score.mean_absolute_error(actual, median)
    reference = 100 * score.mean_absolute_error(actual, compared["reference"].to_numpy(dtype=float))
    days = _days(compared)
    text = f"mean absolute error {own:.2f} % against {reference:.2f} % of clear-sky persistence"
    if own < reference:
        reason = f"the first model of this customer: {text} on {counted(days, 'unseen day')}"
        return Verdict(True, reason, days, own, reference)
    return Verdict(False, f"no better than clear-sky persistence: {text}", days, own, reference)


def _against(candidate: OutOfSample, other: OutOfSample, rules: TrainingRules) -> Verdict:
    common = candidate.table[KEYS].merge(other.table[KEYS], on=KEYS)
    days = _days(common)
    if days < rules.min_unseen_days:
        reason = (
            f"only {counted(days, 'day')} that neither model has seen, {rules.min_unseen_days} are needed"
        )
        return Verdict(False, reason, days, None, None)
    ours = pinball_percent(candidate.table.merge(common, on=KEYS), candidate.levels)
    theirs = pinball_percent(other.table.merge(common, on=KEYS), other.levels)
    gain = 100.0 * (1.0 - ours / theirs) if theirs > 0 else 0.0
    text = f"pinball loss {ours:.3f} % against {theirs:.3f} % of capacity on {counted(days, 'unseen day')}"
    if gain > rules.min_gain_percent:
        return Verdict(True, f"better by {gain:.1f} %: {text}", days, ours, theirs)
    return Verdict(False, f"not better: {text}", days, ours, theirs)


def with_newest_truth(tables: list[pd.DataFrame], frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
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
