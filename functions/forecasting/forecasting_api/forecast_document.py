"""A prediction as the document that is stored and answered. No pandas at import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from forecasting.documents import (
    PHYSICS,
    Conditions,
    ForecastMetadata,
    Interval,
    IssuedForecast,
    ModelCard,
    Point,
    SiteDocument,
    Uncalibrated,
)
from forecasting.expert_documents import ExpertSaid
from forecasting.forecasting_api import answers
from ona.store.forecast_ids import forecast_id

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.forecasting_api.predict import Prediction
    from ona.sky.weather_cache import Cached

NOTES = {
    "no_model": "no model forecasts this site: intervals are wide",
    "capacity_changed": "assets.json names another capacity than when the model was trained: what it "
    "learned is taken as kW until the next training",
    "older_model": "the model in service cannot be read: an older version of it forecasts",
    "model_unreadable": "no model of this site can be read",
    "live_unreadable": "what measured days taught the intervals cannot be read: the model's own stand",
    "telemetry_unreadable": "some recent telemetry cannot be read: the forecast goes on without it",
    "site_unreadable": "the site's document cannot be read: an older copy of it is used",
    "no_weather": "no weather forecast is cached, which models and physics need: what recent days gave "
    "stands in for them",
    "stale_weather": "the weather provider has not answered lately: an older forecast of it is used",
    "stale_forecast": "some sites have no forecast of the last hour: their older one is used",
    "availability_unknown": "nobody could say of all machines whether they are out: what is not known is "
    "not subtracted",
    "weather_ends_early": "the weather forecast ends before the horizon: after it, what recent days gave "
    "stands in",
}
"""What a name in `degraded` means, in a sentence for the customer."""
OF_THE_MODEL = ("no_model", "older_model", "model_unreadable")
"""Names whose note is followed by why: what serves this site, in a sentence of its own."""
SPOKEN_HOURS = 48
"""Hours of which a stored forecast says what its experts said: a day-ahead one is measured by them."""


@dataclass(frozen=True)
class Basis:
    """What a forecast rests on: the model's card and the weather (or None), names of what was missing;
    since when the model (or physics) serves the site, and why."""

    card: ModelCard | None
    weather: Cached | None
    degraded: list[str]
    since: datetime | None = None
    why: str = ""


def forecast_document(
    site: SiteDocument, prediction: Prediction, basis: Basis, now: datetime, interval_minutes: int
) -> IssuedForecast:
    """The document of a prediction: shares of capacity become kW, rounded to a watt."""
    points = _points(prediction, site.capacity_kw)
    raw = [point.model_dump(include={"predicted_power_kw"}) for point in points]
    return IssuedForecast(
        forecast_id=forecast_id(site.customer_id, site.site_id, now),
        customer_id=site.customer_id,
        site_id=site.site_id,
        generated_at=now,
        horizon_hours=len(points) * interval_minutes // 60,
        capacity_kw=site.capacity_kw,
        forecasts=points,
        metadata=_metadata(prediction, basis, now, interval_minutes),
        summary=answers.summary(raw, interval_minutes, site.capacity_kw),
        uncalibrated=_uncalibrated(prediction) if interval_minutes == 60 else [],
        experts=_experts(prediction) if interval_minutes == 60 else [],
    )


def _uncalibrated(prediction: Prediction) -> list[Uncalibrated]:
    made = {prediction.source: prediction.raw, **prediction.instead}
    return [Uncalibrated(source=source, quantiles=_rows(raw.tolist())) for source, raw in made.items()]


def _experts(prediction: Prediction) -> list[ExpertSaid]:
    """What each expert says of the hours that a day-ahead forecast is measured by."""
    return [
        ExpertSaid(
            name=name,
            weight=spoken.weight,
            median=[None if value != value else round(value, 4) for value in first],
        )
        for name, spoken in prediction.experts.items()
        if (first := spoken.median[:SPOKEN_HOURS].tolist())
    ]


def _rows(raw: list[list[float]]) -> list[list[float] | None]:
    unknown = (any(value != value for value in row) for row in raw)
    return [
        None if nan else [round(value, 4) for value in row] for nan, row in zip(unknown, raw, strict=True)
    ]


def _points(prediction: Prediction, capacity_kw: float) -> list[Point]:
    low80, high80 = prediction.bounds[80]
    low95, high95 = prediction.bounds[95]
    sky = prediction.weather
    columns = {
        "temperature_c": _column(sky, "temperature_c"),
        "irradiance_w_m2": _column(sky, "ghi_w_m2"),
        "wind_speed_m_s": _column(sky, "wind_speed_m_s"),
        "cloud_cover_percent": _column(sky, "cloud_cover_percent"),
        "humidity_percent": _column(sky, "humidity_percent"),
    }
    return [
        Point(
            timestamp=when,
            predicted_power_kw=round(float(prediction.median[n]) * capacity_kw, 3),
            confidence_interval=Interval(
                lower_80=round(float(low80[n]) * capacity_kw, 3),
                upper_80=round(float(high80[n]) * capacity_kw, 3),
                lower_95=round(float(low95[n]) * capacity_kw, 3),
                upper_95=round(float(high95[n]) * capacity_kw, 3),
            ),
            weather_conditions=Conditions(**{name: values[n] for name, values in columns.items()}),
        )
        for n, when in enumerate(prediction.hours.to_pydatetime())
    ]


def _metadata(
    prediction: Prediction, basis: Basis, now: datetime, interval_minutes: int
) -> ForecastMetadata:
    card, weather, nowcast_at = basis.card, basis.weather, prediction.nowcast_at
    notes = [NOTES[name] for name in basis.degraded if name in NOTES]
    if basis.why and set(basis.degraded) & set(OF_THE_MODEL):
        notes.append(basis.why)
    if interval_minutes < 60:
        notes.append("intervals are those of the hourly mean")
    return ForecastMetadata(
        model_version=card.version if card else PHYSICS,
        model_since=basis.since,
        model_reason=basis.why,
        training_data_points=card.training_rows if card else 0,
        model_accuracy=round(card.own.accuracy_percent / 100.0, 4) if card and card.own else None,
        last_training_date=card.created_at if card else None,
        weather_provider=weather.document.provider if weather else "",
        weather_age_minutes=round(weather.age.total_seconds() / 60.0) if weather else None,
        nowcast_age_minutes=round((now - nowcast_at).total_seconds() / 60.0) if nowcast_at else None,
        interval_minutes=interval_minutes,
        degraded=basis.degraded,
        notes=notes,
    )


def _column(sky: pd.DataFrame, name: str) -> list[float | None]:
    if name not in sky:
        return [None] * len(sky)
    return [None if value != value else round(float(value), 2) for value in sky[name].tolist()]
