"""Fill: one site of an upload in; gaps filled, telemetry and (historical) training data published."""

from __future__ import annotations

from typing import Any

import pandas as pd

from forecasting.interpolation_service import fill, report, store, tables
from forecasting.interpolation_service.learner import boosted
from forecasting.model import availability, hourly, known_outs
from forecasting.model.features import site_of
from forecasting.payloads import FillRequest
from ona.runtime.observability import count, handler, logger
from ona.sky import weather_frames


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Fill one site of an upload; returns a `FillResult`."""
    request = FillRequest.read(event, "event")
    document, frame, weather = store.load(request)
    site, grid = site_of(document), hourly.grid(frame)
    capacities = {name: document.assets[name] for name in map(str, grid.power.columns)}
    end = pd.DatetimeIndex(grid.power.index)
    fine = (
        weather_frames.at_interval(weather, end, site.plane, grid.minutes) if weather is not None else None
    )
    result = fill.fill(grid, capacities, site, fine, boosted)
    published = report.Published(store.save_telemetry(request, frame), store.training_pointer(request))
    if published.training is not None:
        store.save_enriched(request, tables.enriched(grid, result, fine, site))
    written = report.fill_report(request, frame, grid.minutes, result, published)
    where, training = store.save_report(request, written), published.training
    if training is not None:
        ran = availability.of_running(grid, known_outs.before(document, request.upload.staged.bucket))
        training = store.save_training(training, tables.hourly(ran, result, capacities, weather, site))
    answer = report.answer(document, written, where, training)
    count("FilledValues", report.filled_percent(written))
    logger.info(
        "gaps filled", site=site.site_id, days=written.days, gaps=answer.gaps, filled=written.filled
    )
    return answer.document()
