"""Detection of one file: pure, from frames to records. The handler brings the frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from scipy.stats import norm

from detect import book as books
from detect import geometry, losses, quality, signals
from detect.expected import Levels, Reference, before_each, reference
from detect.losses import Case, Stretch
from detect.peers import Site
from detect.sky import Floats, Mask, in_maintenance, judged_light, sky
from detect.track import Indices, Track
from ona.assets import Asset, AssetRegistry
from ona.config import DetectionConfig
from ona.records import (
    AssetBook,
    AssetDetection,
    BookDay,
    Episode,
    Evidence,
    Geometry,
    Incident,
    LevelOfDay,
    QualityIssue,
    QualitySummary,
    Window,
)
from ona.telemetry import Quality


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


@dataclass(frozen=True)
class Judged:
    """One machine's part of a file: the record, what goes into its book, and expected power, kW, (n,)."""

    detection: AssetDetection
    days: dict[str, BookDay]
    expected: Floats


def analyse(
    frame: pd.DataFrame,
    file_quality: Quality,
    context: Context,
    registry: AssetRegistry,
    config: DetectionConfig,
    threshold: float,
    source: str = "file",
) -> tuple[list[AssetDetection], pd.DataFrame, dict[str, dict[str, BookDay]]]:
    """Judge every asset of a canonical frame, sorted by asset and time; `source` is the file's key.

    Returns the detections, the frame with a column `expected_kw` (NaN where nothing is known), and by
    asset the days to enter into its book.
    """
    share_valid = 1.0 - file_quality.rows_rejected / max(file_quality.rows_read, 1)
    span = (frame["timestamp"].min(), frame["timestamp"].max())
    judged: dict[str, Judged] = {}
    for site_id, tracks, site in sites(frame, context, registry, config):
        for track in tracks:
            asset = track.asset
            case, issues, completeness = examine(
                track, site, context.books.get(asset.id) or empty(asset), context.forecasts.get(asset.id),
                context.weather.get(site_id), span, config,
            )  # fmt: skip
            judged[asset.id] = _record(
                case, issues, completeness, share_valid,
                context.books.get(asset.id) or empty(asset), config, threshold, source,
            )  # fmt: skip
    parts = [
        own.assign(expected_kw=judged[str(name)].expected)
        for name, own in frame.groupby("asset_id", sort=True)
        if str(name) in judged
    ]
    ordered = [judged[name] for name in sorted(judged)]
    days = {item.detection.asset_id: item.days for item in ordered}
    return [item.detection for item in ordered], pd.concat(parts, ignore_index=True), days


def empty(asset: Asset) -> AssetBook:
    """The book of a machine of which nothing is known."""
    return AssetBook(asset_id=asset.id, site_id=asset.site_id)


def sites(
    frame: pd.DataFrame, context: Context, registry: AssetRegistry, config: DetectionConfig
) -> list[tuple[str, list[Track], Site]]:
    """The file's machines by site, as tracks, with the site's machines of reference."""
    rules, peers = config.algorithms.reference, context.peers
    both = [frame] if peers.empty else [frame, peers[~peers["asset_id"].isin(frame["asset_id"].unique())]]
    known = {asset.id: asset for asset in registry.assets}
    groups: dict[str, dict[str, pd.DataFrame]] = {}
    mine = set(frame["asset_id"].unique())
    for part in both:
        for name, own in part.groupby("asset_id", sort=True):
            if str(name) in known:
                groups.setdefault(known[str(name)].site_id, {})[str(name)] = own
    found = []
    for site_id, members in sorted(groups.items()):
        present = sorted(name for name in members if name in mine)
        if not present:
            continue
        place = next((known[name].location for name in present if known[name].location), None)
        times = pd.DatetimeIndex(pd.concat([own["timestamp"] for own in members.values()]).unique())
        times = times.sort_values()
        common = sky(times, place, config.filtering)
        alone = len(members) <= rules.min_peers  # among neighbours under one sensor its plane cancels
        tracks = {
            name: Track.of(
                own, known[name], common.at(times.searchsorted(own["timestamp"])),
                context.geometry.get(name) or (geometry.fit(own, known[name]) if alone else None),
            )
            for name, own in members.items()
        }  # fmt: skip
        site = Site.of(list(tracks.values()), rules.min_peers, rules.max_peers)
        found.append((site_id, [tracks[name] for name in present], site))
    return found


