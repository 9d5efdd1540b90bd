"""One site's forecast: the model where there is one and weather where there is some, else what is left.

Pure: pandas is imported here and nowhere on the way to a stored forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.documents import SiteDocument
from forecasting.forecasting_api.fallbacks import persisted, physical, usual
from forecasting.model import calibration, capacity, experts, features, light, nowcast, physics
from forecasting.model.booster import TARGET
from forecasting.model.calibration import Bounds, Day
from forecasting.model.experts import Heard
from forecasting.model.features import Site, site_of
from forecasting.model.nowcast import Persistence
from forecasting.model.registry import InService
from ona.sky.sun import Floats

LEAD_HOURS = 2
"""Hours of weather before the first one: a feature looks so far back (`features.NEIGHBOUR_HOURS`)."""
Source = Literal["model", "physical", "usual"]
"""What made a forecast; each has measured days of its own."""
SOURCES: tuple[Source, ...] = ("model", "physical", "usual")
MIN_PAST_HOURS = 3
"""Hours before now that are predicted at least, for the error of the newest measured hour."""


@dataclass(frozen=True)
class Inputs:
    """What there is for a forecast; nothing of it must be.

    `weather`: hourly weather frame that should reach from two days ago to the horizon's end; `measured`:
    hourly shares of recent days; `days`: measured days by what had made their forecast; `heard`: what the
    experts missed on the newest days.
    """

    model: InService | None = None
    weather: pd.DataFrame | None = None
    measured: pd.Series | None = None
    days: Mapping[Source, Sequence[Day]] = field(default_factory=dict)
    heard: Sequence[Heard] = ()


@dataclass(frozen=True)
class Spoken:
    """An expert's weight in a forecast, and its medians, shares of capacity, shape (n,); NaN where it is
    silent."""

    weight: float
    median: Floats


@dataclass(frozen=True)
class Prediction:
    """Hours to come (UTC, interval's end) with shares of capacity, and names of what was missing.

    `raw`: the forecast before its calibration, shape (n, 5), and what made it; NaN in hours that something
    else made. `instead`: the same of what would have been served without the model. `experts`: whose
    average it is. `nowcast_at`: the measured hour whose error was carried into the first hours, or None.
    """

    hours: pd.DatetimeIndex
    median: Floats
    bounds: Bounds
    weather: pd.DataFrame
    site: Site
    degraded: list[str]
    nowcast_at: datetime | None
    raw: Floats
    source: Source
    instead: Mapping[Source, Floats] = field(default_factory=dict)
    experts: Mapping[str, Spoken] = field(default_factory=dict)


def predict(
    document: SiteDocument, inputs: Inputs, now: datetime, hours: int, nowcast_hours: int
) -> Prediction:
    """Forecast the `hours` that begin with the next full hour.

    `nowcast_hours`: how old the newest measured hour may be to correct the first hours. What is missing is
    named in `degraded`, never an error.
    """
    model, weather = inputs.model, inputs.weather
    site = site_of(document, model.own_site if model is not None else None)
    first = pd.Timestamp(now).ceil("h")
    index = pd.date_range(first + pd.Timedelta(hours=1), periods=hours, freq="h", unit="us")
    driver = "ghi_w_m2" if site.kind == "solar" else "wind_speed_m_s"
    if weather is None or driver not in weather or weather[driver].reindex(index).isna().all():
        return _without_weather(site, index, inputs, first)
    begin = first - pd.Timedelta(hours=max(nowcast_hours, MIN_PAST_HOURS) + LEAD_HOURS)
    frame = weather.reindex(pd.date_range(begin, index[-1], freq="h", unit="us"))
    unknown = frame[driver].isna().to_numpy()
    table = features.build(frame, site)
    future = np.asarray(table.index.isin(index))
    missing = unknown[future]
    degraded = ["weather_ends_early"] if missing.any() else []
    said, corrected = _said(site, table, unknown, inputs, now)
    degraded += ["capacity_changed"] if corrected else []
    without = experts.weights(experts.WITHOUT_MODEL, inputs.heard)
    physical_raw = experts.combined(said, without)
    source: Source = "physical"
    raw, by_name, nowcast_at = physical_raw, without, None
    instead = dict[Source, Floats]()
    if model is None:
        degraded = [*degraded, "no_model"]
    else:
        source, instead["physical"] = "model", physical_raw[future]
        by_name = experts.weights(_before_heard(model, site, index), inputs.heard)
        raw, nowcast_at = _corrected(
            model, experts.combined(said, by_name), table, site, inputs.measured, now, nowcast_hours
        )
    spoken = {name: Spoken(by_name[name], said[name][future, 2]) for name in by_name}
    median, bounds = _calibrated(np.nan_to_num(raw[future]), source, inputs)
    prediction = Prediction(
        hours=index,
        median=median,
        bounds=bounds,
        weather=frame.reindex(index),
        site=site,
        degraded=degraded,
        nowcast_at=nowcast_at,
        raw=raw[future],
        source=source,
        instead=instead,
        experts=spoken,
    )
    return _with_usual(prediction, missing, inputs, first) if missing.any() else prediction


def _before_heard(model: InService, site: Site, index: pd.DatetimeIndex) -> dict[str, float]:
    """Weights of before any day is known, where a model serves: less of it on a day whose light its
    training has hardly seen. The day is that of the middle of the hours."""
    kept, asked = 1.0, index[len(index) // 2].date()
    if site.kind == "solar":
        kept = light.kept(site.plane.latitude, model.trained_until, model.own_site.days, asked)
    return experts.with_model(model.model.weight_of_trees(site.site_id), kept)


def _said(
    site: Site, table: pd.DataFrame, unknown: NDArray[np.bool_], inputs: Inputs, now: datetime
) -> tuple[dict[str, Floats], bool]:
    """What each expert says at the hours of a feature table, shape (n, 5); NaN where it is silent, and for
    all of them where the weather is `unknown`, shape (n,). And whether the model was brought to another
    capacity than that of its training."""
    model, index = inputs.model, pd.DatetimeIndex(table.index)
    weather = inputs.weather if inputs.weather is not None else pd.DataFrame()
    recent = own_physics(site, weather, inputs.measured, now)
    said = {
        experts.RECENT: physical(table, index, recent),
        experts.PERSISTED: persisted(site, index, inputs.measured, pd.Timestamp(now)),
    }
    factor = 1.0
    if model is not None:
        parts, levels = model.model.parts(table, site.site_id), model.model.levels
        own = calibration.reference(parts.physics, levels)
        recent_days = said[experts.RECENT][:, 2] if inputs.measured is not None else None
        learned_kw = model.own_site.site.capacity_kw
        factor = capacity.factor(learned_kw, site.capacity_kw, own[:, 2], recent_days)
        said[experts.TREES] = np.minimum(factor * calibration.reference(parts.trees, levels), 1.0)
        said[experts.PHYSICS] = np.minimum(factor * own, 1.0)
    dark = ~table["daylight"].to_numpy(dtype=bool)
    found = {
        name: np.where(unknown[:, None], np.nan, np.where(dark[:, None], 0.0, quantiles))
        for name, quantiles in said.items()
    }
    return found, factor != 1.0


def _without_weather(
    site: Site, index: pd.DatetimeIndex, inputs: Inputs, first: pd.Timestamp
) -> Prediction:
    """What usually comes, and the sky of the day before."""
    by_name, said = _usual(site, index, inputs, first)
    raw = experts.combined(said, by_name)
    median, bounds = _calibrated(raw, "usual", inputs)
    return Prediction(
        hours=index,
        median=median,
        bounds=bounds,
        weather=pd.DataFrame(index=index),
        site=site,
        degraded=["no_weather"],
        nowcast_at=None,
        raw=raw,
        source="usual",
        experts={name: Spoken(by_name[name], values[:, 2]) for name, values in said.items()},
    )


def _usual(
    site: Site, index: pd.DatetimeIndex, inputs: Inputs, first: pd.Timestamp
) -> tuple[dict[str, float], dict[str, Floats]]:
    """Weights, and what is said without weather."""
    said = {
        experts.USUAL: usual(site, index, inputs.measured),
        experts.PERSISTED: persisted(site, index, inputs.measured, first),
    }
    return experts.weights(experts.WITHOUT_WEATHER, inputs.heard), said


def own_physics(
    site: Site, weather: pd.DataFrame, measured: pd.Series | None, now: datetime
) -> physics.Physics:
    """The physics of a site without a model, fitted to its recent days; the default where there are none.

    `weather`: hourly frame of recent days and those to come; `measured`: hourly shares of recent days.
    """
    kind = site.kind
    past = weather[weather.index <= pd.Timestamp(now)]
    if measured is None or past.empty:
        return physics.default(kind)
    hourly = past.reindex(pd.date_range(past.index[0], past.index[-1], freq="h", unit="us"))
    return physics.fit(features.build(hourly, site).assign(**{TARGET: measured.reindex(hourly.index)}))


def _calibrated(raw: Floats, source: Source, inputs: Inputs) -> tuple[Floats, Bounds]:
    """Median and bounds: what is known of the source from its training and from measured days."""
    before = inputs.model.prior if source == "model" and inputs.model is not None else ()
    return calibration.intervals(raw, calibration.ends(before, inputs.days.get(source, ())))


def _with_usual(
    prediction: Prediction, missing: NDArray[np.bool_], inputs: Inputs, first: pd.Timestamp
) -> Prediction:
    """What usually comes in the hours beyond the weather."""
    by_name, said = _usual(prediction.site, prediction.hours, inputs, first)
    raw = experts.combined(said, by_name)
    other, other_bounds = _calibrated(raw, "usual", inputs)
    bounds = {
        level: (
            np.where(missing, other_bounds[level][0], low),
            np.where(missing, other_bounds[level][1], high),
        )
        for level, (low, high) in prediction.bounds.items()
    }
    return replace(
        prediction,
        median=np.where(missing, other, prediction.median),
        bounds=bounds,
        raw=np.where(missing[:, None], np.nan, prediction.raw),
    )


def _envelope(table: pd.DataFrame, site: Site) -> Floats:
    """What the sky could give, share of capacity: zero at night, one for wind."""
    if site.kind == "wind":
        return np.ones(len(table))
    lit = table["daylight"].to_numpy(dtype=bool)
    clear = table["clear_poa"].to_numpy() / 1000.0
    return np.asarray(np.where(lit, np.maximum(clear, nowcast.ENVELOPE_FLOOR), 0.0))


def _corrected(
    model: InService,
    quantiles: Floats,
    table: pd.DataFrame,
    site: Site,
    measured: pd.Series | None,
    now: datetime,
    hours: int,
) -> tuple[Floats, datetime | None]:
    """Quantiles at `REFERENCE` of a feature table, moved by the error of the newest measured hour; and that
    hour."""
    persistence = Persistence(model.card.nowcast_weight, model.card.nowcast_tau_hours)
    if measured is None or persistence.weight <= 0 or hours == 0:
        return quantiles, None
    envelope = _envelope(table, site)
    when = pd.DatetimeIndex(table.index)
    half = quantiles[:, 2]
    lit = (envelope > 0) & ~np.isnan(half)
    latest = nowcast.latest_error(
        measured,
        pd.Series(half[lit], index=when[lit]),
        pd.Series(envelope[lit], index=when[lit]),
        pd.Timestamp(now),
        hours,
    )
    if latest is None:
        return quantiles, None
    error, newest = latest
    ahead = (when - newest).total_seconds().to_numpy() / 3600.0
    after = ahead > 0
    out = quantiles.copy()
    out[after] = nowcast.correct(
        quantiles[after], calibration.REFERENCE, envelope[after], ahead[after], error, persistence
    )
    return out, newest.to_pydatetime()
