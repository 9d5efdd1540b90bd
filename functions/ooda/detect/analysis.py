"""Detection of one file: pure, from frames to records. The handler brings the frames."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from ona.documents.assets import Asset, AssetRegistry
from ona.telemetry.readings import Quality, Telemetry, by_machine
from ona.telemetry.readings import span as whole_span
from ooda.config.detection import DetectionConfig
from ooda.detect import book as books
from ooda.detect import geometry, losses, quality, signals
from ooda.detect.expected import Levels, Reference, before_each, reference
from ooda.detect.losses import Case, Stretch
from ooda.detect.peers import Site
from ooda.detect.sky import Clock, Floats, Mask, Sky, in_maintenance, judged_light
from ooda.detect.sky import sky as sky_of
from ooda.detect.track import Indices, Track
from ooda.documents.books import AssetBook, BookDay, LevelOfDay
from ooda.documents.detections import (
    AssetDetection,
    Episode,
    Evidence,
    Geometry,
    Incident,
    QualityIssue,
    QualitySummary,
    Window,
)


@dataclass(frozen=True)
class Context:
    """What is known beside the file: each machine's book and its ETag, the same days of the site's other
    machines (canonical frames), predicted power in kW by UTC time for each asset, hourly weather by site,
    and how the irradiance sensors lie, where that is known already; a file of two weeks or more tells it
    itself."""

    books: dict[str, AssetBook] = field(default_factory=dict)
    peers: pd.DataFrame = field(default_factory=pd.DataFrame)
    forecasts: dict[str, pd.Series] = field(default_factory=dict)
    weather: dict[str, pd.DataFrame] = field(default_factory=dict)
    geometry: dict[str, Geometry] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)


LARGE = 1_000_000
"""From so many readings on a file is judged in several processes."""
BATCH = 24


@dataclass(frozen=True)
class Batch:
    """Machines of one site that are judged at a time: `part` counts those of the site."""

    site: str
    part: int
    names: list[str]


def batches(telemetry: Telemetry, registry: AssetRegistry) -> list[Batch]:
    """A file's machines by site; of a large file at most `BATCH` at a time."""
    sites: dict[str, list[str]] = {}
    for asset in registry.assets:
        if asset.id in telemetry.machines:
            sites.setdefault(asset.site_id, []).append(asset.id)
    found = []
    for site, names in sorted(sites.items()):
        ordered = sorted(names)
        most = BATCH if len(telemetry) >= LARGE else len(ordered)
        found += [
            Batch(site, part, ordered[n : n + most]) for part, n in enumerate(range(0, len(ordered), most))
        ]
    return found


@dataclass(frozen=True)
class Judged:
    """One machine's part of a file: the record, what it tells of its days, its book with that entered, and
    expected power, kW, (n,), NaN where nothing is known."""

    detection: AssetDetection
    days: dict[str, BookDay]
    book: AssetBook
    expected: Floats


def analyse(
    machines: Mapping[str, pd.DataFrame],
    file_quality: Quality,
    context: Context,
    registry: AssetRegistry,
    config: DetectionConfig,
    threshold: float,
    source: str = "file",
    *,
    span: tuple[pd.Timestamp, pd.Timestamp] | None = None,
    only: Collection[str] | None = None,
) -> list[Judged]:
    """Judge machines by their canonical frames, in order of their ids; `source` is the file's key.

    `span`: first and last reading of the whole file, where these are not all of its machines; `only`: those
    to judge, where others are there as neighbours.
    """
    share_valid = 1.0 - file_quality.rows_rejected / max(file_quality.rows_read, 1)
    span = span or whole_span(machines)
    judged: dict[str, Judged] = {}
    for site_id, members, site in sites(machines, context, registry, config, only):
        for member in members:
            asset = member.whole.asset
            book = context.books.get(asset.id) or empty(asset)
            case, issues, completeness = examine(
                member,
                site,
                book,
                context.forecasts.get(asset.id),
                context.weather.get(site_id),
                span,
                config,
            )
            judged[asset.id] = _record(
                member, case, issues, completeness, share_valid, book, config, threshold, source
            )
    return [judged[name] for name in sorted(judged)]


def empty(asset: Asset) -> AssetBook:
    """The book of a machine of which nothing is known."""
    return AssetBook(asset_id=asset.id, site_id=asset.site_id)


@dataclass(frozen=True)
class Member:
    """A machine of a site: all its readings, and those that are judged with where they stand among all; the
    night's tell of the data only."""

    whole: Track
    track: Track
    rows: Indices | None