def examine(
    track: Track,
    site: Site,
    known: AssetBook,
    forecast: pd.Series | None,
    weather: pd.DataFrame | None,
    span: tuple[pd.Timestamp, pd.Timestamp],
    config: DetectionConfig,
) -> tuple[Case, list[QualityIssue], float]:
    """A machine's readings with what was expected of them; its data problems; completeness in per cent."""
    light = judged_light(track.sky, track.asset, config.filtering)
    checked = quality.check(track, light, span, config)
    planned = in_maintenance(track.sky.minutes, track.asset, config.filtering)
    usable = light & ~checked.unusable & ~planned
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
    return Case(track, ref, res, beside, config, weather), issues, checked.completeness


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
    case: Case,
    issues: list[QualityIssue],
    completeness: float,
    share_valid: float,
    known: AssetBook,
    config: DetectionConfig,
    threshold: float,
    source: str,
) -> Judged:
    track, ref = case.track, case.ref
    days = book_days(case, known)
    entered = concluded(known, source, days, track.asset, config, threshold)
    window = Window(start=track.times.iloc[0], end=track.times.iloc[-1])
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
        measured_energy_kwh=round(float(np.nansum(track.power) * track.hours), 2),
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
    return Judged(detection, days, ref.expected)


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
    spreads = losses.day_spreads(track, ref, res.share)
    at_work = signals.working(case)
    warm, ac_dc = signals.warmth(case, at_work), signals.efficiency(case)
    volts = days.median(track.volts, at_work & (track.volts > 0))
    eff, warmth = days.median(ac_dc), days.median(warm)
    usual = _usual(known, int(days.number[0]) if len(days) else 0, volts, eff, warmth)
    light = judged_light(track.sky, track.asset, case.config.filtering)
    due = days.sum(ref.expected, light) * track.hours
    came = days.sum(track.power) * track.hours
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
        name: _told(level, spreads if name == ref.family else None) for name, level in families.items()
    }
    out = {}
    lit = days.count(light) > 0
    for n, number in enumerate(days.number):
        if not lit[n]:
            continue  # the night's end of a file says nothing of its solar day
        out[books.name_of(int(number))] = BookDay.model_construct(
            basis=ref.basis,
            levels={name: rows[n] for name, rows in levels.items()},
            expected_kwh=round(float(due[n]), 2),
            measured_kwh=round(float(came[n]), 2),
            judged_hours=round(float(judged_hours[n]), 2),
            top_kw=_number(highest[n], 2) or 0.0,
            loss=_number(daily[n]),
            volts=_number(volts[n], 1),
            efficiency=_number(eff[n]),
            warmth_c=_number(warmth[n], 1),
            episodes=episodes.get(int(number), []),
            weak=weak.get(int(number)),
        )
    return out


def _told(levels: Levels, spreads: tuple[Floats, Floats] | None) -> list[LevelOfDay]:
    gains, shapes = levels.gain, levels.shape
    rows = []
    for n in range(len(gains)):
        recent = len(gains) - n <= books.KEEP_SHAPES  # older shapes teach nothing any more
        known = np.isfinite(shapes[n]) if recent else np.zeros(0, dtype=bool)
        shape = [round(float(v), 3) if ok else None for v, ok in zip(shapes[n], known, strict=recent)]
        rows.append(
            LevelOfDay.model_construct(
                gain=_number(gains[n]),
                spread=_number(spreads[0][n]) if spreads else None,
                cloudy=_number(spreads[1][n]) if spreads else None,
                shape=shape if known.any() else [],
            )
        )
    return rows


def _number(value: float, digits: int = 4) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _usual(
    known: AssetBook, before: int, volts: Floats, eff: Floats, warmth: Floats
) -> list[signals.Usual]:
    """What channels usually read, for each of the file's days: the median of the 30 days before it."""
    columns = []
    for name, own in (("volts", volts), ("efficiency", eff), ("warmth_c", warmth)):
        earlier = np.array(books.usual(known, before, name)[::-1], dtype=float)
        columns.append(before_each(earlier, own))
    return [signals.Usual(*(_number(v, 6) for v in row)) for row in zip(*columns, strict=True)]


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
    hour = (at[free] // 60).astype(np.int64)
    place = np.unique(hour, return_inverse=True)[1]
    means = np.bincount(place, case.res.share[free]) / np.bincount(place)
    return [round(float(value), 4) for value in means[-200:]]


def _minutes(moment: datetime) -> float:
    return moment.astimezone(UTC).timestamp() / 60.0
