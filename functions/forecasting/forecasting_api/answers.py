"""What `GET /forecast` answers from stored forecasts: the hours asked for, the sum of several sites.

The forecasts are in their JSON form, as stored: reading 170 hours into models would cost a stored answer
more than all the rest. No pandas, for the same reason.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forecasting.documents import ForecastJson, Interval, Summary
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import digest
from ona.runtime.words import counted, listed

if TYPE_CHECKING:
    from forecasting.model.portfolio import Place

_PointJson = dict[str, Any]
"""A forecast's Point in its JSON form."""
_BOUNDS = tuple(Interval.model_fields)
SEVERAL = "several"
"""Stands for the model's version of a sum whose sites are not all forecast by the same one."""
PAST_SCORES = "past_scores"
"""What a stored forecast has for sums, and customers do not see."""
MOST_NAMED = 10
"""Sites that a note names; the rest is counted (ours)."""
ROUNDING_KW = 0.001
"""kW by which a power, rounded to a watt, may pass the capacity."""
MOST = 1e12
"""kW, and whatever else is counted in a forecast: beyond is no value, and NaN is not below it (ours)."""


def check(document: ForecastJson) -> None:
    """Whether a stored forecast has all that is read of it: somebody may have written another one.

    Raises InvalidPayload. Models would say more, and take ten times as long.
    """
    meta = document["metadata"]
    lists = isinstance(meta["degraded"], list) and isinstance(meta["notes"], list)
    texts = [
        document["forecast_id"],
        document["generated_at"],
        meta["model_version"],
        *meta["degraded"],
        *meta["notes"],
    ]
    numbers = [document["capacity_kw"], meta["training_data_points"]]
    numbers += [
        value for name in ("model_accuracy", "weather_age_minutes") if (value := meta[name]) is not None
    ]
    powers = []
    for point in document["forecasts"]:
        texts.append(point["timestamp"])
        powers.append(point["predicted_power_kw"])
        bounds = point["confidence_interval"]
        powers += [bounds[name] for name in _BOUNDS]
    numbers += powers
    if (
        not lists
        or meta["interval_minutes"] not in (15, 60)
        or not all(type(text) is str for text in texts)
    ):
        raise InvalidPayload("it is no forecast: a text or a list is something else")
    if not all(type(number) in (int, float) and abs(number) < MOST for number in numbers):
        raise InvalidPayload("it is no forecast: a number is something else")
    if powers and not 0.0 <= min(powers) <= max(powers) <= document["capacity_kw"] + ROUNDING_KW:
        raise InvalidPayload("it is no forecast: a power is below zero or above the capacity")
    if not _is_past_scores(document.get(PAST_SCORES, {})):
        raise InvalidPayload("it is no forecast: past scores are something else")
    if not all(isinstance(point["weather_conditions"], dict) for point in document["forecasts"]):
        raise InvalidPayload("it is no forecast: weather is something else")


def _is_past_scores(found: object) -> bool:
    """Whether something is 24 letters by day."""
    return isinstance(found, dict) and all(
        type(text) is str and len(text) == 24 and text.isascii() for text in found.values()
    )


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
        **{name: value for name, value in document.items() if name != PAST_SCORES},
        "horizon_hours": horizon_hours,
        "forecasts": points,
        "summary": summary(points, document["metadata"]["interval_minutes"], document["capacity_kw"]),
    }


