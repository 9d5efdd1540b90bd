"""When a backtest trains: rolling origins over the last days of a history.

>>> import pandas as pd
>>> first, last = (pd.Timestamp(text, tz="UTC") for text in ("2025-01-01 08:00", "2025-03-31 17:00"))
>>> rolled = origins(first, last, asked_days=60, step_days=20, min_days=7)
>>> [f"{moment:%m-%d}" for moment in rolled.trained], f"{rolled.scored_after:%m-%d}"
(['01-11', '01-31', '02-20', '03-12'], '01-31')
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ona.runtime.words import counted
from ops.target import OpsError

LONGEST_STEP = 30
"""Days between two trainings at most, where nobody asks for others. As a training's windows (ours)."""
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """Moments of the trainings; from when on forecasts are scored; the end. The days before the scoring
    begins only set weights and the width of intervals, as a training's windows do."""

    trained: tuple[pd.Timestamp, ...]
    scored_after: pd.Timestamp
    until: pd.Timestamp
    step_days: int

    def window(self, number: int) -> tuple[pd.Timestamp, pd.Timestamp]:
        """(after, until] of what one training's model forecasts."""
        after = (*self.trained, self.until)
        return after[number], after[number + 1]


def origins(
    first: pd.Timestamp, last: pd.Timestamp, *, asked_days: int, step_days: int | None, min_days: int
) -> Plan:
    """The plan for a history with measured hours from `first` to `last`.

    `asked_days`: so many last days are scored, fewer where there are fewer; `step_days`: between trainings;
    None: a tenth of the history, 30 at most; `min_days`: days that the first training needs. Raises
    OpsError where there is too little history.
    """
    begin, until = (first - pd.Timedelta(hours=1)).floor("D"), last.ceil("D")
    days = (until - begin) // DAY
    step = step_days or max(1, min(LONGEST_STEP, days // 10))
    needed = min_days + 2 * step
    if days < needed:
        raise OpsError(
            f"too little history: {counted(days, 'day')} from {begin:%Y-%m-%d} on; {needed} are needed: "
            f"{min_days} to train on, {step} that set the intervals, {step} to score. "
            f"Upload more history{', or ask for a smaller --step' if step > 1 else ''}"
        )
    scored = max(until - asked_days * DAY, begin + (min_days + step) * DAY)
    steps = range(-1, -(-((until - scored) // DAY) // step))
    return Plan(tuple(scored + number * step * DAY for number in steps), scored, until, step)
