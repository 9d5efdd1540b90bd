"""A backtest's rows as scores and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting.model import calibration, score
from forecasting.model.booster import TARGET
from ona.runtime.words import counted
from ops.backtest.document import BacktestDocument, MethodScore, Period, Verdict
from ops.backtest.history import History
from ops.backtest.peers import PEERS
from ops.backtest.plan import Plan
from ops.backtest.replay import LEADS
from ops.target import OpsError

HOUR = pd.Timedelta(hours=1)
CLEAR = 1.96
"""Standard errors beyond which a difference is no chance (two-sided, 5 %)."""
MIN_DAYS = 5
"""Days that a verdict needs. Ours."""
WEATHER = (
    "Weather is that of the stored history. Where the provider keeps them, these are forecasts made a day "
    "ahead; the first hours are then a little harsher, and two days a little kinder, than in service. "
    "Measured weather would make all of them too kind, and those of physics too."
)
"""What a reader must know of the weather."""


@dataclass(frozen=True)
class Basis:
    """What a document tells beside the scores."""

    plan: Plan
    step_days: int
    made_at: datetime
    cpu_seconds: float


def document(history: History, rows: pd.DataFrame, basis: Basis) -> BacktestDocument:
    """The document of one site from its rows (`replay.replay`). Raises OpsError where none can be
    scored."""
    site, plan = history.site, basis.plan
    scored = rows[(rows["hour"] > plan.scored_after) & rows["lit"].astype(bool)] if len(rows) else rows
    if not len(scored):
        raise OpsError(f"{site.site_id}: no measured hour with weather in the days that were replayed")
    known = scored[list(PEERS)].notna().all(axis=1)
    used = scored[known]
    ahead = used[used["lead"] == "day_ahead"]
    if not len(ahead):
        raise OpsError(f"{site.site_id}: no hour that all methods could forecast a day ahead")
    measured = pd.DatetimeIndex(history.hours.index[history.hours[TARGET].notna()])
    months = (pd.DatetimeIndex(ahead["hour"]) - pd.Timedelta(hours=1)).strftime("%Y-%m")
    return BacktestDocument(
        customer_id=site.customer_id,
        site_id=site.site_id,
        kind=site.kind,
        capacity_kw=site.capacity_kw,
        made_at=basis.made_at,
        first=plan.scored_after.to_pydatetime(),
        last=plan.until.to_pydatetime(),
        step_days=basis.step_days,
        trainings=len(plan.trained),
        left_out_hours=int((~known & (scored["lead"] == "day_ahead")).sum()),
        overall=_period("all", ahead, measured),
        months=[_period(str(name), part, measured) for name, part in ahead.groupby(months)],
        leads=[_period(name, part, measured) for name in LEADS if len(part := used[used["lead"] == name])],
        verdicts=verdicts(ahead),
        weather=WEATHER,
        cpu_seconds=round(basis.cpu_seconds, 1),
    )


def _period(name: str, rows: pd.DataFrame, measured: pd.DatetimeIndex) -> Period:
    first, *days = ((hours - HOUR).floor("D") for hours in (rows["hour"].min(), measured))
    return Period(
        name=name,
        hours=len(rows),
        history_days=int(days[0][days[0] < first].nunique()),
        scores=[_platform(rows), *(_peer(rows, peer) for peer in PEERS)],
    )


def _platform(rows: pd.DataFrame) -> MethodScore:
    actual, median = rows[TARGET].to_numpy(), rows["median"].to_numpy()
    ends = {name: rows[name].to_numpy() for name in ("low95", "low80", "high80", "high95")}
    served = np.column_stack([ends["low95"], ends["low80"], median, ends["high80"], ends["high95"]])
    return MethodScore(
        method="platform",
        mae_percent=_percent(np.abs(actual - median).mean()),
        bias_percent=_percent((median - actual).mean()),
        pinball_percent=_percent(score.pinball(actual, served, np.array(calibration.REFERENCE))),
        coverage_80_percent=_percent(score.coverage(actual, ends["low80"], ends["high80"])),
        coverage_95_percent=_percent(score.coverage(actual, ends["low95"], ends["high95"])),
        width_80_percent=_percent(score.sharpness(ends["low80"], ends["high80"])),
        skill=0.0,
    )


def _peer(rows: pd.DataFrame, peer: str) -> MethodScore:
    actual, said = rows[TARGET].to_numpy(), rows[peer].to_numpy()
    error, own = np.abs(actual - said).mean(), np.abs(actual - rows["median"].to_numpy()).mean()
    everywhere = np.tile(said[:, None], (1, len(calibration.REFERENCE)))
    return MethodScore(
        method=peer,
        mae_percent=_percent(error),
        bias_percent=_percent((said - actual).mean()),
        pinball_percent=_percent(score.pinball(actual, everywhere, np.array(calibration.REFERENCE))),
        skill=round(score.skill(float(own), float(error)), 4) if error > 0 else 0.0,
    )


def _percent(share: float) -> float:
    return round(100.0 * float(share), 3)


def verdicts(rows: pd.DataFrame) -> list[Verdict]:
    """The platform against each peer, by the mean absolute errors of each day."""
    day = (pd.DatetimeIndex(rows["hour"]) - pd.Timedelta(hours=1)).floor("D")
    own = (rows["median"] - rows[TARGET]).abs()
    found = []
    for peer, name in PEERS.items():
        theirs = (rows[peer] - rows[TARGET]).abs()
        by_day = (own - theirs).groupby(day).mean().to_numpy()
        days = len(by_day)
        error = float(by_day.std(ddof=1)) / np.sqrt(days) if days > 1 else float("inf")
        gain = 100.0 * score.skill(float(own.mean()), float(theirs.mean())) if theirs.mean() > 0 else 0.0
        is_clear = days >= MIN_DAYS and abs(float(by_day.mean())) > CLEAR * error
        verdict = "no clear difference" if not is_clear else "better" if by_day.mean() < 0 else "worse"
        found.append(
            Verdict.model_validate(
                {
                    "peer": peer,
                    "verdict": verdict,
                    "days": days,
                    "gain_percent": round(gain, 2),
                    "words": _words(verdict, name, gain, days),
                }
            )
        )
    return found


def _words(verdict: str, name: str, gain: float, days: int) -> str:
    """A verdict as a sentence.

    >>> _words("better", "24-hour persistence", 41.26, 90)
    'better than 24-hour persistence: its error is 41.3 % smaller, over 90 days'
    """
    size = f"its error is {abs(gain):.1f} % {'smaller' if gain >= 0 else 'larger'}"
    if verdict == "no clear difference":
        return f"no clear difference to {name}: {size}, which {counted(days, 'day')} may show by chance"
    return f"{verdict} than {name}: {size}, over {counted(days, 'day')}"