class Total:
    """Several sites' forecasts as one, over the hours that all have; they are added one by one.

    How sites err together is learned from their measured days; before, those near each other do, far ones
    less (`forecasting.model.portfolio`). `places`: where sites
    lie; a site that is not there errs together with all. Weather is left out, because it is another one at
    each site.
    """

    def __init__(self, customer_id: str, places: Mapping[str, Place | None] | None = None) -> None:
        self._customer_id = customer_id
        self._places = places or {}
        self._values: dict[str, array[float]] = {}
        """Median and bounds of site after site, by hour: 40 bytes a site and hour."""
        self._heads: list[ForecastJson] = []
        """The forecasts without their points: a thousand sites' points would not fit into the memory."""
        self._left_out: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return not self._heads

    def add_or_leave(self, site_id: str, document: ForecastJson | None) -> None:
        """Add a site's forecast; where there is none, the sum says that the site is left out."""
        if document is not None:
            self.add(document)
        else:
            self._left_out.append(site_id)

    def add(self, document: ForecastJson) -> None:
        """Add a site's forecast."""
        for point in document["forecasts"]:
            bounds = point["confidence_interval"]
            values = [point["predicted_power_kw"], *(bounds[name] for name in _BOUNDS)]
            self._values.setdefault(point["timestamp"], array("d")).extend(values)
        sky = dict.fromkeys(document["forecasts"][0]["weather_conditions"]) if document["forecasts"] else {}
        self._heads.append({**document, "forecasts": [], "sky": sky})

    def document(self, notes: Sequence[str] = ()) -> ForecastJson:
        """The sum. `notes` come before the note that says what was added."""
        first, heads = self._heads[0], self._heads
        capacity = sum(head["capacity_kw"] for head in heads)
        points = [
            {
                "timestamp": when,
                "predicted_power_kw": round(power, 3),
                "confidence_interval": {
                    name: round(value, 3) for name, value in zip(_BOUNDS, bounds, strict=True)
                },
                "weather_conditions": first["sky"],
            }
            for when, (power, *bounds) in self._summed()
        ]
        whole = {
            **first,
            "forecast_id": f"fc-{digest(*(head['forecast_id'] for head in heads))}",
            "customer_id": self._customer_id,
            "site_id": None,
            "generated_at": min(head["generated_at"] for head in heads),
            "capacity_kw": capacity,
            "forecasts": points,
            "metadata": self._metadata(notes),
            "summary": summary(points, first["metadata"]["interval_minutes"], capacity),
        }
        whole.pop(PAST_SCORES, None)
        del whole["sky"]
        return whole

    def _summed(self) -> list[tuple[str, list[float]]]:
        """Power and bounds of the hours that all sites have, in time's order."""
        width = (1 + len(_BOUNDS)) * len(self._heads)
        whole = sorted((when, values) for when, values in self._values.items() if len(values) == width)
        if not whole or len(self._heads) == 1:
            return [(when, list(values)) for when, values in whole]
        import numpy as np  # a stored forecast is answered without it

        from forecasting.model import portfolio

        table = np.array([values for _, values in whole]).reshape(len(whole), len(self._heads), -1)
        bounds = portfolio.of_sum(
            table,
            [self._places.get(head["site_id"]) for head in self._heads],
            [head.get(PAST_SCORES, {}) for head in self._heads],
        )
        rows = np.column_stack([table[..., 0].sum(axis=1), bounds]).tolist()
        return [(when, row) for (when, _), row in zip(whole, rows, strict=True)]

    def _metadata(self, notes: Sequence[str]) -> dict[str, Any]:
        meta = [head["metadata"] for head in self._heads]
        accuracies = [m["model_accuracy"] for m in meta if m["model_accuracy"] is not None]
        ages = [m["weather_age_minutes"] for m in meta if m["weather_age_minutes"] is not None]
        served = Counter(m["model_version"] for m in meta)
        by = ", ".join(f"{counted(number, 'site')} by {name}" for name, number in sorted(served.items()))
        left = f": {', '.join(self._left_out[:MOST_NAMED])}" if self._left_out else ""
        more = len(self._left_out) - MOST_NAMED
        left += f" and {more} more" if more > 0 else ""
        return {
            **meta[0],
            "model_version": next(iter(served)) if len(served) == 1 else SEVERAL,
            "model_since": None,
            "model_reason": by,
            "training_data_points": sum(
                {m["model_version"]: m["training_data_points"] for m in meta}.values()
            ),
            "model_accuracy": min(accuracies) if accuracies else None,
            "weather_age_minutes": max(ages) if ages else None,
            "degraded": sorted(
                {name for m in meta for name in m["degraded"]}
                | ({"site_left_out"} if self._left_out else set())
            ),
            "unavailable": [entry for m in meta for entry in m.get("unavailable", [])],
            "notes": [
                *self._of_sites(),
                *([f"{counted(len(self._left_out), 'site')} left out of the sum{left}"] if left else []),
                *notes,
                self._how(),
            ],
        }

    def _of_sites(self) -> list[str]:
        """The notes of the sites; where there are several, with whose they are."""
        whose: dict[str, list[str]] = {}
        for head in self._heads:
            for text in head["metadata"]["notes"]:
                whose.setdefault(text, []).append(head["site_id"])
        if len(self._heads) == 1:
            return sorted(whose)
        return sorted(f"{listed(sites, MOST_NAMED)}: {text}" for text, sites in whose.items())

    def _how(self) -> str:
        """What was added, and how the sites are taken to err, in words."""
        number = len(self._heads)
        lost = sum(self._places.get(head["site_id"]) is None for head in self._heads)
        text = f"sum of {counted(number, 'site')}"
        if number == 1:
            return text
        if sum(bool(head.get(PAST_SCORES)) for head in self._heads) > 1:
            return f"{text}; how they err together is learned from measured days, and from distance before"
        if lost == number:
            return f"{text}; bounds are added, as if all erred together: no site's place is known"
        text += "; bounds are narrower than their sum, as far as sites lie apart"
        return text + (f"; {counted(lost, 'site')} without a known place" if lost else "")