def sites(
    machines: Mapping[str, pd.DataFrame],
    context: Context,
    registry: AssetRegistry,
    config: DetectionConfig,
    only: Collection[str] | None = None,
) -> list[tuple[str, list[Member], Site]]:
    """The machines to judge by site, with the site's machines of reference."""
    rules = config.algorithms.reference
    beside = {} if context.peers.empty else by_machine(context.peers)
    known = {asset.id: asset for asset in registry.assets}
    groups: dict[str, list[str]] = {}
    for name in sorted({*beside, *machines} & set(known)):
        groups.setdefault(known[name].site_id, []).append(name)
    found = []
    for site_id, everybody in sorted(groups.items()):
        present = sorted(set(everybody) & set(machines if only is None else only))
        if not present:
            continue
        reference = everybody[: rules.max_peers]  # the same ones every time
        frames = {
            name: machines[name] if name in machines else beside[name]
            for name in sorted({*present, *reference})
        }
        place = next((known[name].location for name in present if known[name].location), None)
        clock = Clock.of([own["timestamp"] for own in frames.values()])
        common = sky_of(clock.times, place, config.filtering)
        alone = len(everybody) <= rules.min_peers  # among neighbours under one sensor its plane cancels
        tracks = {
            name: Track.of(
                own, known[name], common.at(clock.rows(own["timestamp"])),
                context.geometry.get(name) or (geometry.fit(own, known[name]) if alone else None),
            )
            for name, own in frames.items()
        }  # fmt: skip
        members = _by_day(tracks, config)
        site = Site.of([members[name].track for name in reference], rules.min_peers)
        found.append((site_id, [members[name] for name in present], site))
    return found


DUSK_MINUTES, DUSK_READINGS = 60.0, 6
"""Of the dark so much belongs to the day: what is concluded of a reading looks at its neighbours."""


def _by_day(tracks: dict[str, Track], config: DetectionConfig) -> dict[str, Member]:
    """The machines of one site without the readings of the night, but for those in which one of them gives
    power or is beyond a limit."""
    shared: dict[int, tuple[Indices, Sky]] = {}
    limits = config.parameters

    def eventful(track: Track) -> Mask:
        with np.errstate(invalid="ignore"):
            return (
                (track.power > 0.0)
                | (track.temperature > limits.temperature.critical_threshold)
                | (track.volts > limits.voltage.critical_threshold)
            )

    skies = {id(track.sky): track.sky for track in tracks.values()}
    dark = config.filtering.exclude_night_hours and not any(t.asset.is_wind for t in tracks.values())
    for key, sky in skies.items() if dark else ():
        mine = [track for track in tracks.values() if track.sky is sky]
        reach = max(DUSK_READINGS, math.ceil(DUSK_MINUTES / min(track.step for track in mine)))
        wide = np.ones(2 * reach + 1)
        near = np.convolve(sky.light, wide, mode="full")[reach : reach + len(sky.light)] > 0.5
        rows = np.flatnonzero(near | np.logical_or.reduce([eventful(track) for track in mine]))
        if 0 < len(rows) < len(near):
            shared[key] = rows, sky.at(rows)
    return {
        name: Member(track, track.at(*shared[id(track.sky)]), shared[id(track.sky)][0])
        if id(track.sky) in shared
        else Member(track, track, None)
        for name, track in tracks.items()
    }


def examine(
    member: Member,
    site: Site,
    known: AssetBook,
    forecast: pd.Series | None,
    weather: pd.DataFrame | None,
    span: tuple[pd.Timestamp, pd.Timestamp],
    config: DetectionConfig,
) -> tuple[Case, list[QualityIssue], float]:
    """A machine's readings with what was expected of them; its data problems; completeness in per cent."""
    whole, track = member.whole, member.track
    lit = judged_light(whole.sky, whole.asset, config.filtering)
    checked = quality.check(whole, track, lit, span, config)
    light = lit if member.rows is None else lit[member.rows]
    usable = light & ~checked.unusable & ~in_maintenance(track.sky.minutes, track.asset, config.filtering)
    beside = site.beside(track)
    before = int(track.days.number[0])
    ref = reference(
        track, beside=beside, forecast=forecast, usable=usable, history=books.history(known, before),
        rules=config.algorithms.reference,
    )  # fmt: skip
    res = losses.residuals(track, ref, usable, config)
    issues = [*checked.issues, *_sensor_drift(ref)]
    if ref.basis == "none" and light.any():
        issues = [
            *issues,
            QualityIssue(kind="no_reference", statement=ref.reason, readings=int(light.sum())),
        ]
    coolest = whole.coolest()[np.searchsorted(whole.days.number, track.days.number)]
    return Case(track, ref, res, beside, config, coolest, weather), issues, checked.completeness


