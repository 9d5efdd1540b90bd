"""What calibration keeps, in its stored form: a card's scores, and the measured days of a site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import numpy as np

from forecasting.accuracy_documents import LiveCalibration, MeasuredDay
from forecasting.documents import ModelCard
from forecasting.expert_documents import ExpertErrors
from forecasting.model import calibration, dependence
from forecasting.model.calibration import Day, Prior
from forecasting.model.experts import Heard
from ona.runtime.errors import InvalidConfiguration

EVERY_SITE = ""
"""Stands in a card for all sites together."""


def prior_of(card: ModelCard, site_id: str) -> Prior:
    """The scores that a training kept of a site, else of all its sites; empty where it kept none.

    A card of an earlier version has factors of the raw half widths instead: they say where the ends of both
    intervals were.
    """
    kept = card.scores.get(site_id) or card.scores.get(EVERY_SITE)
    if kept:
        return tuple(kept)
    return calibration.prior_of_factors(
        {int(level): (tail["lower"], tail["upper"]) for level, tail in card.calibration.items()}
    )


def check(card: ModelCard) -> None:
    """Whether a card's scores, or factors, are those of intervals. Raises InvalidConfiguration."""
    try:
        lengths = {len(kept) for kept in card.scores.values() if kept}
        if lengths - {len(calibration.PRIOR_LEVELS)}:
            raise ValueError("scores of other levels")
        prior_of(card, EVERY_SITE)
        for stored in card.experts.values():
            stored.checked()
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidConfiguration(f"card.json: what calibrates cannot be read: {error!r}") from error


def days_of(live: LiveCalibration | None, source: str) -> list[Day]:
    """The measured days of one source of forecasts."""
    return [
        Day(
            date.fromisoformat(one.day),
            one.model_version,
            tuple(one.scores),
            {int(level): missed for level, missed in one.misses.items()},
            tuple(one.hours),
        )
        for one in (live.days if live is not None else [])
        if one.source == source
    ]


def past_scores(days: Iterable[Day]) -> dict[str, str]:
    """The scores of measured days in letters, by day; days whose hours nobody kept are left out."""
    return {one.day.isoformat(): dependence.letters(one.hours, one.scores) for one in days if one.hours}


def heard_of(stored: ExpertErrors) -> Heard:
    """What experts missed, of its stored form."""
    names = tuple(stored.products)
    products = np.array([stored.products[name] for name in names], dtype=float)
    return Heard(date.fromisoformat(stored.through), stored.hours, names, products)


def errors_of(heard: Heard) -> ExpertErrors:
    """The stored form of what experts missed."""
    rows = {name: row.round(7).tolist() for name, row in zip(heard.names, heard.products, strict=True)}
    return ExpertErrors(through=heard.day.isoformat(), hours=round(heard.hours, 2), products=rows)


def heard_days(card: ModelCard | None, site_id: str, live: LiveCalibration | None) -> list[Heard]:
    """What experts missed on the newest unseen days of a training, and on the days measured since."""
    trained = card.experts.get(site_id) if card is not None else None
    after = trained.through if trained is not None else ""
    days = [one for one in (live.days if live is not None else []) if one.experts and one.day > after]
    return [heard_of(one) for one in (trained, *(day.experts for day in days)) if one is not None]


def with_day(
    live: LiveCalibration | None,
    day: date,
    found: Mapping[str, Day | None],
    heard: Heard | None = None,
) -> LiveCalibration | None:
    """The days after one was measured, by what made a forecast; None where that changes nothing.
    `heard`: what the experts of the first of them missed.

    A day counts once: measured again, as after a correction, it takes the place of its first version, or
    leaves (None) where it tells nothing any more. Days 90 days before the newest one leave.
    """
    before = list(live.days) if live is not None else []
    days = [one for one in before if one.day != day.isoformat() or one.source not in found]
    served = next(iter(found), "")
    days += [
        _stored(source, one, heard if source == served else None)
        for source, one in found.items()
        if one is not None
    ]
    newest = max((date.fromisoformat(one.day) for one in days), default=day)
    oldest = (newest - timedelta(days=calibration.KEPT_DAYS - 1)).isoformat()
    days = sorted((one for one in days if one.day >= oldest), key=lambda one: (one.day, one.source))
    return None if days == before else LiveCalibration(days=days)


def _stored(source: str, day: Day, heard: Heard | None) -> MeasuredDay:
    return MeasuredDay.model_validate(
        {
            "day": day.day.isoformat(),
            "source": source,
            "model_version": day.version,
            "scores": list(day.scores),
            "hours": list(day.hours),
            "misses": {str(level): missed for level, missed in day.misses.items()},
            "experts": errors_of(heard) if heard is not None else None,
        }
    )
