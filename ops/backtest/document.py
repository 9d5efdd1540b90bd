"""The document of a backtest: `<customer>-<site>.json`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.base import Document


class MethodScore(Document):
    """How far one way to forecast was off; % of capacity. Peers have no intervals."""

    method: str = Field(description="`platform`, or one of the peers")
    mae_percent: float
    bias_percent: float = Field(description="forecast less measured")
    pinball_percent: float = Field(description="at 2.5, 10, 50, 90, 97.5 %; a peer has one value for all")
    coverage_80_percent: float | None = None
    coverage_95_percent: float | None = None
    width_80_percent: float | None = None
    skill: float = Field(description="the platform's: 1 − its error / the method's")


class Period(Document):
    """All methods on the same hours: a month of day-ahead forecasts, or a class of leads."""

    name: str = Field(description="YYYY-MM, or first_hours, day_ahead, two_days")
    hours: int
    history_days: int = Field(description="days with measured power before the period")
    scores: list[MethodScore]


class Verdict(Document):
    """The platform against one peer, day by day. `better` and `worse`: beyond what chance of so many days
    explains (1.96 standard errors of the mean daily difference)."""

    peer: str
    verdict: Literal["better", "worse", "no clear difference"]
    days: int
    gain_percent: float = Field(description="how much smaller the platform's error is, % of the peer's")
    words: str


class BacktestDocument(Document):
    """A site's backtest."""

    customer_id: str
    site_id: str
    kind: Literal["solar", "wind"]
    capacity_kw: float
    made_at: datetime
    first: datetime = Field(description="scored hours end after this (UTC)")
    last: datetime
    step_days: int
    trainings: int
    left_out_hours: int = Field(description="measured hours that a method could not forecast")
    overall: Period
    months: list[Period]
    leads: list[Period]
    verdicts: list[Verdict]
    weather: str = Field(description="what the weather of the history was")
    cpu_seconds: float