FOREST_SAYS = 0.3
"""How much of the remaining doubt the isolation forest takes away when it sets all readings apart."""
DRIFT = 0.10


def _sensor_drift(ref: Reference) -> list[QualityIssue]:
    """The irradiance sensor reads less than it did: all machines together give more for what it says."""
    if ref.sensor_low is None or not np.isfinite(ref.sensor_low).any():
        return []
    most = float(np.nanmax(ref.sensor_low))
    if most < DRIFT:
        return []
    return [
        QualityIssue(
            kind="sensor_drift",
            statement=f"irradiance_w_m2 reads about {most:.0%} less than it did against what "
            "all machines give: clean or calibrate the sensor",
            readings=len(ref.own),
            blinding=True,
        )
    ]


def _record(
    member: Member,
    case: Case,
    issues: list[QualityIssue],
    completeness: float,
    share_valid: float,
    known: AssetBook,
    config: DetectionConfig,
    threshold: float,
    source: str,
) -> Judged:
    track, ref, whole = case.track, case.ref, member.whole
    days = book_days(case, known)
    entered = concluded(known, source, days, track.asset, config, threshold)
    window = Window(start=whole.times.iloc[0], end=whole.times.iloc[-1])
    expected = np.where(judged_light(track.sky, track.asset, config.filtering), ref.expected, 0.0)
    recent = [(day, list(items.values())) for day, items in sorted(entered.days.items())][-30:]
    energies = [
        (sum(i.expected_kwh for i in items), sum(i.measured_kwh for i in items)) for _, items in recent
    ]
    energies = [pair for pair in energies if pair[0] > 0]
    lost = sum(episode.lost_kwh for day in days.values() for episode in day.episodes)
    detection = AssetDetection(
        asset_id=track.asset.id,
        site_id=track.asset.site_id,
        window=window,
        basis=ref.basis,
        basis_reason=ref.reason,
        expected_energy_kwh=round(float(np.nansum(expected) * track.hours), 2),
        measured_energy_kwh=round(float(np.nansum(whole.power) * whole.hours), 2),
        lost_energy_kwh=round(lost, 2),
        clipped_hours=round(float(quality.clipped(track.share).sum()) * track.hours, 2),
        daily_expected_kwh=[round(pair[0], 2) for pair in energies],
        daily_measured_kwh=[round(pair[1], 2) for pair in energies],
        residual_shares=_hourly_residuals(case, entered.incidents),
        quality=QualitySummary(
            completeness_percent=round(completeness, 2),
            accuracy_percent=round(100.0 * max(0.0, share_valid), 2),
            issues=issues,
        ),
        incidents=concerned(known, entered, window),
    )
    if member.rows is None:
        return Judged(detection, days, entered, ref.expected)
    everywhere = np.full(len(whole), 0.0 if ref.basis != "none" else np.nan)
    everywhere[member.rows] = ref.expected
    return Judged(detection, days, entered, everywhere)


def concluded(
    book: AssetBook, source: str, days: dict[str, BookDay], asset: Asset, config: DetectionConfig,
    threshold: float,
) -> AssetBook:  # fmt: skip
    """A machine's book with what a file says of its days, and the incidents that follow."""
    entered = books.enter(book, source, days)
    found = books.incidents(entered, asset, config, threshold)
    return entered.model_copy(update={"incidents": found})


def concerned(before: AssetBook, after: AssetBook, window: Window) -> list[Incident]:
    """The incidents that a file has part in: those within its window, and those whose state it changed."""
    states = {incident.incident_id: incident.state for incident in before.incidents}
    return [
        incident
        for incident in after.incidents
        if (incident.window.start <= window.end and incident.window.end >= window.start)
        or states.get(incident.incident_id, incident.state) != incident.state
    ]


