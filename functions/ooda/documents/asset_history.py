"""The asset history: the days of one asset as its files gave them, and its incidents.

>>> file_order("2025/01/15/x.csv") < file_order("2025/01/15/x-v2.csv")  # without the ending
True
>>> Stay(0.0, 120.0, 15.0).overlaps(Stay(135.0, 240.0, 15.0))  # the second goes on where the first ends
False
>>> Stay(0.0, 120.0, 15.0).overlaps(Stay(120.0, 240.0, 15.0))  # both have the reading at 120
True
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field

from ona.documents.base import Document
from ooda.documents.detections import (
    Basis,
    Episode,
    Geometry,
    Incident,
    IncidentKind,
    PlantCause,
    Window,
)

APART = 0.9
"""Of the shorter interval: files whose readings are further apart follow each other. Clocks jitter."""
_STOPS: frozenset[IncidentKind] = frozenset({"outage", "site_outage", "underperformance"})
EXPLAINED_BY: Mapping[PlantCause, frozenset[IncidentKind]] = {
    "grid": _STOPS,
    "operation": frozenset({"operation", "site_outage", "outage", "snow"}),
    "curtailment": frozenset({"curtailment"}),
    "snow": _STOPS,
}
"""Kinds of a machine's episodes that an event of its plant explains, by the event's cause, while the
machine itself stood for it. What it lacks while it works, or while the plant is held at a level, may be a
fault."""
_ENDING = re.compile(r"(\.[A-Za-z]{2,7}){1,2}$")
"""The ending of a file's name: `.csv`, `.csv.gz`, `.parquet`."""


def file_order(key: str) -> tuple[str, str]:
    """What files are ordered by, wherever one of them must stand back: their keys without the ending."""
    return _ENDING.sub("", key), key


@dataclass(frozen=True)
class Stay:
    """From which reading to which a file tells of a day, minutes since 1970 UTC; `step`: the minutes
    between two readings, 0 where that is not known."""

    first: float
    last: float
    step: float

    def overlaps(self, other: Stay) -> bool:
        """Whether a time may stand in both."""
        gap = max(self.first, other.first) - min(self.last, other.last)
        return gap <= 0.0 or gap < APART * min(self.step, other.step)


class LevelOfDay(Document):
    """What a day says of an asset against one driver (`detect/levels.py`); None: nothing."""

    gain: float | None = None
    spread: float | None = None
    cloudy: float | None = Field(default=None, description="spread of the readings under clouds")
    shape: list[float | None] = []


class DayMarks(Document):
    """What a day's readings say of the data themselves (`detect/day_marks.py`); None: nothing.

    Minutes for `begins`, `ends` and `late`, else ratios.
    """

    begins: float | None = Field(default=None, description="when power began, after sunrise")
    ends: float | None = Field(default=None, description="when power ended, after sunset")
    late: float | None = Field(default=None, description="how late ups and downs come beside the others'")
    of_sun: float | None = Field(default=None, description="share of capacity over measured irradiance")
    of_neighbours: float | None = Field(default=None, description="share of capacity over the neighbours'")
    of_wind: float | None = Field(default=None, description="share of capacity over a usual turbine's")
    of_dc: float | None = Field(default=None, description="AC over DC power")
    wind_of_others: float | None = Field(
        default=None, description="the own anemometer's wind over the median of the other turbines'"
    )
    wind_of_service: float | None = Field(
        default=None, description="the own anemometer's wind over the weather service's"
    )
    rated: float | None = Field(
        default=None, description="share of capacity at which a turbine's power was flat, its wind not"
    )
    sensor_of_machines: float | None = Field(
        default=None, description="irradiance over what the site's machines tell of it"
    )
    sensor_of_clear: float | None = Field(
        default=None, description="irradiance over the clear sky's, in quiet hours about noon"
    )
    power_of_clear: float | None = Field(
        default=None, description="share of capacity over the clear sky's, in the same hours"
    )
    clear_by_form: float | None = Field(
        default=None,
        description="share of capacity over the clear sky's on a day clear by its form, in any unit",
    )
    most_of_clear: float | None = Field(
        default=None, description="share of capacity over the clear sky's at its highest about noon"
    )
    season: float | None = Field(
        default=None,
        description="a clear noon in the modules' plane over the flat; the plane may be assumed",
    )


