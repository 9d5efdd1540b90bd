"""Episodes: a stretch of a day with its energy, signals and evidence."""

from __future__ import annotations

import math

import numpy as np

from ona.runtime.words import counted
from ooda.detect import logged, signals
from ooda.detect.case import Case
from ooda.detect.channels import Channels
from ooda.detect.daily_loss import WORTH
from ooda.detect.form import Forms, says_of
from ooda.detect.sky import Floats, Mask
from ooda.detect.spells import spells
from ooda.detect.stretches import RangeStretch, Stretch, runs_of_a_day
from ooda.detect.sunny_days import SUN_ERRS, Sunny
from ooda.detect.track import Indices
from ooda.documents.detections import Episode, EpisodeWindow, Evidence, Window

FOREST_SAYS = 0.3
"""Share of the remaining doubt (0…1) that the isolation forest takes away when it sets all readings
apart."""


def _energies(case: Case, members: Indices, by_own: bool = False) -> tuple[float, float]:
    """Energy due and energy lost over some readings, kWh."""
    due = (case.ref.own if by_own else case.ref.expected)[members]
    lost = due - case.track.power[members]
    return float(np.nansum(due)) * case.track.hours, max(0.0, float(np.nansum(lost))) * case.track.hours


def _placed(case: Case, members: Indices, forms: Forms) -> list[Indices]:
    """The spells of a partial loss within its readings; none where the last days say that it comes at other
    light."""
    res = case.res
    low = np.zeros(len(case.track), dtype=bool)
    share, form = np.nan_to_num(res.share[members]), says_of(case, forms, members)
    low[members] = spells(share, res.spread[members], case.track.step, form)
    low[members] &= res.judged[members] | (form > 0.0)  # where little is due, the days before must say it
    return runs_of_a_day(case.track, members, low)


def _listed(case: Case, parts: list[Indices], lost: float) -> list[EpisodeWindow]:
    """The spells as the episode lists them, its loss `lost` (kWh) among them; one is the episode itself."""
    if len(parts) < 2:
        return []
    each = [_energies(case, part)[1] for part in parts]
    of = lost / max(sum(each), 1e-9)
    return [
        EpisodeWindow(
            window=_window(case, part),
            hours=round(len(part) * case.track.hours, 3),
            lost_kwh=round(of * energy, 3),
        )
        for part, energy in zip(parts, each, strict=True)
    ]


def episode_of(case: Case, stretch: Stretch, channels: Channels, forms: Forms) -> Episode | None:
    """A stretch with its energy and evidence; None for a partial loss that is not believed enough."""
    members = stretch.members
    parts = _placed(case, members, forms) if stretch.kind == "underperformance" else []
    parts = parts or [members]
    low = np.concatenate(parts)
    due, lost = _energies(case, low, stretch.by_own)
    share = lost / due if due > 0 else 0.0
    spread = float(np.median(case.res.spread[members]))
    whole_due, whole_lost = _energies(case, members, stretch.by_own)
    z = whole_lost / max(whole_due, 1e-9) / spread  # of all readings: those that are low were chosen
    rules = case.config.algorithms
    if stretch.kind == "underperformance":
        sigmas = z * math.sqrt(float(case.res.evidence[members].sum()))
        confidence = case.ref.partial_confidence * math.erf(sigmas / math.sqrt(2.0))
        least = rules.energy_deviation.confidence_threshold
        if sigmas < rules.statistical.z_score_threshold or confidence < least:
            return None
    else:
        confidence = max(0.9, case.ref.partial_confidence)
    evidence = [
        Evidence(
            detector="residual",
            statement=f"{share:.0%} of the expected energy did not come ({case.ref.basis})",
            value=round(100 * share, 1),
            limit=rules.energy_deviation.forecast_tolerance_percent,
        ),
        Evidence(
            detector="robust_z",
            statement=f"the mean deviation is {z:.1f} times the usual spread of {spread:.1%}",
            value=round(z, 2),
            limit=rules.statistical.z_score_threshold,
        ),
    ]
    seen = signals.of(case, members, channels, by_own=stretch.by_own)
    zeros, hours = round(seen.zero_share * len(members)), len(low) * case.track.hours
    if zeros:
        evidence.append(
            Evidence(
                detector="zero_output",
                statement=f"no power in {counted(zeros, 'reading')} while {due / hours:.1f} kW were due",
                value=zeros * case.track.step,
                limit=rules.duration.outage_minutes,
            )
        )
    apart = float(case.unusual[members].mean())
    contamination = rules.machine_learning.contamination
    if apart > 2 * contamination:
        evidence.append(
            Evidence(
                detector="isolation_forest",
                statement=f"{apart:.0%} of its readings are among the {contamination:.0%} most isolated",
                value=round(apart, 3),
                limit=contamination,
            )
        )
        confidence = 1.0 - (1.0 - confidence) * (1.0 - FOREST_SAYS * apart)
    limit = case.config.parameters.temperature.normal_range_max
    top = None if case.track.asset.is_wind else seen.temperature_max_c
    if top is not None and top > limit:
        evidence.append(_range_evidence("temperature", top, limit))
    events = logged.events_of(case.log, case.track, members, stretch.kind)
    return Episode(
        kind=stretch.kind,
        window=_window(case, low),
        hours=round(hours, 3),
        expected_kwh=round(due, 3),
        lost_kwh=round(lost, 3),
        spells=_listed(case, parts, lost),
        confidence=round(confidence, 3),
        signals=seen,
        evidence=evidence + logged.evidence_of(events),
        events=events,
    )


