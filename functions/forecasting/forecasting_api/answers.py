"""What `GET /forecast` answers from stored forecasts: the hours asked for, the sum of several sites.

The forecasts are in their JSON form, as stored: reading 170 hours into models would cost a stored answer
more than all the rest. No pandas, for the same reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from forecasting.documents import ForecastJson, Interval, Summary
from ona.runtime.clock import iso

_PointJson = dict[str, Any]
"""A forecast's Point in its JSON form."""


def summary(points: Sequence[_PointJson], interval_minutes: int, capacity_kw: float) -> dict[str, float]:
    """Energy (kWh), peak and mean (kW) and capacity factor of points `interval_minutes` apart."""
    powers = [point["predicted_power_kw"] for point in points]
    mean = sum(powers) / len(powers) if powers else 0.0
    return Summary(
        total_predicted_energy_kwh=round(sum(powers) * interval_minutes / 60.0, 3),
        peak_power_kw=round(max(powers, default=0.0), 3),
        average_power_kw=round(mean, 3),
        capacity_factor=round(mean / capacity_kw, 4) if capacity_kw > 0 else 0.0,
    ).document()


def cut(document: ForecastJson, now: datetime, horizon_hours: int) -> ForecastJson:
    """The first so many hours of a forecast that end after now."""
    per_hour = 60 // document["metadata"]["interval_minutes"]
    points = [point for point in document["forecasts"] if point["timestamp"] > iso(now)]
    points = points[: horizon_hours * per_hour]
    return {
        **document,
        "horizon_hours": horizon_hours,
        "forecasts": points,
        "summary": summary(points, document["metadata"]["interval_minutes"], document["capacity_kw"]),
    }


def total(documents: Sequence[ForecastJson], customer_id: str, forecast_id: str) -> ForecastJson:
    """Several sites' forecasts as one, over the hours that all have.

    Bounds are added, as if all sites erred together: too wide rather than too narrow; the note says so.
    Weather is left out, because it is another one at each site.
    """
    by_time: dict[str, list[_PointJson]] = {}
    for document in documents:
        for point in document["forecasts"]:
            by_time.setdefault(point["timestamp"], []).append(point)
    whole = {when: points for when, points in by_time.items() if len(points) == len(documents)}
    first = documents[0]
    capacity = sum(document["capacity_kw"] for document in documents)
    points = [
        {
            "timestamp": when,
            "predicted_power_kw": round(sum(p["predicted_power_kw"] for p in parts), 3),
            "confidence_interval": {
                name: round(sum(p["confidence_interval"][name] for p in parts), 3)
                for name in Interval.model_fields
            },
            "weather_conditions": dict.fromkeys(parts[0]["weather_conditions"]),
        }
        for when, parts in sorted(whole.items())
    ]
    meta = [document["metadata"] for document in documents]
    accuracies = [m["model_accuracy"] for m in meta if m["model_accuracy"] is not None]
    ages = [m["weather_age_minutes"] for m in meta if m["weather_age_minutes"] is not None]
    return {
        **first,
        "forecast_id": forecast_id,
        "customer_id": customer_id,
        "site_id": None,
        "generated_at": min(document["generated_at"] for document in documents),
        "capacity_kw": capacity,
        "forecasts": points,
        "metadata": {
            **first["metadata"],
            "training_data_points": sum(m["training_data_points"] for m in meta),
            "model_accuracy": min(accuracies) if accuracies else None,
            "weather_age_minutes": max(ages) if ages else None,
            "degraded": sorted({name for m in meta for name in m["degraded"]}),
            "notes": [
                *sorted({note for m in meta for note in m["notes"]}),
                f"sum of {len(documents)} sites; bounds are added, as if all erred together",
            ],
        },
        "summary": summary(points, first["metadata"]["interval_minutes"], capacity),
    }