class LearnedPlane(Document):
    """How modules or a sensor lie (degrees), and what they give at 1 kW/m² (share of capacity), as learned
    when the site had so many `days`."""

    tilt: float
    azimuth: float
    gain: float
    days: int
    still: bool = Field(default=False, description="a sensor that stands still beside trackers")
    seasons: list[tuple[float, float]] = Field(
        default=[],
        description="tilt and azimuth as each 60 days of the last year showed them",
    )


class HistoryDay(Document):
    """One solar day of an asset as one file gave it, or several that overlap (`detect/overlaps.py`).

    Energies in kWh, power in kW, `volts` in V, `warmth_c` in °C above the air and the work due,
    `efficiency` as AC over DC, `cell_c` the modules' temperature as it should
    be, °C (`detect/channels.py`).
    """

    basis: Basis
    levels: dict[str, LevelOfDay]
    expected_kwh: float
    measured_kwh: float
    judged_hours: float
    top_kw: float = Field(default=0.0, description="the highest power that was due while it was judged")
    loss: float | None = Field(description="share of the expected energy that did not come, stops apart")
    fleet_loss: float | None = Field(
        default=None,
        description="median of the same of the site's other assets, as log(due / came); None below three",
    )
    company: float | None = Field(
        default=None, description="what so many others lost at least that it is no chance, as fleet_loss"
    )
    volts: float | None = None
    efficiency: float | None = None
    warmth_c: float | None = None
    cell_c: float | None = None
    due: float | None = Field(
        default=None, description="share of capacity that was due at the readings of `volts`"
    )
    sag: float | None = Field(
        default=None, description="how much higher the DC voltage was at high load than at low, of itself"
    )
    profile: list[float | None] = Field(
        default=[], description="mean share of capacity in each solar half hour, at 25 °C, while it worked"
    )
    irradiance: list[float | None] = Field(default=[], description="the same of the irradiance, kW/m²")
    spreads: list[float | None] = Field(
        default=[], description="spread of the residuals by kind of instant (detect/witnesses/telling.py)"
    )
    missing: list[float | None] = Field(
        default=[], description="share of what was due that did not come, by solar half hour, stops apart"
    )
    memory: float | None = Field(
        default=None, description="correlation of residuals with those of the reading before"
    )
    shift: float | None = Field(default=None, description="median residual over its usual spread")
    episodes: list[Episode]
    weak: Episode | None = Field(
        default=None,
        description="the whole day, when a little was missing: it counts if it goes on for days",
    )
    readings: Window | None = Field(
        default=None, description="its first and last reading; None in an older history"
    )
    step_minutes: float = Field(default=0.0, description="the usual interval of its readings")
    marks: DayMarks | None = Field(
        default=None, description="what it says of clock, unit and sensor; None in an older history"
    )
    files: list[str] = Field(
        default=[], description="keys of the other files whose readings are in it, because they overlap"
    )
    alone: bool = Field(
        default=False, description="a single witness told what was due, and nobody contradicts it"
    )
    doubt: float = Field(
        default=0.0, description="standard deviation of its log loss by what nobody knows of the sky"
    )
    provisional: bool = Field(
        default=False, description="judged while other machines of its site had not come"
    )
    beside: float | None = Field(
        default=None, description="its level over its neighbours', as so many days had shown it"
    )
    short: float | None = Field(
        default=None, description="share of what its neighbours give that nobody has seen it give"
    )

    def stay(self) -> Stay | None:
        """Its first and last reading; of an older history those of its episodes, None without any."""
        windows = [episode.window for episode in [*self.episodes, *([self.weak] if self.weak else [])]]
        windows = [self.readings] if self.readings is not None else windows
        if not windows:
            return None
        first, last = min(window.start for window in windows), max(window.end for window in windows)
        return Stay(_minutes(first), _minutes(last), self.step_minutes)

    def repeats(self, other: HistoryDay) -> bool:
        """Whether it tells of readings that the other tells of too."""
        one, two = self.stay(), other.stay()
        if one is not None and two is not None:
            return one.overlaps(two)
        return self.judged_hours > 0 and all(
            getattr(self, name) == getattr(other, name)
            for name in ("judged_hours", "expected_kwh", "measured_kwh", "loss")
        )


