"""The training dataset of a customer: hourly tables of all uploads, planes fitted, features built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd

from forecasting.config import TrainingRules
from forecasting.documents import Fitted, SiteDocument
from forecasting.global_training_service import capacities
from forecasting.model.booster import TARGET
from forecasting.model.features import Site, build
from ona.sky import plane_fit
from ona.sky.plane import Plane
from ona.sky.weather_document import VARIABLES

YEAR_DAYS = 350
"""Days of history with which every season has been seen: whole months of it are judged. Ours."""
BLOCK_DAYS = 29
"""Days of a judged month; a year has twelve. Ours."""
REFERENCE = "clear_poa"
"""Kept beside the features: what clear-sky persistence scales by."""


def merge(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Hourly tables of one site, oldest upload first, as one: of an hour that
    stands in two uploads the newer one counts."""
    joined = pd.concat(tables, ignore_index=True)
    joined = joined.drop_duplicates("timestamp", keep="last").sort_values("timestamp")
    return joined.set_index(pd.DatetimeIndex(joined["timestamp"]).as_unit("us")).drop(columns="timestamp")


def site_frames(
    sites: list[tuple[SiteDocument, list[pd.DataFrame]]],
) -> tuple[dict[str, pd.DataFrame], list[Fitted]]:
    """Features and share by site, and what each site was fitted to; a site without weather is left out, and
    one of which no hour can train.

    `sites`: each site with its hourly tables, the oldest upload first.
    """
    frames, fitted = {}, []
    for document, tables in sites:
        trainable = site_frame(document, merge(capacities.of_newest(tables)))
        if trainable is not None and usable(trainable[0]).any():
            frames[document.site_id] = trainable[0]
            fitted.append(trainable[1])
    return frames, fitted


def last_hour(frames: Mapping[str, pd.DataFrame]) -> datetime:
    """The last hour that trains, of all sites."""
    last: pd.Timestamp = max(frame.index[usable(frame).to_numpy()].max() for frame in frames.values())
    return last.to_pydatetime()


def site_frame(document: SiteDocument, table: pd.DataFrame) -> tuple[pd.DataFrame, Fitted] | None:
    """Features and share of one site, its plane fitted where nobody wrote it down; None without weather."""
    driver = "ghi_w_m2" if document.kind == "solar" else "wind_speed_m_s"
    if driver not in table or not table[driver].notna().any():
        return None
    whole = pd.date_range(table.index[0], table.index[-1], freq="h", unit="us")
    table = table.reindex(whole)
    weather = table[[name for name in VARIABLES if name in table]]
    share = table["share"].astype(float)
    explains = None
    if document.kind == "solar" and (document.tilt is None or document.azimuth is None):
        place, explains = plane_fit.fit(weather, share, document.latitude, document.longitude)
    else:
        place = Plane(document.latitude, document.longitude, document.tilt or 0.0, document.azimuth or 0.0)
    site = Site(document.site_id, place, document.capacity_kw, document.kind)
    frame = build(weather, site)
    frame[TARGET] = share
    measured = frame[TARGET].notna() & frame["daylight"]
    days = float(pd.DatetimeIndex(frame.index[share.notna()]).floor("D").nunique())
    fitted = Fitted(
        site=document,
        tilt=round(place.tilt, 2),
        azimuth=round(place.azimuth, 2),
        plane_explains=round(explains, 4) if explains is not None else None,
        days=days,
        rows=int(measured.sum()),
    )
    return frame, fitted


def usable(frame: pd.DataFrame) -> pd.Series:
    """Rows that train: daylight, measured, with weather."""
    driver = frame["poa"] if "poa" in frame else frame["wind_speed_m_s"]
    return frame["daylight"] & frame[TARGET].notna() & driver.notna()


def rows_of(frames: Mapping[str, pd.DataFrame]) -> int:
    """The rows of all sites that train."""
    return sum(int(usable(frame).sum()) for frame in frames.values())


def thinned(frames: Mapping[str, pd.DataFrame], limit: int) -> int:
    """Every how many-th training row must be taken to stay below a limit."""
    return max(1, math.ceil(rows_of(frames) / limit))


def windows(frames: Mapping[str, pd.DataFrame], rules: TrainingRules) -> list[tuple[datetime, datetime]]:
    """The rolling-origin windows (after, until], the last ones of the data; shorter where there is little.

    A window never takes more than a tenth of the days, so that what comes before it can train.
    """
    ends = [frame.index[usable(frame).to_numpy()].max() for frame in frames.values()]
    starts = [frame.index[usable(frame).to_numpy()].min() for frame in frames.values()]
    last, first = max(ends), min(starts)
    total = (last - first).days + 1
    days = max(1, min(rules.fold_days, total // 10))
    until = pd.Timestamp(last).ceil("D")
    spans = []
    for number in range(rules.folds):
        end = until - pd.Timedelta(days=days * (rules.folds - 1 - number))
        spans.append(((end - pd.Timedelta(days=days)).to_pydatetime(), end.to_pydatetime()))
    return spans


def blocks(
    frames: Mapping[str, pd.DataFrame], rules: TrainingRules
) -> list[list[tuple[datetime, datetime]]]:
    """With a year of data or more: the last year's months, dealt to the windows in turn, so that each
    window holds months of all seasons. Less data has none: its windows are the last ones (`windows`).
    """
    ends = [frame.index[usable(frame).to_numpy()].max() for frame in frames.values()]
    starts = [frame.index[usable(frame).to_numpy()].min() for frame in frames.values()]
    until = pd.Timestamp(max(ends)).ceil("D")
    if (until - min(starts)).days < YEAR_DAYS:
        return []
    cuts = [
        until - pd.Timedelta(days=BLOCK_DAYS * number) for number in range(YEAR_DAYS // BLOCK_DAYS, -1, -1)
    ]
    months = [(a.to_pydatetime(), b.to_pydatetime()) for a, b in pairwise(cuts)]
    return [months[number :: rules.folds] for number in range(rules.folds)]


def aligned(
    frames: Mapping[str, pd.DataFrame],
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.Timedelta]]:
    """Frames as if all sites' data ended on the same day, and by how many days each was moved.

    So each site is judged on its own last days, also one whose history ends long before the others'.
    """
    ends = {name: frame.index[usable(frame).to_numpy()].max() for name, frame in frames.items()}
    last = max(ends.values(), default=pd.NaT)
    moved = {name: pd.Timedelta(days=(last - end).days) for name, end in ends.items()}
    return {name: frame.set_axis(frame.index + moved[name]) for name, frame in frames.items()}, moved


def stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All sites in one table with `site_id` and `timestamp`; floats halved, they are features."""
    parts = []
    for site_id, frame in frames.items():
        part = frame.copy()
        floats = part.select_dtypes("float").columns
        part[floats] = part[floats].astype(np.float32)
        part.insert(0, "site_id", site_id)
        part.insert(1, "timestamp", part.index)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def unstacked(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The reverse of `stacked`: a column without a value at a site is of others, as wind has no sun."""
    frames = {}
    for site_id, part in table.groupby("site_id", sort=True):
        body = part.drop(columns=["site_id", "timestamp"]).dropna(axis=1, how="all")
        body = body.set_index(pd.DatetimeIndex(part["timestamp"]))
        body["daylight"] = body["daylight"].astype(bool)
        frames[str(site_id)] = body
    return frames


def sample(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most so many rows, always the same ones."""
    return table if len(table) <= rows else table.sample(rows, random_state=seed).sort_index()
