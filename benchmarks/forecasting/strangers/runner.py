"""Runs: a customer is trained on so many days of history, then asked day by day, beside the peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from benchmarks.forecasting.strangers import box, peers
from benchmarks.forecasting.strangers.cloud import talking_to
from benchmarks.forecasting.strangers.real import RealSite
from benchmarks.forecasting.strangers.sites import Site

ASKED_DAYS = 30
"""Days asked after a history of less than a year."""
YEAR_DAYS = 182
"""Days asked after a year: intervals are judged on six months."""
MONTH_DAYS = 30.34
"""A single month, for the coverage of single months."""


@dataclass(frozen=True)
class Run:
    """All hours of a customer with one history: see `_rows` for the columns; trainings, CPU seconds."""

    history: int
    rows: pd.DataFrame
    trained: list[box.Trained]
    forecast_seconds: float
    days: int


def asked_days(history: int, most: int) -> int:
    """Days asked after a history of so many days."""
    return min(most, YEAR_DAYS if history >= 365 else ASKED_DAYS)


def without_model(sites: Sequence[Site | RealSite], until: datetime, days: int) -> dict[str, pd.DataFrame]:
    """The platform's forecasts for customers who have sent no history: telemetry and weather only."""
    customer = box.Customer("nobody")
    out = {}
    with talking_to(customer.cloud):
        for site in sites:
            customer.register(site)
            out[site.name] = box.ask(customer, site, until, days).table
    return out


def with_history(
    sites: Sequence[Site | RealSite],
    until: datetime,
    history: int,
    days: int,
    plain: dict[str, pd.DataFrame],
    *,
    one_by_one: bool = False,
) -> Run:
    """A customer with so many days of history. `plain`: `without_model` of the same days.

    `one_by_one`: a training after each site's upload, as it comes; else one after all of them.
    """
    customer = box.Customer(f"stranger-{history}")
    trained, parts, seconds = [], [], 0.0
    with talking_to(customer.cloud):
        for number, site in enumerate(sites):
            customer.register(site)
            key = customer.upload(site, until, history)
            if one_by_one or number == len(sites) - 1:
                trained.append(customer.train(key, until + timedelta(minutes=number)))
        for site in sites:
            served = box.ask(customer, site, until, days)
            seconds += served.seconds
            parts.append(_rows(site, served.table, plain[site.name], history, until))
    return Run(history, pd.concat(parts, ignore_index=True), trained, seconds, days * len(sites))


def _rows(
    site: Site | RealSite, served: pd.DataFrame, plain: pd.DataFrame, history: int, until: datetime
) -> pd.DataFrame:
    """Daylight hours that were measured: site, month, truth, what was served, the peers."""
    hours = pd.DatetimeIndex(served.index)
    weather = _weather(site, hours)
    known = peers.every(site, hours, weather, history, pd.Timestamp(until))
    truth = site.share.reindex(hours)
    table = served.assign(
        site=site.name,
        history=history,
        month=((hours - pd.Timestamp(until)).total_seconds() / 86400.0 // MONTH_DAYS).astype(int),
        truth=truth,
    )
    for name in known:
        table[f"peer_{name}"] = known[name]
    table["peer_no_model"] = plain["median"].reindex(hours)
    for name in box.COLUMNS:
        table[f"plain_{name}"] = plain[name].reindex(hours)
    use = peers.daylight(site, hours) & truth.notna().to_numpy()
    names = [name for name in table if name.startswith("peer_")]
    use &= table[names].notna().all(axis=1).to_numpy()
    return table.rename_axis("hour").reset_index()[use]


def _weather(site: Site | RealSite, hours: pd.DatetimeIndex) -> pd.DataFrame:
    """The weather forecasts that were issued for each of the days, as one frame."""
    parts = []
    for start in sorted(set((hours - pd.Timedelta(minutes=30)).floor("D"))):
        frame = site.forecast_of_weather((start - box.ISSUED).floor("h"))
        parts.append(frame[(frame.index > start) & (frame.index <= start + pd.Timedelta(days=1))])
    return pd.concat(parts)