def book_days(case: Case, known: AssetBook) -> dict[str, BookDay]:
    """What the file says of each of its D solar days."""
    track, ref, res = case.track, case.ref, case.res
    days = track.days
    found = losses.stretches(case) + losses.site_wide(case)
    apart = np.zeros(len(track), dtype=bool)
    for stretch in found:
        if stretch.kind != "underperformance":
            apart[stretch.members] = True
    daily = losses.by_day(case, apart)
    at_work = signals.working(case)
    warm, ac_dc = signals.warmth(case, at_work), signals.efficiency(case)
    volts = days.median(track.volts, at_work & (track.volts > 0))
    eff, warmth = days.median(ac_dc, np.isfinite(ac_dc)), days.median(warm, at_work)
    usual = _usual(known, int(days.number[0]) if len(days) else 0, volts, eff, warmth)
    light = judged_light(track.sky, track.asset, case.config.filtering)
    due = days.sum(ref.expected, light) * track.hours
    came = days.sum(track.power) * track.hours
    lit = days.count(light) > 0
    judged_hours = days.count(res.judged) * track.hours
    highest = days.highest(ref.expected, res.judged)
    episodes: dict[int, list[Episode]] = {}
    for stretch in found:
        episode = _episode(case, stretch, usual, warm, ac_dc)
        if episode is not None:
            episodes.setdefault(stretch.day, []).append(episode)
    for stretch, quantity, top, limit in losses.range_stretches(case):
        episodes.setdefault(stretch.day, []).append(
            _range_episode(case, stretch, quantity, top, limit, usual, warm, ac_dc)
        )
    weak = _weak(case, daily, apart, usual, warm, ac_dc)
    families = {ref.family: ref.levels} if ref.family in books.FAMILIES else {}
    if ref.by_sun is not None:
        families["sun"] = ref.by_sun
    levels = {
        name: _told(level, res.of_days if name == ref.family else None) for name, level in families.items()
    }
    columns = {
        "expected_kwh": _numbers(due, 2),
        "measured_kwh": _numbers(came, 2),
        "judged_hours": _numbers(judged_hours, 2),
        "top_kw": _numbers(np.nan_to_num(highest), 2),
        "loss": _numbers(daily),
        "volts": _numbers(volts, 1),
        "efficiency": _numbers(eff),
        "warmth_c": _numbers(warmth, 1),
    }
    return {
        books.name_of(number): BookDay(
            basis=ref.basis,
            levels={name: rows[n] for name, rows in levels.items()},
            episodes=episodes.get(number, []),
            weak=weak.get(number),
            **{name: values[n] for name, values in columns.items()},
        )
        for n, number in enumerate(days.number.tolist())
        if lit[n]  # the night's end of a file says nothing of its solar day
    }


def _told(levels: Levels, spreads: tuple[Floats, Floats] | None) -> list[LevelOfDay]:
    d = len(levels.gain)
    nothing: list[float | None] = [None] * d
    gains = _numbers(levels.gain)
    spread, cloudy = map(_numbers, spreads) if spreads else (nothing, nothing)
    recent = levels.shape[-books.KEEP_SHAPES :]  # older shapes teach nothing any more
    shapes = [_numbers(row, 3) if np.isfinite(row).any() else [] for row in recent]
    shapes = [[]] * (d - len(shapes)) + shapes
    return [
        LevelOfDay(gain=gains[n], spread=spread[n], cloudy=cloudy[n], shape=shapes[n]) for n in range(d)
    ]


def _numbers(values: NDArray[np.floating[Any]], digits: int = 4) -> list[float | None]:
    """Rounded, with None for what is not known."""
    return [value if math.isfinite(value) else None for value in np.round(values, digits).tolist()]


def _usual(
    known: AssetBook, before: int, volts: Floats, eff: Floats, warmth: Floats
) -> list[signals.Usual]:
    """What channels usually read, for each of the file's days: the median of the 30 days before it."""
    columns = []
    for name, own in (("volts", volts), ("efficiency", eff), ("warmth_c", warmth)):
        earlier = np.array(books.usual(known, before, name)[::-1], dtype=float)
        columns.append(before_each(earlier, own))
    return [signals.Usual(*row) for row in zip(*(_numbers(c, 6) for c in columns), strict=True)]


def _energies(case: Case, members: Indices, by_own: bool = False) -> tuple[float, float]:
    """Energy due and lost over some readings, kWh."""
    due = (case.ref.own if by_own else case.ref.expected)[members]
    lost = due - case.track.power[members]
    return float(np.nansum(due)) * case.track.hours, max(0.0, float(np.nansum(lost))) * case.track.hours


