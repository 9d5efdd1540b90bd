"""Judging assets: from the readings of one file to a verdict on each asset. Pure.

The way of one asset: its readings → data quality (`quality.py`) → expected power (`expected.py`) →
residuals (`residuals.py`) → what the file says of each day (`day_records.py`) → its history with these days
and the incidents that follow (`incidents.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from ooda.detect import (
    anemometer,
    asset_history,
    data_days,
    day_marks,
    incidents,
    lasting_shift,
    long_files,
    not_judged,
    quality,
)
from ooda.detect.case import Case
from ooda.detect.context import Before, Context, TelemetryFile
from ooda.detect.day_marks import Table
from ooda.detect.day_records import history_days
from ooda.detect.expected import Reference, reference
from ooda.detect.logged import NOTHING_LOGGED
from ooda.detect.residuals import residuals
from ooda.detect.site_assets import Member, SiteAssets, sites_of
from ooda.detect.sky import Floats, in_maintenance, judged_light
from ooda.detect.spoilt import teaching
from ooda.detect.suspect import clipped
from ooda.detect.track import Track
from ooda.detect.units import possible_power
from ooda.detect.witnesses.telling import Told
from ooda.documents.asset_history import AssetHistory, HistoryDay, that_count
from ooda.documents.detections import AssetDetection, Incident, QualityIssue, QualitySummary, Window

RECENT_DAYS = 30
"""Days of whose energies Energy at Risk is made."""
MOST_RESIDUALS = 200
"""Hours whose residuals are handed on: two to three weeks of daylight."""


@dataclass(frozen=True)
class AssetVerdict:
    """What one file says of one asset: the `detection` for the record, its `days`, the asset's `history`
    with these days, the `frames` of the file that it is made of, and expected power, kW, of the n readings,
    NaN where there is nothing to compare with."""

    detection: AssetDetection
    days: dict[str, HistoryDay]
    history: AssetHistory
    frames: Mapping[str, pd.DataFrame]
    expected: Floats

    @property
    def readings(self) -> pd.DataFrame:
        """The n readings."""
        return self.frames[self.detection.asset_id]


def judge_assets(
    file: TelemetryFile, context: Context, only: Collection[str] | None = None
) -> list[AssetVerdict]:
    """A verdict on each of the file's assets, in order of their ids.

    `only`: the ids to judge, where the file's other assets are there as neighbours. A file that is too long
    to be judged at once is judged in parts (`long_files.py`).
    """
    return long_files.judged(file, context, only, _judged_at_once)


def _judged_at_once(
    file: TelemetryFile, context: Context, only: Collection[str] | None
) -> list[AssetVerdict]:
    verdicts = [
        _judge(member, assets, context, file)
        for assets in sites_of(file, context, only)
        for member in assets.members
    ]
    return sorted(verdicts, key=lambda verdict: verdict.detection.asset_id)


def entered_again(verdict: AssetVerdict, history: AssetHistory, file: TelemetryFile) -> AssetVerdict:
    """The verdict upon another version of the asset's history: somebody else wrote it meanwhile."""
    after = incidents.updated(history, file.key, verdict.days, file.rules, file.threshold)
    planes = {"plane": verdict.history.plane, "sensor_plane": verdict.history.sensor_plane}
    after = after.model_copy(update=planes)
    own = incidents.of_file(history, after, verdict.detection.window)
    detection = verdict.detection.model_copy(update={"incidents": own})
    return replace(verdict, detection=detection, history=after)


def _judge(member: Member, assets: SiteAssets, context: Context, file: TelemetryFile) -> AssetVerdict:
    asset, rules = member.whole.asset, file.rules
    history = context.histories.get(asset.id) or asset_history.empty(asset)
    whole, track = member.whole, member.track
    lit = judged_light(whole.sky, asset, rules.filtering)
    of_no_use = file.quality.unusable.get(asset.id, ())
    beside, told = assets.site.beside(track), assets.told[asset.id]
    checked = quality.check(
        whole,
        track,
        lit,
        file.ends_of(asset.id),
        rules,
        of_no_use,
        told=told,
        days=assets.data[asset.id].days,
        sensor=assets.sensors.get(asset.id, ""),
    )
    usual = teaching(history)
    light = lit if member.rows is None else lit[member.rows]
    usable = light & ~checked.unusable & ~in_maintenance(track.sky.minutes, asset, rules.filtering)
    first_day = int(track.days.number[0])
    ref = reference(
        track,
        told=told,
        turbines=assets.turbines,
        weather=context.weather.get(assets.site_id),
        forecast=context.forecasts.get(asset.id),
        usable=usable,
        history=asset_history.levels_before(usual, first_day) if asset.is_wind else {},
        best=asset_history.best_beside(usual, first_day),
        rules=rules.algorithms.reference,
    )
    case = Case(
        track,
        ref,
        residuals(track, ref, told, usable, rules, asset_history.spreads_before(usual, first_day)),
        told,
        beside,
        rules,
        coolest=whole.coolest()[np.searchsorted(whole.days.number, track.days.number)],
        weather=context.weather.get(assets.site_id),
        log=context.logs.get(asset.id, NOTHING_LOGGED),
        site=assets.site,
    )
    issues = [*checked.issues, *_anemometer(ref)]
    if ref.basis == "none" and light.any():
        issues.append(not_judged.issue(ref.reason, int(light.sum())))
    if ref.basis in ("none", "clear_sky") and asset.id not in file.goes_on:
        issues += lasting_shift.issues_of(_daily_energy(track, file), len(track))
    summary = QualitySummary(
        completeness_percent=round(checked.completeness, 2),
        accuracy_percent=round(100.0 * max(0.0, file.share_valid), 2),
        issues=issues,
    )
    verdict = _verdict(member, case, summary, history, file, assets.data[asset.id].marks, assets.absent)
    if asset.id not in context.damaged:
        return verdict
    reason = f"{verdict.detection.basis_reason}; {context.damaged[asset.id]}"
    return replace(verdict, detection=verdict.detection.model_copy(update={"basis_reason": reason}))


