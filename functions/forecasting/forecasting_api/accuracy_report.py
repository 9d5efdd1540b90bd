"""What `GET /forecast/accuracy` answers: the daily records of a site, pooled. No pandas.

>>> [round(100 * share, 1) for share in wilson(80, 100)]
[71.1, 86.7]
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from forecasting.accuracy_documents import AccuracyRecord, LeadRecord
from forecasting.forecasting_api import reliability_picture
from forecasting.forecasting_api.models import (
    AccuracyReport,
    DayAccuracy,
    LeadAccuracy,
    LevelShare,
    MonthAccuracy,
)

MOST_DAYS = 366
"""Days of one answer: each is a document of its own."""
LEADS = ("first_hours", "day_ahead", "two_days")
_Z = 1.96
"""Quantile 97.5 % of a standard normal."""


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The interval of 95 % of a share, 0…1 (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    if trials == 0:
        return 0.0, 1.0
    share, square = hits / trials, _Z**2 / trials
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def report(
    customer_id: str,
    site_id: str,
    span: tuple[date, date],
    records: Sequence[AccuracyRecord],
    unreadable: Sequence[str] = (),
) -> AccuracyReport:
    """The report of a site over a span of days (both included) from the records that there are.

    Means are over hours: a long day counts more than a short one. Skill compares the hours that have a
    reference.
    """
    known = sorted(records, key=lambda record: record.day)
    compared = [record for record in known if record.reference_mae_kw is not None]
    reference = _mean((record.reference_mae_kw, record.reference_hours) for record in compared)
    own = _mean((record.mae_of_reference_hours_kw, record.reference_hours) for record in compared)
    capacity = next((record.capacity_kw for record in reversed(known) if record.capacity_kw), None)
    mae = _mean((record.mae_kw, record.hours) for record in known)
    leads = [found for name in LEADS if (found := _lead(name, known)) is not None]
    return AccuracyReport(
        customer_id=customer_id,
        site_id=site_id,
        first_day=span[0].isoformat(),
        last_day=span[1].isoformat(),
        capacity_kw=capacity,
        measured_days=len(known),
        hours=sum(record.hours for record in known),
        mae_kw=mae,
        mae_percent=round(100.0 * mae / capacity, 3) if mae is not None and capacity else None,
        bias_kw=_mean((record.bias_kw, record.hours) for record in known),
        reference_mae_kw=reference,
        skill=_skill(own, reference),
        coverage_80_percent=_mean((record.coverage_80_percent, record.hours) for record in known),
        coverage_95_percent=_mean((record.coverage_95_percent, record.hours) for record in known),
        months=[_month(month, known) for month in sorted({record.day[:7] for record in known})],
        leads=leads,
        days=[_day(record) for record in known],
        reliability_svg=reliability_picture.diagram(
            site_id, next((lead.reliability for lead in leads if lead.lead == "day_ahead"), [])
        ),
        unreadable=list(unreadable),
    )


def _mean(values: Iterable[tuple[float | None, int]]) -> float | None:
    """The mean of values by their weights; None of nothing."""
    known = [(value, weight) for value, weight in values if value is not None and weight > 0]
    total = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / total, 3) if total else None


def _skill(own: float | None, reference: float | None) -> float | None:
    return round(1.0 - own / reference, 4) if own is not None and reference else None


def _day(record: AccuracyRecord) -> DayAccuracy:
    return DayAccuracy(
        skill=_skill(record.mae_of_reference_hours_kw, record.reference_mae_kw),
        **record.model_dump(include=set(DayAccuracy.model_fields) - {"skill"}),
    )


def _month(month: str, records: Sequence[AccuracyRecord]) -> MonthAccuracy:
    of_it = [record for record in records if record.day[:7] == month]
    means = {
        name: _mean((getattr(record, name), record.hours) for record in of_it) or 0.0
        for name in ("mae_kw", "bias_kw", "coverage_80_percent", "coverage_95_percent")
    }
    return MonthAccuracy(month=month, days=len(of_it), hours=sum(record.hours for record in of_it), **means)


def _lead(name: str, records: Sequence[AccuracyRecord]) -> LeadAccuracy | None:
    found = [lead for record in records for lead in record.leads if lead.lead == name]
    if not found:
        return None
    means = {
        field: _mean((getattr(lead, field), lead.hours) for lead in found) or 0.0
        for field in ("mae_kw", "bias_kw", "pinball_kw", "width_80_kw", "width_95_kw")
    }
    hours = sum(lead.hours for lead in found)
    return LeadAccuracy.model_validate(
        {"lead": name, "days": len(found), "hours": hours, "reliability": _levels(found), **means}
    )


def _levels(leads: Sequence[LeadRecord]) -> list[LevelShare]:
    hours: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for lead in leads:
        for level, count in lead.at_or_below.items():
            hours[level] += lead.hours
            below[level] += count
    shares = []
    for level in sorted(hours, key=float):
        low, high = wilson(below[level], hours[level])
        shares.append(
            LevelShare(
                level_percent=float(level),
                hours=hours[level],
                at_or_below=below[level],
                observed_percent=round(100.0 * below[level] / hours[level], 2) if hours[level] else 0.0,
                low_percent=round(100.0 * low, 2),
                high_percent=round(100.0 * high, 2),
            )
        )
    return shares