def range_episode(case: Case, violation: RangeStretch, channels: Channels) -> Episode:
    """Readings beyond a limit as an episode; no energy is lost to them."""
    stretch = violation.stretch
    events = logged.events_of(case.log, case.track, stretch.members, stretch.kind)
    return Episode(
        kind=stretch.kind,
        window=_window(case, stretch.members),
        hours=round(len(stretch.members) * case.track.hours, 3),
        expected_kwh=0.0,
        lost_kwh=0.0,
        confidence=0.9,
        signals=signals.of(case, stretch.members, channels),
        evidence=[
            _range_evidence(violation.quantity, violation.highest, violation.limit),
            *logged.evidence_of(events),
        ],
        events=events,
    )


def _range_evidence(quantity: str, top: float, limit: float) -> Evidence:
    unit = {"temperature": "°C", "voltage": "V"}[quantity]
    return Evidence(
        detector="range",
        statement=f"{quantity} reached {top:.1f} {unit}",
        value=round(top, 1),
        limit=limit,
    )


def _window(case: Case, members: Indices) -> Window:
    return Window(start=case.track.times.iloc[members[0]], end=case.track.times.iloc[members[-1]])


def weak_days(
    case: Case, daily: Floats, apart: Mask, channels: Channels, forms: Forms, sun: Sunny
) -> dict[int, Episode]:
    """The day as an episode, by solar day, where it missed a little.

    `daily`: the loss share of each day; `apart`: readings of stops, which do not count; `forms`: of the
    days and those before; `sun`: the days that the told sun tells of. Whether the episode counts follows
    from the days before and after (`lasting.py`).
    """
    days, track = case.track.days, case.track
    weak: dict[int, Episode] = {}
    if case.ref.partial_confidence < case.config.algorithms.energy_deviation.confidence_threshold:
        return weak
    with np.errstate(invalid="ignore"):
        by_sun = sun.doubt > 0.0
        some = np.flatnonzero(daily > np.where(by_sun, SUN_ERRS, WORTH))
    ends = np.append(days.first[1:], len(track))
    counted = (case.res.lit if case.told.others else case.res.judged) & ~apart
    for n in some:
        members = days.first[n] + np.flatnonzero(counted[days.first[n] : ends[n]])
        if len(members) < 2:
            continue
        parts = [members] if by_sun[n] else _placed(case, members, forms)
        if not parts:
            continue
        low = np.concatenate(parts)
        _, lost = _energies(case, members)  # of all of the day: what is chosen for being low is too low
        due = max(lost, _energies(case, low)[0])
        share = float(daily[n])
        confidence = min(0.95, case.ref.partial_confidence)
        events = logged.events_of(case.log, track, members, "underperformance")
        weak[int(days.number[n])] = Episode(
            kind="underperformance",
            window=_window(case, low),
            hours=round(len(low) * track.hours, 3),
            expected_kwh=round(due, 3),
            lost_kwh=round(lost, 3),
            spells=_listed(case, parts, lost),
            confidence=round(confidence, 3),
            signals=signals.of(case, members, channels),
            evidence=[
                Evidence(
                    detector="day",
                    statement=f"{share:.1%} less than expected over the whole day",
                    value=round(100 * share, 2),
                    limit=round(100 * WORTH, 2),
                ),
                *logged.evidence_of(events),
            ],
            events=events,
        )
    return weak