def _daily_energy(track: Track, file: TelemetryFile) -> dict[int, float]:
    """The file's energy by day since 1970, kWh: of the parts before, and of these readings."""
    before = file.before[track.asset.id].days if track.asset.id in file.before else {}
    energy = {asset_history.number_of(day): item.measured_kwh for day, item in before.items()}
    own = np.bincount(track.days.row, np.nan_to_num(possible_power(track))) * track.hours
    return energy | dict(zip(track.days.number.tolist(), own.tolist(), strict=True))


def _anemometer(ref: Reference) -> list[QualityIssue]:
    """The turbine's anemometer says something else than everything beside it."""
    if not ref.anemometer:
        return []
    readings = len(ref.own)
    return [QualityIssue(kind="sensor_drift", statement=ref.anemometer, readings=readings, blinding=True)]


def _verdict(
    member: Member,
    case: Case,
    summary: QualitySummary,
    history: AssetHistory,
    file: TelemetryFile,
    marks: Table,
    provisional: bool,
) -> AssetVerdict:
    track, ref, whole = case.track, case.ref, member.whole
    joint = file.joint.get(track.asset.id, {})
    own = day_marks.marks_of(marks)
    days = history_days(case, teaching(history), joint, own, provisional=provisional)
    before = file.before.get(track.asset.id, Before(history, {}))
    every = {**before.days, **days}
    if track.asset.id in file.goes_on:  # incidents are made of the whole
        after = data_days.marked(asset_history.with_days(before.history, file.key, every))
    else:
        after = incidents.updated(before.history, file.key, every, file.rules, file.threshold)
    if track.asset.is_wind and not ref.anemometer:
        told_late = anemometer.issue(after, days)
        summary = summary.model_copy(update={"issues": [*summary.issues, *told_late]})
    after = _with_planes(after, case.told)
    window = Window(start=whole.times.iloc[0], end=whole.times.iloc[-1])
    expected = np.where(judged_light(track.sky, track.asset, file.rules.filtering), ref.expected, 0.0)
    energies = _recent_energies(after)
    lost = sum(episode.lost_kwh for day in days.values() for episode in day.episodes)
    detection = AssetDetection(
        asset_id=track.asset.id,
        site_id=track.asset.site_id,
        window=window,
        basis=ref.basis,
        basis_reason=ref.reason,
        expected_energy_kwh=round(float(np.nansum(expected) * track.hours), 2),
        measured_energy_kwh=round(float(np.nansum(possible_power(whole)) * whole.hours), 2),
        lost_energy_kwh=round(lost, 2),
        clipped_hours=round(float(clipped(track.share).sum()) * track.hours, 2),
        daily_expected_kwh=[round(due, 2) for due, _ in energies],
        daily_measured_kwh=[round(came, 2) for _, came in energies],
        residual_shares=_hourly_residuals(case, after.incidents),
        quality=summary,
        incidents=incidents.of_file(before.history, after, window),
    )
    return AssetVerdict(detection, days, after, file.readings, _expected_everywhere(member, ref))


def _with_planes(history: AssetHistory, told: Told) -> AssetHistory:
    return history.model_copy(update={"plane": told.plane, "sensor_plane": told.sensor_plane})


def _recent_energies(history: AssetHistory) -> list[tuple[float, float]]:
    """(expected, measured) energy of the last days on which energy was expected, kWh."""
    recent = [that_count(history.days[day]) for day in sorted(history.days)[-RECENT_DAYS:]]
    energies = [
        (sum(i.expected_kwh for i in items), sum(i.measured_kwh for i in items)) for items in recent
    ]
    return [pair for pair in energies if pair[0] > 0]


def _expected_everywhere(member: Member, ref: Reference) -> Floats:
    """Expected power at all readings of an asset, kW: none at night, NaN without any reference."""
    if member.rows is None:
        return ref.expected
    everywhere = np.full(len(member.whole), 0.0 if ref.basis != "none" else np.nan)
    everywhere[member.rows] = ref.expected
    return everywhere


def _hourly_residuals(case: Case, incidents: list[Incident]) -> list[float]:
    """Hourly means of the relative residual outside incidents: the noise that intervals are made of."""
    free = case.res.judged.copy()
    at = case.track.sky.minutes
    for incident in incidents:
        start, end = (_minutes(moment) for moment in (incident.window.start, incident.window.end))
        free &= ~((at >= start) & (at <= end))
    if not free.any():
        return []
    hour, share = at[free] // 60, case.res.share[free]
    first = np.flatnonzero(np.diff(hour, prepend=-1.0))
    means = np.add.reduceat(share, first) / np.diff(np.append(first, len(share)))
    return [round(float(value), 4) for value in means[-MOST_RESIDUALS:]]


def _minutes(moment: datetime) -> float:
    """Minutes since 1970."""
    return moment.astimezone(UTC).timestamp() / 60.0