def _minutes(moment: datetime) -> float:
    """Minutes since 1970."""
    return moment.astimezone(UTC).timestamp() / 60.0


def that_count(by_file: Mapping[str, HistoryDay]) -> list[HistoryDay]:
    """What counts of a day, in order of time: each reading once.

    Files that overlap are one entry as a rule. Where they are several (the file of one could not be read
    any more), the one with the most judged hours counts, then the one whose key sorts later.
    """
    if len(by_file) == 1:
        return list(by_file.values())
    ranked = sorted(
        by_file.items(), key=lambda pair: (pair[1].judged_hours, file_order(pair[0])), reverse=True
    )
    chosen: list[tuple[str, HistoryDay]] = []
    for key, item in ranked:
        if not any(item.repeats(other) for _, other in chosen):
            chosen.append((key, item))
    chosen.sort(key=lambda pair: (stay.first if (stay := pair[1].stay()) else 0.0, file_order(pair[0])))
    return [item for _, item in chosen]


class PlantStop(Document):
    """A machine's part in an event of its plant (`documents/site_days.py`): it explains what lies in it."""

    event_id: str
    window: Window
    cause: PlantCause = "grid"

    def explains(self, episode: Episode) -> bool:
        """Whether at least half of an episode lies in it that is of a kind which the event may cause."""
        if episode.kind not in EXPLAINED_BY[self.cause]:
            return False
        begin, end = episode.window.start, episode.window.end
        inside = min(end, self.window.end) - max(begin, self.window.start)
        return inside.total_seconds() >= 0.5 * (end - begin).total_seconds()


class SpoiltDays(Document):
    """Dates of days whose data are wrong, as all days of a history together say it (`detect/data_days.py`).

    `power`: of another clock or unit, nothing of them counts; `part`: some of their readings may be of
    another unit; `meter`: power reads more than it did; `light`: the irradiance sensor or the anemometer
    misleads; `doubtful`: their unit may be another, or part of the machine is lost: that is suspected.
    """

    power: list[str] = []
    part: list[str] = []
    meter: list[str] = []
    light: list[str] = []
    doubtful: list[str] = []


class AssetHistory(Document):
    """All days and incidents of one asset: `incidents/<site>/<asset>.json`, one an asset.

    A day is filed under the key of the file that gave it; of files that overlap under the key that sorts
    last. A file that comes late, out of order or twice thus changes what it says and nothing else. The
    incidents follow from the days.
    """

    asset_id: str
    site_id: str
    geometry: Geometry | None = None
    plane: LearnedPlane | None = None
    sensor_plane: LearnedPlane | None = None
    days: dict[str, dict[str, HistoryDay]] = Field(
        default={}, description="by date, then by the file's key"
    )
    spoilt: SpoiltDays = SpoiltDays()
    incidents: list[Incident] = []
    plant: dict[str, list[PlantStop]] = Field(
        default={}, description="by date: its part in events of the plant, as the site layer found them"
    )
    superseded: list[Incident] = Field(
        default=[], description="incidents that the site layer withdrew or merged, the latest last"
    )
