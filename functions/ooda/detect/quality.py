"""Data quality of one asset: completeness, gaps, stuck values, outliers, clock, units.

A problem of the data is reported as one; no loss is counted for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ona.runtime.words import counted
from ona.telemetry.intervals import usual_step
from ona.telemetry.readings import Unusable
from ooda.config.detection import DetectionConfig
from ooda.detect.sky import DAY_MINUTES, Floats, Mask, in_maintenance, judged_light, sky
from ooda.detect.suspect import clock_shift, outliers, stale
from ooda.detect.track import Track
from ooda.detect.units import TOO_LARGE, impossible, unit_issue
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
    of_no_use: Sequence[Unusable] = (),
) -> Checked:
    """All checks of one asset's readings.

    `whole`: all of them; `track`: those of the day. `light` marks those of the whole in which it should
    produce. `span`: first and last reading of the file, between which readings are due. `of_no_use`:
    readings that came, and whose power nobody can use.
    """
    came_in_vain = in_vain(of_no_use, whole, config)
    unit, wrong_days = unit_issue(track)
    mixed = impossible(track) & ~wrong_days
    useless = wrong_days | mixed
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
    issues += in_vain_by_day(came_in_vain, whole)
    issues += gaps(whole, light, came_in_vain)
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
    if mixed.any():
        issues.append(_mixed_units(int(mixed.sum()), track))
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


def _mixed_units(count: int, track: Track) -> QualityIssue:
    """Some readings of a day that are beyond the nameplate, beside others that may be right."""
    return _issue(
        "unit_error",
        f"power_kw is more than {TOO_LARGE:g} times the nameplate of {track.capacity:g} kW in "
        f"{counted(count, 'reading')}, beside others that are possible: mixed units (watts and "
        "kilowatts?) or a bad meter; the readings are left out",
        count,
        count * track.hours >= BLIND_HOURS,
    )


def _issue(kind: str, statement: str, readings: int, blinding: bool = False) -> QualityIssue:
    return QualityIssue(kind=kind, statement=statement, readings=readings, blinding=blinding)


@dataclass(frozen=True)
class InVain:
    """Readings of an asset that came, and whose power nobody can use: `minutes` since 1970 UTC, (n,), each
    once and rising; `light`: in which it should produce; `reason`: the commonest one in the light."""

    minutes: Floats
    light: Mask
    reason: str


def in_vain(of_no_use: Sequence[Unusable], whole: Track, config: DetectionConfig) -> InVain:
    """The readings whose power nobody can use, and which of them are by day.

    Planned work excuses them, and another reading of the same time: a row may stand twice, another file may
    have the time too.
    """
    if not of_no_use:
        return InVain(np.empty(0), np.empty(0, dtype=bool), "")
    asset, measured = whole.asset, whole.sky.minutes[np.isfinite(whole.power)]
    counts: dict[str, int] = {}
    lit: dict[float, bool] = {}
    for reason, times in of_no_use:
        above = sky(pd.DatetimeIndex(times, dtype="datetime64[us, UTC]"), asset.location, config.filtering)
        light = judged_light(above, asset, config.filtering)
        light = light & ~in_maintenance(above.minutes, asset, config.filtering)
        light &= ~np.isin(above.minutes, measured)
        lit |= dict(zip(above.minutes.tolist(), light.tolist(), strict=True))
        counts[reason] = counts.get(reason, 0) + int(light.sum())
    minutes = np.array(sorted(lit))
    light = np.array([lit[minute] for minute in sorted(lit)], dtype=bool)
    return InVain(minutes, light, max(counts, key=lambda reason: counts[reason]))


def in_vain_by_day(vain: InVain, whole: Track) -> list[QualityIssue]:
    """Readings by day that came without a power that can be used: somebody must mend the export."""
    count = int(vain.light.sum())
    if not count:
        return []
    step = usual_step(np.union1d(whole.sky.minutes, vain.minutes))
    hours = count * min(step, DAY_MINUTES) / 60.0
    return [
        _issue(
            "unusable_readings",
            f"{counted(count, 'reading')} by day came without a power_kw that can be used ({vain.reason}): "
            "the export or the logger; no outage is concluded and no loss booked",
            count,
            hours >= BLIND_HOURS,
        )
    ]


def gaps(track: Track, light: Mask, vain: InVain) -> list[QualityIssue]:
    """Silences of an hour or more with a reading in the light at an end, or one without power within.

    What came in vain was heard.
    """
    measured = track.sky.minutes[np.isfinite(track.power)]
    heard = np.union1d(measured, vain.minutes) if len(vain.minutes) else measured
    if len(heard) < 2:
        heard = np.union1d(heard, track.sky.minutes[[0, -1]])
    silent = np.diff(heard)
    long = np.flatnonzero(silent >= max(GAP_MINUTES, 2.5 * track.step))
    if not len(long):
        return []
    lit = np.union1d(track.sky.minutes[light], vain.minutes[vain.light])
    issues = []
    for n in long:
        if np.searchsorted(lit, heard[n]) == np.searchsorted(lit, heard[n + 1], side="right"):
            continue
        begin, hours = pd.Timestamp(heard[n] * 60.0, unit="s", tz="UTC"), silent[n] / 60.0
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
