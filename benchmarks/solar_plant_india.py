"""Detection on the real inverter fleet of `../shared/data/solar_plant_india`.

Ground truth is what the data README states. An incident is *supported* if within it the inverter is at
zero in daylight for 30 minutes or below 0.9 of the fleet's median for an hour, else *false*. A *suspected*
incident is not booked and nobody is sent: it is neither found nor false, and is counted for itself.

Partial losses are judged by another hand too (`fleet_judge.py`), and so they are in the same fleet with
stops put in: on each day two machines in five stand still for some hours, each at other ones. Where many
stand still, those that work must not be found below each other.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from benchmarks.fleet_judge import Fleet, Verdict
from ona.config import sources
from ona.telemetry.exports import read_export
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import detection_config
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import judge_assets
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import NO_FAULT, AssetDetection, Incident
from ops.target import use_configs

THRESHOLD = 0.7
"""Severity from which an incident is actionable."""
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "solar_plant_india"
GENERATION = "Plant_1_Generation_Data.csv"
LOCAL = timedelta(hours=5.5)
"""Of the file's clock from UTC (README)."""
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


STOPS_A_DAY, SEED = 0.4, 15
"""Of the machines that stand still for some hours of a day, where stops are put in."""


@dataclass(frozen=True)
class Result:
    """What detection made of the fleet. `false`: the booked incidents that are not supported; `verdicts`:
    what the judge of another hand says of each booked partial loss."""

    detections: list[AssetDetection]
    incidents: list[Incident]
    false: list[Incident]
    verdicts: list[tuple[Incident, Verdict]]
    frame: pd.DataFrame
    seconds: float

    @property
    def lost(self) -> list[tuple[str, float]]:
        """(inverter, kWh lost), the worst first."""
        total: Counter[str] = Counter()
        for incident in self.incidents:
            total[incident.asset_id] += incident.lost_energy_kwh
        return total.most_common()

    def found(self, asset: str, day: str, kind: str | None = None, *, suspected: bool = False) -> bool:
        """Whether an incident of the kind (or any) was seen on a day; `suspected`: also one that is not
        booked."""
        return any(
            incident.asset_id == asset
            and f"{incident.window.start:%Y-%m-%d}" <= day <= f"{incident.window.end:%Y-%m-%d}"
            and kind in (None, incident.kind)
            and (suspected or not incident.suspected)
            for incident in self.incidents
        )

    @property
    def most_below(self) -> int:
        """How many machines have a partial loss on one day, at most."""
        days: Counter[str] = Counter()
        for incident, _ in self.verdicts:
            days.update({f"{at:%Y-%m-%d}" for at, _ in _spans(incident)})
        return max(days.values(), default=0)


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


def _spans(incident: Incident) -> list[tuple[datetime, datetime]]:
    """An incident's episodes in the file's local time."""
    return [
        ((e.window.start + LOCAL).replace(tzinfo=None), (e.window.end + LOCAL).replace(tzinfo=None))
        for e in incident.episodes
    ]


def with_stops(text: str) -> str:
    """A generation file in which machines stand still for one to five hours, each at its own time."""
    rng = random.Random(SEED)
    stands: dict[tuple[str, str], tuple[float, float] | None] = {}
    lines = text.splitlines()
    names = lines[0].split(",")
    at, key, ac, dc = (names.index(n) for n in ("DATE_TIME", "SOURCE_KEY", "AC_POWER", "DC_POWER"))
    for n, line in enumerate(lines[1:], start=1):
        row = line.split(",")
        moment = datetime.fromisoformat(row[at])
        day, hour = (f"{moment:%Y-%m-%d}", row[key]), moment.hour + moment.minute / 60.0
        if day not in stands:
            begin = rng.uniform(7.0, 15.0)
            stands[day] = (begin, begin + rng.uniform(1.0, 5.0)) if rng.random() < STOPS_A_DAY else None
        stop = stands[day]
        if stop is not None and stop[0] <= hour < stop[1]:
            row[ac] = row[dc] = "0.0"
            lines[n] = ",".join(row)
    return "\n".join(lines) + "\n"


def run(change: Callable[[str], str] | None = None) -> Result:
    """Every day as one file, in order, as the loop would see them; `change`: done to the generation file
    before."""
    use_configs()
    files = {path.name: path.read_bytes() for path in DATA.glob("Plant_1_*.csv")}
    text = files[GENERATION].decode()
    if change is not None:
        text = change(text)
        files[GENERATION] = text.encode()
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
    booked = [item for item in incidents if not item.suspected]
    false = [item for item in booked if item.kind not in NO_FAULT and not supported(item, power)]
    fleet = Fleet.read(text)
    verdicts = [
        (item, fleet.verdict(item.asset_id, _spans(item)))
        for item in booked
        if item.kind == "underperformance"
    ]
    return Result(detections, incidents, false, verdicts, frame, seconds)


def _report(result: Result) -> None:
    """How many incidents there are, and what the judges say of them."""
    said = Counter(verdict for _, verdict in result.verdicts)
    partial = ", ".join(f"{said[name]} {name}" for name in ("true", "unclear", "false"))
    suspected = [item for item in result.incidents if item.suspected]
    print(
        f"incidents {len(result.incidents)} in {len(result.detections)} inverter-days: "
        f"{len(result.incidents) - len(suspected)} booked, of which {len(result.false)} false; "
        f"{len(suspected)} suspected"
    )
    print(f"partial losses, by another hand: {partial}; on one day at most {result.most_below} machines")
    for incident, verdict in result.verdicts:
        if verdict != "true":
            window = f"{incident.window.start:%m-%d %H:%M} to {incident.window.end:%m-%d %H:%M}"
            print(f"  {verdict:<8}{incident.asset_id:<18}{window}  {incident.deviation_percent:.0f} %")


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

    def told(name: str, day: str, kind: str | None) -> str:
        if result.found(name, day, kind):
            return "yes"
        return "suspected" if result.found(name, day, kind, suspected=True) else "NO"

    print(f"{'known event':<40}{'found':>10}")
    for day, names in OUTAGES.items():
        for name in names:
            print(f"outage {day} {name:<22}{told(name, day, 'outage'):>10}")
    for name, days in WEAK_DAYS.items():
        for day in days:
            print(f"weak   {day} {name:<22}{told(name, day, None):>10}")
    print()
    _report(result)
    issues = Counter(issue.kind for item in result.detections for issue in item.quality.issues)
    print(f"data problems by inverter-day: {dict(issues)}")
    print(f"{len(result.frame):,} readings judged in {result.seconds:.1f} s")
    print("\nthe same with stops put in:")
    _report(run(with_stops))


if __name__ == "__main__":
    main()
