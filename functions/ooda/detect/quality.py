"""Data quality of one asset: completeness, gaps, stuck values, outliers, clock, units.

A problem of the data is reported as one; no loss is counted for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ona.runtime.words import counted
from ooda.config.detection import DetectionConfig
from ooda.detect.sky import Mask
from ooda.detect.suspect import clock_shift, outliers, stale
from ooda.detect.track import Track
from ooda.detect.units import unit_issue
from ooda.documents.detections import QualityIssue

GAP_MINUTES = 60.0
"""Minutes of silence that are a communication gap."""
BLIND_HOURS = 4.0
"""Hours. An asset that cannot be judged for so long is one that nobody watches."""


@dataclass(frozen=True)
class Checked:
    """Readings that cannot be judged, of those of the day; the problems; completeness in per cent."""

    unusable: Mask
    issues: list[QualityIssue]
    completeness: float


def check(
    whole: Track,
    track: Track,
    light: Mask,
    span: tuple[pd.Timestamp, pd.Timestamp],
    config: DetectionConfig,
) -> Checked:
    """All checks of one asset's readings.

    `whole`: all of them; `track`: those of the day. `light` marks those of the whole in which it should
    produce. `span`: first and last reading of the file, between which readings are due.
    """
    unit, useless = unit_issue(track)
    frozen = stale(track, config)
    spikes = outliers(track)
    shifted, shift = clock_shift(track)
    shifted &= ~useless
    due = round((span[1] - span[0]).total_seconds() / 60.0 / track.step) + 1
    came = int(np.isfinite(whole.power).sum())
    missing = max(0, due - came)
    issues = []
    if missing:
        issues.append(
            _issue(
                "missing_readings", f"{missing} of {counted(due, 'reading')} missing or rejected", missing
            )
        )
    issues += gaps(whole, light)
    if frozen.any():
        count = int(frozen.sum())
        issues.append(
            _issue(
                "stale_values",
                f"power_kw does not change over {counted(count, 'reading')} in a row or more: "
                "a stuck sensor or logger",
                count,
                count * track.hours >= BLIND_HOURS,
            )
        )
    if unit:
        issues.append(unit)
    spikes &= ~useless
    if spikes.any():
        count = int(spikes.sum())
        issues.append(
            _issue(
                "outliers",
                f"{counted(count, 'reading')} of power_kw alone, far from the neighbours or from what "
                "the sun allows",
                count,
            )
        )
    if shifted.any():
        late = "late" if shift > 0 else "early"
        hint = "; a daylight-saving change or a wrong time zone?" if abs(abs(shift) % 60 - 30) > 15 else ""
        issues.append(
            _issue(
                "clock_shift",
                f"power comes and goes {counted(abs(shift), 'minute', '.0f')} {late} by the sun{hint}",
                int(shifted.sum()),
                True,
            )
        )
    power = config.parameters.power
    critical = power.critical_threshold / power.reference_capacity_kw * track.capacity
    with np.errstate(invalid="ignore"):
        over = int(((track.power > critical) & ~useless).sum())
    if over:
        issues.append(
            _issue(
                "implausible_power",
                f"{counted(over, 'reading')} above {critical:g} kW, {critical / track.capacity:.0%} of the "
                "nameplate: wrong capacity_kw in assets.json, or a bad meter",
                over,
            )
        )
    unusable = frozen | spikes | shifted | useless
    completeness = min(100.0, 100.0 * came / due) if due else 100.0
    return Checked(unusable, issues, completeness)


def _issue(kind: str, statement: str, readings: int, blinding: bool = False) -> QualityIssue:
    return QualityIssue(kind=kind, statement=statement, readings=readings, blinding=blinding)


def gaps(track: Track, light: Mask) -> list[QualityIssue]:
    """Silences of an hour or more between readings of which at least one should have been in the light."""
    measured = np.flatnonzero(np.isfinite(track.power))
    if len(measured) < 2:
        return []
    minutes = track.sky.minutes[measured]
    silent = np.diff(minutes)
    long = np.flatnonzero(silent >= max(GAP_MINUTES, 2.5 * track.step))
    issues = []
    for n in long:
        if not (light[measured[n]] or light[measured[n + 1]]):
            continue
        begin, hours = track.times.iloc[measured[n]], silent[n] / 60.0
        issues.append(
            _issue(
                "communication_gap",
                f"nothing was heard for {hours:.1f} h from {begin:%Y-%m-%d %H:%M} UTC: the logger or its "
                "connection; no outage is concluded and no loss booked",
                int(silent[n] / track.step),
                hours >= BLIND_HOURS,
            )
        )
    return issues
