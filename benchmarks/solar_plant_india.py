"""Detection on the real inverter fleet of `../shared/data/solar_plant_india`.

Ground truth is what the data README states. An incident is *supported* if within it the inverter is at
zero in daylight for 30 minutes or below 0.9 of the fleet's median for an hour, else *false*.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from ona.config import sources
from ona.telemetry.exports import read_export
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import detection_config
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import judge_assets
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection, Incident
from ops.target import use_configs

THRESHOLD = 0.7
"""Severity from which an incident is actionable."""
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "solar_plant_india"
WORST = ("bvBOhCH3iADSZry", "1BY6WEcLGh8j5v7")
OUTAGES = {
    "2020-06-07": (
        *WORST,
        "z9Y9gH1T5YWrNuG",
        "wCURE6d3bPkepu2",
        "McdE0feGgRqW7Ca",
        "sjndEbLyjtCKgGv",
    ),
    "2020-06-14": WORST,
}
WEAK_DAYS = {
    "zBIq5rxdHJRwDNY": ("2020-05-24",),
    "ih0vzX44oOqAx2f": ("2020-05-24", "2020-05-25"),
    "rGa61gmuvPhdLxV": ("2020-05-22",),
}


@dataclass(frozen=True)
class Result:
    """What detection made of the fleet."""

    detections: list[AssetDetection]
    incidents: list[Incident]
    false: list[Incident]
    frame: pd.DataFrame
    seconds: float

    @property
    def lost(self) -> list[tuple[str, float]]:
        """(inverter, kWh lost), the worst first."""
        total: Counter[str] = Counter()
        for incident in self.incidents:
            total[incident.asset_id] += incident.lost_energy_kwh
        return total.most_common()

    def found(self, asset: str, day: str, kind: str | None = None) -> bool:
        """Whether an incident of the kind (or any) was seen on a day."""
        return any(
            incident.asset_id == asset
            and f"{incident.window.start:%Y-%m-%d}" <= day <= f"{incident.window.end:%Y-%m-%d}"
            and kind in (None, incident.kind)
            for incident in self.incidents
        )


def _run_of(mask: pd.Series, need: int) -> bool:
    longest = current = 0
    for value in mask:
        current = current + 1 if value else 0
        longest = max(longest, current)
    return longest >= need


def supported(incident: Incident, power: pd.DataFrame) -> bool:
    """The README's definition, at 15 minutes a reading."""
    inside = power.loc[incident.window.start : incident.window.end]
    own, median = inside[incident.asset_id], inside.median(axis=1)
    daylight = median > 20.0
    return _run_of((own <= 1.0) & daylight, 2) or _run_of((own < 0.9 * median) & daylight, 4)


def run() -> Result:
    """Every day as one file, in order, as the loop would see them."""
    use_configs()
    files = {path.name: path.read_bytes() for path in DATA.glob("*.csv")}
    profile = sources.source_profiles()["solar_plant_india"]
    telemetry, registry = read_export(profile, files, now=datetime.now(UTC), registry=None)
    frame, rules = telemetry.frame, detection_config()
    detections: list[AssetDetection] = []
    histories: dict[str, AssetHistory] = {}
    started = time.perf_counter()
    for when, day in frame.groupby(frame["timestamp"].dt.floor("D")):
        quality = Quality(rows_read=len(day))
        file = TelemetryFile(by_asset(day), quality, registry, rules, THRESHOLD, key=str(when))
        for verdict in judge_assets(file, Context(histories)):
            detections.append(verdict.detection)
            histories[verdict.detection.asset_id] = verdict.history
    seconds = time.perf_counter() - started
    power = frame.pivot_table(index="timestamp", columns="asset_id", values="power_kw")
    incidents = [incident for history in histories.values() for incident in history.incidents]
    false = [item for item in incidents if not item.suspected and not supported(item, power)]
    return Result(detections, incidents, false, frame, seconds)


def main() -> None:
    if not DATA.is_dir():
        print(f"{DATA} is not here; nothing measured")
        return
    result = run()
    print(f"{'inverter':<18}{'kWh lost':>10}{'incidents':>11}")
    counts = Counter(incident.asset_id for incident in result.incidents)
    for name, kwh in result.lost:
        mark = "  known to be worst" if name in WORST else ""
        print(f"{name:<18}{kwh:>10.0f}{counts[name]:>11}{mark}")
    print()
    print(f"{'known event':<40}{'found':>8}")
    for day, names in OUTAGES.items():
        for name in names:
            print(f"outage {day} {name:<22}{'yes' if result.found(name, day, 'outage') else 'NO':>8}")
    for name, days in WEAK_DAYS.items():
        for day in days:
            print(f"weak   {day} {name:<22}{'yes' if result.found(name, day) else 'NO':>8}")
    issues = Counter(issue.kind for item in result.detections for issue in item.quality.issues)
    days = len(result.detections)
    suspected = sum(incident.suspected for incident in result.incidents)
    print(
        f"\nincidents {len(result.incidents)}, of which suspected {suspected}, false {len(result.false)} "
        f"in {days} inverter-days"
    )
    print(f"data problems by inverter-day: {dict(issues)}")
    print(f"{len(result.frame):,} readings judged in {result.seconds:.1f} s")


if __name__ == "__main__":
    main()
