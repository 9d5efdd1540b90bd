"""What calibration keeps, in its stored form: a card's scores, and the measured days of a site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from forecasting.accuracy_documents import LiveCalibration, MeasuredDay
from forecasting.documents import ModelCard
from forecasting.model import calibration, dependence
from forecasting.model.calibration import Day, Prior
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


def with_day(
    live: LiveCalibration | None, day: date, found: Mapping[str, Day | None]
) -> LiveCalibration | None:
    """The days after one was measured, by what made a forecast; None where that changes nothing.

    A day counts once: measured again, as after a correction, it takes the place of its first version, or
    leaves (None) where it tells nothing any more. Days 90 days before the newest one leave.
    """
    before = list(live.days) if live is not None else []
    days = [one for one in before if one.day != day.isoformat() or one.source not in found]
    days += [_stored(source, one) for source, one in found.items() if one is not None]
    newest = max((date.fromisoformat(one.day) for one in days), default=day)
    oldest = (newest - timedelta(days=calibration.KEPT_DAYS - 1)).isoformat()
    days = sorted((one for one in days if one.day >= oldest), key=lambda one: (one.day, one.source))
    return None if days == before else LiveCalibration(days=days)


def _stored(source: str, day: Day) -> MeasuredDay:
    return MeasuredDay.model_validate(
        {
            "day": day.day.isoformat(),
            "source": source,
            "model_version": day.version,
            "scores": list(day.scores),
            "hours": list(day.hours),
            "misses": {str(level): missed for level, missed in day.misses.items()},
        }
    )
