"""An hourly forecast in quarter hours, moved by the power measured just now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.documents import SiteDocument
from forecasting.forecasting_api import predict
from forecasting.forecasting_api.predict import Prediction
from forecasting.model import hourly, nowcast
from forecasting.model.features import Site, site_of
from forecasting.model.nowcast import Latest, Persistence
from forecasting.model.registry import InService
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Floats


@dataclass(frozen=True)
class Live:
    """Power measured lately, shares of capacity: by quarter hours, and by hours for telemetry that has no
    quarters (None where there is nothing); how an error lives on at the site; how old, in hours, the newest
    measured value may be."""

    quarters: pd.Series | None
    hours: pd.Series | None
    persistence: Persistence
    max_hours: int

    @classmethod
    def of(
        cls,
        telemetry: pd.DataFrame | None,
        measured: pd.Series | None,
        site: SiteDocument,
        model: InService | None,
        max_hours: int,
    ) -> Live:
        """What there is of a site: canonical telemetry of the last days, and its hourly shares."""
        quarters = None
        if telemetry is not None and measured is not None:
            quarters = hourly.measured_share(telemetry, site, site_of(site), 15.0)
        card = model.card if model is not None else None
        lives = Persistence(card.nowcast_weight, card.nowcast_tau_hours) if card else nowcast.USUAL
        return cls(quarters, measured, lives, max_hours)


def quarterly(
    site: SiteDocument, inputs: predict.Inputs, now: datetime, hours: int, live: Live
) -> Prediction:
    """The quarter hours of the next `hours` at a moment, from the running one on.

    The hours since the newest measured value may have come are predicted too, so that its error is known,
    as far back as there is weather.
    """
    moment = pd.Timestamp(now).floor("h")
    past = live.max_hours + 1
    if inputs.weather is not None and len(inputs.weather):
        known = (moment - inputs.weather.index[0]) // pd.Timedelta(hours=1) - predict.LEAD_HOURS
        past = int(np.clip(known, 1, past))
    begin = (moment - pd.Timedelta(hours=past)).to_pydatetime()
    return quarter_hours(predict.predict(site, inputs, begin, hours + past + 1, 0), now, live, hours)


def shaped(hours: pd.DatetimeIndex, site: Site) -> tuple[pd.DatetimeIndex, NDArray[np.int_], Floats]:
    """The quarters of some hours in a row (ends, UTC), shape (4 n,); the position of each one's hour; and
    its power over the hour's mean, by the clear sky on the plane."""
    first = hours[0] - pd.Timedelta(minutes=45)
    index = pd.date_range(first, periods=4 * len(hours), freq="15min", unit="us")
    hour = np.arange(len(index)) // 4
    if site.kind == "wind":
        return index, hour, np.ones(len(index))
    clear = sun.clear_sky(index, site.plane, 15.0)["clear_poa"].to_numpy()
    mean = np.maximum(np.bincount(hour, clear) / 4, 1e-9)
    return index, hour, np.asarray(clear / mean[hour])


def quarter_hours(prediction: Prediction, now: datetime, live: Live, hours: int) -> Prediction:
    """The quarters of the next `hours` of an hourly forecast: each hour keeps its mean, the sun gives its
    shape, and the newest measured error moves the first ones.

    `prediction`: not moved yet, with hours before now. Intervals are those of the hourly mean, narrower
    where an error is carried on. Weather is that of the hour.
    """
    index, hour, shape = shaped(prediction.hours, prediction.site)
    envelope = _envelope(prediction.site, index, 15.0)

    def spread(values: Floats) -> Floats:
        return np.asarray(np.clip(values[hour] * shape, 0.0, 1.0))

    middle = spread(prediction.median)
    latest = _latest(prediction, pd.Series(middle, index), pd.Series(envelope, index), now, live)
    moved = _mover(latest, live.persistence, index, envelope)
    last = pd.Timestamp(now) + pd.Timedelta(hours=hours)
    coming = (index > pd.Timestamp(now)) & (index <= last)

    def final(values: Floats) -> Floats:
        return moved(middle, spread(values))[coming]

    weather = prediction.weather.iloc[hour].set_index(index)[coming]
    bounds = {level: (final(low), final(high)) for level, (low, high) in prediction.bounds.items()}
    return replace(
        prediction,
        hours=index[coming],
        median=final(prediction.median),
        bounds=bounds,
        weather=weather,
        raw=prediction.raw[hour][coming],
        nowcast_at=latest.at.to_pydatetime() if latest is not None else None,
    )


def _latest(
    prediction: Prediction, middle: pd.Series, envelope: pd.Series, now: datetime, live: Live
) -> Latest | None:
    """The newest error, by quarter hours; by hours where telemetry has no quarters."""
    moment, lit = pd.Timestamp(now), envelope > 0
    if live.persistence.weight <= 0 or not live.max_hours:
        return None
    if live.quarters is not None:
        return nowcast.latest(live.quarters, middle[lit], envelope[lit], moment, live.max_hours)
    if live.hours is None:
        return None
    of_hour = pd.Series(_envelope(prediction.site, prediction.hours, 60.0), prediction.hours)
    median = pd.Series(prediction.median, prediction.hours)[of_hour > 0]
    return nowcast.latest(live.hours, median, of_hour[of_hour > 0], moment, live.max_hours)


def _mover(
    latest: Latest | None, persistence: Persistence, index: pd.DatetimeIndex, envelope: Floats
) -> Callable[[Floats, Floats], Floats]:
    """What an error makes of values, shape (n,), that lie about a median: moved by it, and narrowed to
    sqrt(1 − left²) of their distance, as `nowcast.correct` does."""
    if latest is None:
        return lambda _, values: values
    ahead = np.asarray((index - latest.at) / pd.Timedelta(hours=1), dtype=float)
    apart = ahead + nowcast.QUARTER_AHEAD
    after = (ahead > 0) & (envelope > 0)
    left = np.where(after, nowcast.left_of(persistence, apart)[0], 0.0)
    shift = np.where(after, nowcast.shift(latest, persistence, apart, envelope), 0.0)

    def moved(middle: Floats, values: Floats) -> Floats:
        return np.asarray(np.clip(middle + (values - middle) * np.sqrt(1.0 - left**2) + shift, 0.0, 1.0))

    return moved


def _envelope(site: Site, index: pd.DatetimeIndex, minutes: float) -> Floats:
    """What the sky could give, share of capacity: zero in the dark, one for wind."""
    if site.kind == "wind":
        return np.ones(len(index))
    clear = sun.clear_sky(index, site.plane, minutes)["clear_poa"].to_numpy()
    floor = np.maximum(clear / 1000.0, nowcast.ENVELOPE_FLOOR)
    return np.asarray(np.where(clear > DARK_W_M2, floor, 0.0))
