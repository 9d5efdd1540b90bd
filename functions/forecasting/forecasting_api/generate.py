"""Making a site's forecast: load what there is, predict, and (for the hourly one) store it.

No pandas at import: the API reaches it on its way to a stored forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from forecasting.config import forecasting_config
from forecasting.documents import IssuedForecast, SiteDocument
from forecasting.forecasting_api import store
from forecasting.forecasting_api.forecast_document import Basis, forecast_document
from ona.config import flags
from ona.documents.base import S3Pointer
from ona.runtime import aws, collector
from ona.runtime.errors import OnaError
from ona.runtime.observability import count, logger
from ona.store.unreadable import Unreadable, attempted, note

if TYPE_CHECKING:
    from forecasting.accuracy_documents import LiveCalibration
    from forecasting.model.availability import Out
    from forecasting.model.experts import Heard
    from forecasting.model.registry import InService

RECENT_DAYS = 2
"""Days of telemetry behind the first hours: the newest hours count."""
USUAL_DAYS = 30
"""Days of telemetry behind what usually comes, where there is no weather."""


def of_site(customer_id: str, site_id: str, now: datetime, interval_minutes: int = 60) -> IssuedForecast:
    """A site's new forecast; an hourly one is stored. Raises InvalidInput where nobody knows the site."""
    site, degraded = store.load_site(aws.environment("OUTPUT_BUCKET"), customer_id, site_id)
    if interval_minutes == 60:
        return generate(site, now, degraded)[0]
    return make(site, now, interval_minutes=interval_minutes, degraded=degraded)


def generate(
    site: SiteDocument, now: datetime, degraded: Sequence[str] = ()
) -> tuple[IssuedForecast, S3Pointer]:
    """Make a site's hourly forecast, store it, and give detection its files. `degraded`: of the site."""
    document = make(site, now, degraded=degraded)
    pointer = store.save_forecast(aws.environment("OUTPUT_BUCKET"), site, document, now)
    count("ForecastsGenerated", 1)
    count("ForecastsDegraded", float(bool(document.metadata.degraded)))
    logger.info(
        "Forecast generated",
        customer_id=site.customer_id,
        site_id=site.site_id,
        forecast_id=document.forecast_id,
        degraded=document.metadata.degraded,
    )
    return document, pointer


def make(
    site: SiteDocument, now: datetime, *, interval_minutes: int = 60, degraded: Sequence[str] = ()
) -> IssuedForecast:
    """Forecast a site for the whole horizon with what there is; nothing missing or damaged is an error."""
    with collector.importing("forecasting.forecasting_api.predict"):  # the first one imports all it needs
        return _make(site, now, interval_minutes, degraded)


def _make(
    site: SiteDocument, now: datetime, interval_minutes: int, degraded: Sequence[str]
) -> IssuedForecast:
    from forecasting.forecasting_api import predict, subtraction
    from forecasting.forecasting_api.quarter_hours import Live, quarterly
    from forecasting.model import availability, hourly, measured_days, registry
    from forecasting.model.features import site_of
    from ona.sky import weather_frames
    from ona.sky.weather_cache import WeatherCache
    from ona.sky.weather_document import Place
    from ona.sky.weather_providers import NoProvider

    now = now.replace(microsecond=0)
    bucket, rules = aws.environment("OUTPUT_BUCKET"), forecasting_config().forecast
    cache = WeatherCache(
        aws.environment("WEATHER_CACHE_TABLE"), aws.environment("INPUT_BUCKET"), NoProvider()
    )
    bad: list[Unreadable] = []
    with ThreadPoolExecutor(4) as pool:
        service_read = pool.submit(registry.in_service, bucket, site.customer_id, site.site_id)
        weather_read = pool.submit(cache.newest, Place.of(site.latitude, site.longitude), now)
        outs_read = pool.submit(_known_outs, site, now)
        live_read = pool.submit(store.load_live, bucket, site)
        telemetry = store.telemetry_since(bucket, site, now, RECENT_DAYS, bad)
    service, weather = service_read.result(), weather_read.result()
    (outs, unknown), stored = outs_read.result(), live_read.result()
    if weather is None:
        telemetry = store.telemetry_since(bucket, site, now, USUAL_DAYS, bad)
    if telemetry is not None:
        outs = availability.until_power(outs, telemetry, site)
        telemetry = availability.running(telemetry, outs)
    # answered until it is no longer fresh, and still for the whole horizon then
    hours = rules.max_horizon_hours + math.ceil(rules.fresh_minutes / 60)
    model, live = service.model, stored.live
    measured = None
    if telemetry is not None and site.assets:
        measured, damage = attempted(lambda: hourly.measured_share(telemetry, site, site_of(site)))
        if damage:
            note(f"telemetry of {site.customer_id}/{site.site_id}", damage, bad)
            note(f"telemetry of {site.customer_id}/{site.site_id}", damage)
    inputs = predict.Inputs(
        model=model,
        weather=weather_frames.frame(weather.document) if weather else None,
        measured=measured,
        days={source: measured_days.days_of(live, source) for source in predict.SOURCES},
        heard=missed_by_experts(site, model, live),
    )
    if interval_minutes == 15:
        live_power = Live.of(telemetry, measured, site, model, rules.nowcast_hours)
        prediction = quarterly(site, inputs, now, hours, live_power)
    else:
        prediction = predict.predict(site, inputs, now, hours, rules.nowcast_hours)
    names = {*prediction.degraded, *service.degraded, *degraded, *unknown}
    names |= {"stale_weather"} if weather and weather.stale else set()
    names |= {"telemetry_unreadable"} if bad else set()
    names |= {"live_unreadable"} if stored.damage else set()
    basis = Basis(model.card if model else None, weather, sorted(names), service.since, service.why)
    document = forecast_document(site, prediction, basis, now, interval_minutes)
    past = measured_days.past_scores(inputs.days.get(prediction.source, ()))
    document = document.model_copy(update={"past_scores": past})
    return subtraction.subtracted(document, outs, site.assets)


def missed_by_experts(
    site: SiteDocument, model: InService | None, live: LiveCalibration | None
) -> Sequence[Heard]:
    """What the experts missed on the newest days; nothing where the flag `experts` is off."""
    from forecasting.model import measured_days

    if not flags.enabled("experts", site.customer_id):
        return ()
    return measured_days.heard_days(model.card if model else None, site.site_id, live)


def _known_outs(site: SiteDocument, now: datetime) -> tuple[list[Out], list[str]]:
    """What is out of a site, and a name for it where nobody can say all or any of it."""
    from forecasting.model import known_outs

    bad: list[Unreadable] = []
    try:
        return known_outs.of_site(site, now, bad), ["availability_unknown"] if bad else []
    except OnaError as error:
        logger.warning("availability is unknown", site_id=site.site_id, why=str(error))
        return [], ["availability_unknown"]
