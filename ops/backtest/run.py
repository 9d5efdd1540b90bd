"""The whole of a backtest: read, replay, score, write."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from forecasting.config import forecasting_config
from forecasting.model.booster import TARGET
from ona.store.unreadable import Unreadable
from ops.backtest import history, picture, plan, replay, report
from ops.backtest.document import BacktestDocument
from ops.backtest.history import History
from ops.target import OpsError, Target

DRIVERS = {"solar": "ghi_w_m2", "wind": "wind_speed_m_s"}
"""The weather that a kind of site cannot be forecast without."""


@dataclass(frozen=True)
class Asked:
    """What a person asked for: the customer, one site or all, days to score, days between trainings (None:
    by the history's length)."""

    customer_id: str
    site_id: str | None
    days: int
    step_days: int | None


@dataclass(frozen=True)
class Backtest:
    """The documents by site, and why sites were left out."""

    documents: list[BacktestDocument]
    left_out: list[str]


def backtest(
    target: Target,
    asked: Asked,
    now: datetime,
    told: Callable[[int, int], None],
    bad: list[Unreadable],
) -> Backtest:
    """The backtest of a customer's sites. Nothing is written to the cloud.

    Raises OpsError where there is no such customer or site, no weather, or too little history.
    """
    started = time.process_time()
    found = history.load(target, asked.customer_id, now, bad)
    names = [one.site.site_id for one in found]
    if asked.site_id is not None and asked.site_id not in names:
        raise OpsError(f"{asked.customer_id} has no history of site {asked.site_id}; of {', '.join(names)}")
    left_out = [words for one in found if (words := _why_not(one))]
    able = [one for one in found if not _why_not(one)]
    chosen = [one for one in able if asked.site_id in (None, one.site.site_id)]
    if not chosen:
        raise OpsError("; ".join(left_out))
    settings = forecasting_config()
    measured = [one.hours.index[one.hours[TARGET].notna()] for one in chosen]
    planned = plan.origins(
        min(hours.min() for hours in measured),
        max(hours.max() for hours in measured),
        asked_days=asked.days,
        step_days=asked.step_days,
        min_days=settings.training.min_days,
    )
    rows = replay.replay(able, planned, settings, told, {one.site.site_id for one in chosen})
    basis = report.Basis(planned, planned.step_days, now, time.process_time() - started)
    documents = []
    for one in chosen:
        own = rows[rows["site_id"] == one.site.site_id] if len(rows) else rows
        try:
            documents.append(report.document(one, own, basis))
        except OpsError as error:
            left_out.append(str(error))
    if not documents:
        raise OpsError("; ".join(left_out))
    return Backtest(documents, left_out)


def _why_not(one: History) -> str:
    """Why a site cannot be replayed; empty where it can."""
    driver = DRIVERS[one.site.kind]
    if driver not in one.hours or not one.hours[driver].notna().any():
        return (
            f"{one.site.site_id}: its history has no weather ({driver}), so nothing could be forecast; "
            "the report of its upload says why: docs/forecasting.md#weather"
        )
    return ""


def write(found: BacktestDocument, folder: Path) -> tuple[Path, Path]:
    """The document and its picture in a folder of this machine; the paths of both."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", f"{found.customer_id}-{found.site_id}")
    document, drawing = folder / f"{stem}.json", folder / f"{stem}.svg"
    document.write_text(json.dumps(found.document(), indent=1) + "\n", "utf-8")
    drawing.write_text(picture.drawn(found), "utf-8")
    return document, drawing
