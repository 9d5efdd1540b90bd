"""What calibration keeps, in its stored form: a card's scores, and the measured days of a site."""

from __future__ import annotations

from datetime import date

from forecasting.accuracy_documents import LiveCalibration, MeasuredDay
from forecasting.documents import ModelCard
from forecasting.model import calibration
from forecasting.model.calibration import Day, Prior

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


def days_of(live: LiveCalibration | None, source: str) -> list[Day]:
    """The measured days of one source of forecasts."""
    return [
        Day(
            date.fromisoformat(one.day),
            one.model_version,
            tuple(one.scores),
            {int(level): missed for level, missed in one.misses.items()},
        )
        for one in (live.days if live is not None else [])
        if one.source == source
    ]


def with_day(
    live: LiveCalibration | None, day: date, source: str, found: Day | None
) -> LiveCalibration | None:
    """The days after one was measured; None where that changes nothing.

    A day counts once: measured again, as after a correction, it takes the place of its first version, or
    leaves (`found` None) where it tells nothing any more. One older than all that are kept stays out.
    """
    before = list(live.days) if live is not None else []
    days = [one for one in before if one.day != day.isoformat()]
    if found is not None:
        misses = {str(level): missed for level, missed in found.misses.items()}
        days.append(
            MeasuredDay(
                day=day.isoformat(),
                source=source,
                model_version=found.version,
                scores=list(found.scores),
                misses=misses,
            )
        )
    days = sorted(days, key=lambda one: one.day)[-calibration.KEPT_DAYS :]
    return None if days == before else LiveCalibration(days=days)