def _episode(
    case: Case, stretch: Stretch, usual: list[signals.Usual], warm: Floats, ac_dc: Floats
) -> Episode | None:
    """A stretch with its energy and evidence; None for a partial loss that is not believed enough."""
    members = stretch.members
    due, lost = _energies(case, members, stretch.by_own)
    share = lost / due if due > 0 else 0.0
    spread = float(np.median(case.res.spread[members]))
    z = (share if stretch.by_own else float(np.median(case.res.share[members]))) / spread
    rules = case.config.algorithms
    if stretch.kind == "underperformance":
        certain = float(2 * norm.cdf(z * math.sqrt(len(members))) - 1)
        confidence = case.ref.partial_confidence * certain
        if confidence < rules.energy_deviation.confidence_threshold:
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
            statement=f"the median deviation is {z:.1f} times the usual spread of {spread:.1%}",
            value=round(z, 2),
            limit=rules.statistical.z_score_threshold,
        ),
    ]
    seen = signals.of(
        case, members, usual[case.track.days.row[members[0]]], warm, ac_dc, by_own=stretch.by_own
    )
    zeros, hours = round(seen.zero_share * len(members)), len(members) * case.track.hours
    if zeros:
        evidence.append(
            Evidence(
                detector="zero_output",
                statement=f"no power in {zeros} readings while {due / hours:.1f} kW were due",
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
    if seen.temperature_max_c is not None and seen.temperature_max_c > limit:
        evidence.append(_range_evidence("temperature", seen.temperature_max_c, limit))
    return Episode(
        kind=stretch.kind,
        window=_window(case, members),
        hours=round(len(members) * case.track.hours, 3),
        expected_kwh=round(due, 3),
        lost_kwh=round(lost, 3),
        confidence=round(confidence, 3),
        signals=seen,
        evidence=evidence,
    )


def _range_episode(
    case: Case, stretch: Stretch, quantity: str, top: float, limit: float, usual: list[signals.Usual],
    warm: Floats, ac_dc: Floats,
) -> Episode:  # fmt: skip
    return Episode(
        kind=stretch.kind,
        window=_window(case, stretch.members),
        hours=round(len(stretch.members) * case.track.hours, 3),
        expected_kwh=0.0,
        lost_kwh=0.0,
        confidence=0.9,
        signals=signals.of(
            case, stretch.members, usual[case.track.days.row[stretch.members[0]]], warm, ac_dc
        ),
        evidence=[_range_evidence(quantity, top, limit)],
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


def _weak(
    case: Case,
    daily: Floats,
    apart: Mask,
    usual: list[signals.Usual],
    warm: Floats,
    ac_dc: Floats,
) -> dict[int, Episode]:
    """By solar day: the day as an episode, where it missed a little; the book decides whether it counts."""
    days, track = case.track.days, case.track
    found: dict[int, Episode] = {}
    if case.ref.partial_confidence < case.config.algorithms.energy_deviation.confidence_threshold:
        return found
    with np.errstate(invalid="ignore"):
        some = np.flatnonzero(daily > losses.SLACK)
    ends = np.append(days.first[1:], len(track))
    for n in some:
        rows = np.arange(days.first[n], ends[n])
        members = rows[(case.res.judged & ~apart)[rows]]
        if len(members) < 2:
            continue
        due, lost = _energies(case, members)
        share = float(daily[n])
        confidence = min(0.95, case.ref.partial_confidence)
        found[int(days.number[n])] = Episode(
            kind="underperformance",
            window=_window(case, members),
            hours=round(len(members) * track.hours, 3),
            expected_kwh=round(due, 3),
            lost_kwh=round(lost, 3),
            confidence=round(confidence, 3),
            signals=signals.of(case, members, usual[n], warm, ac_dc),
            evidence=[
                Evidence(
                    detector="cumulative_sum",
                    statement=f"{share:.1%} less than expected over the whole day, not for the first time",
                    value=round(100 * share, 2),
                    limit=round(100 * losses.SLACK, 2),
                )
            ],
        )
    return found


def _hourly_residuals(case: Case, found: list[Incident]) -> list[float]:
    """Hourly means of the relative residual outside incidents: the noise that intervals are made of."""
    free = case.res.judged.copy()
    at = case.track.sky.minutes
    for incident in found:
        start, end = (_minutes(moment) for moment in (incident.window.start, incident.window.end))
        free &= ~((at >= start) & (at <= end))
    if not free.any():
        return []
    hour, share = at[free] // 60, case.res.share[free]
    first = np.flatnonzero(np.diff(hour, prepend=-1.0))
    means = np.add.reduceat(share, first) / np.diff(np.append(first, len(share)))
    return [round(float(value), 4) for value in means[-200:]]


def _minutes(moment: datetime) -> float:
    return moment.astimezone(UTC).timestamp() / 60.0
