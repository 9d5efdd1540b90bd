"""Data quality of one asset: completeness and gaps here; each other check in a module of its own.

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
from ooda.detect.data_days import DataDays
from ooda.detect.logger_zeros import logger_zeros
from ooda.detect.sky import DAY_MINUTES, Floats, Mask, in_maintenance, judged_light, sky
from ooda.detect.spikes import outliers
from ooda.detect.straight import interpolated
from ooda.detect.suspect import stale
from ooda.detect.track import Track
from ooda.detect.units import TOO_LARGE, impossible, unit_issue
from ooda.detect.witnesses.telling import Told
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
    *,
    told: Told,
    days: DataDays,
    sensor: str = "",
) -> Checked:
    """All checks of one asset's readings.

    `whole`: all of them; `track`: those of the day. `light` marks those of the whole in which it should
    produce. `span`: first and last reading of the file, between which readings are due. `of_no_use`:
    readings that came, and whose power nobody can use. `told`: what the site's witnesses tell of the day's
    readings; `days`: what its days and the earlier ones say of the data; `sensor`: the first of the
    machines that share its irradiance sensor, if several do.
    """
    lit = light if whole is track else light[np.searchsorted(whole.sky.minutes, track.sky.minutes)]
    came_in_vain = in_vain(of_no_use, whole, config)
    unit, wrong_days = unit_issue(track, told.due)
    shifted, energy = (_of_rows(days, mask, track) for mask in (days.shift != 0.0, days.energy))
    useless = wrong_days | energy
    mixed = impossible(track) & ~useless
    useless |= mixed
    frozen = stale(track, config)
    line = interpolated(track) & ~frozen
    spikes = outliers(track, told.by_others) & ~(useless | shifted)
    zeros = logger_zeros(track, lit, _usual_ac_dc(days.table.of_dc)) & ~useless
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
    issues += _rows_told(track, frozen=frozen, zeros=zeros, line=line, spikes=spikes)
    if unit and not (energy.any() and unit.readings and not wrong_days.any()):
        issues.append(unit)
    if mixed.any():
        issues.append(_mixed_units(int(mixed.sum()), track))
    issues += _days_told(days, track, sensor)
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
    unusable = frozen | line | zeros | spikes | shifted | useless
    completeness = min(100.0, 100.0 * came / due) if due else 100.0
    return Checked(unusable, issues, completeness)


def _of_rows(days: DataDays, wrong: Mask, track: Track) -> Mask:
    """Of the days' problem the readings of the file, (n,)."""
    return np.asarray(wrong[np.searchsorted(days.table.number, track.days.number)][track.days.row])


def _usual_ac_dc(of_dc: Floats) -> float:
    """The usual AC over DC power; 1 where it is not known."""
    return float(np.nanmedian(of_dc)) if np.isfinite(of_dc).any() else 1.0


def _rows_told(track: Track, *, frozen: Mask, zeros: Mask, line: Mask, spikes: Mask) -> list[QualityIssue]:
    """What single readings, masks of shape (n,), say of the data."""
    told = (
        (
            "stale_values",
            frozen,
            "power_kw does not change over {} in a row or more: a stuck sensor or logger",
        ),
        (
            "logger_zeros",
            zeros,
            "power_kw is 0 in {} by day while the other channels show that the machine runs: the logger or "
            "the meter; no outage is concluded and no loss booked",
        ),
        (
            "interpolated_values",
            line,
            "power_kw runs along a straight line over {}: interpolated, not measured",
        ),
        (
            "outliers",
            spikes,
            "{} of power_kw alone, far from the neighbours or from what the sun allows",
        ),
    )
    return [
        _issue(
            kind,
            text.format(counted(count, "reading")),
            count,
            kind != "outliers" and count * track.hours >= BLIND_HOURS,
        )
        for kind, mask, text in told
        if (count := int(mask.sum()))
    ]


def _days_told(days: DataDays, track: Track, sensor: str) -> list[QualityIssue]:
    """What whole days say of clock, unit, sensor and meter, with the day on which it began."""
    at = np.searchsorted(days.table.number, track.days.number)
    readings = track.days.count(np.isfinite(track.power))
    issues = []
    for kind, wrong in (
        ("clock_shift", days.shift != 0.0),
        ("unit_error", days.energy if days.energy[at].any() else days.doubtful),
        ("sensor_drift", days.sensor.wrong),
        ("level_shift", days.meter > 0.0),
    ):
        mine = np.flatnonzero(wrong[at])
        if not len(mine):
            continue
        last = int(at[mine[-1]])
        text, since = "", days.since(wrong, last)
        possible = kind == "unit_error" and bool(days.doubtful[last])
        if kind == "clock_shift":
            shift = float(np.median(days.shift[at[mine]]))
            dst = (
                "; a daylight-saving change or a wrong time zone?" if abs(abs(shift) % 60 - 30) > 15 else ""
            )
            minutes = counted(round(abs(shift)), "minute")
            text = f"power comes and goes {minutes} {'late' if shift > 0 else 'early'}{dst}"
        elif possible:
            text = (
                f"power_kw is {track.hours:.3g} of what it was: the energy of each interval in kWh, or "
                "what a loss left; no DC power and no irradiance tells which"
            )
        elif kind == "unit_error":
            text = (
                f"power_kw is {track.hours:.3g} of what it should be: probably the energy of each interval "
                f"of {counted(track.step, 'minute', 'g')} in kWh; multiply by {1.0 / track.hours:g}"
            )
        elif kind == "level_shift":
            text = (
                f"power_kw reads about {float(days.meter[last]):.0%} more than it did, and more than the "
                "machine can give: the meter's ratio or setting"
            )
        else:
            share = float(days.sensor.share[last])
            text = (
                f"irradiance_w_m2 reads about {abs(share):.0%} {'more' if share > 0 else 'less'} than it "
                "did: clean or calibrate the sensor"
            )
        blinding = kind != "level_shift" and not possible
        issue = _issue(kind, f"{text} (since {since})", int(readings[mine].sum()), blinding)
        issues.append(issue.model_copy(update={"sensor": sensor}) if kind == "sensor_drift" else issue)
    return issues


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
