"""What a strange plant is made of: place, roofs, sensor, step, noise. `halves` has the plants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

SensorKind = Literal["plane", "flat", "none"]
Half = Literal["tuning", "reporting", "third", "held-out"]


@dataclass(frozen=True)
class Roof:
    """`count` machines in one plane: tilt from the horizontal, azimuth clockwise from north, degrees."""

    count: int
    tilt: float
    azimuth: float


@dataclass(frozen=True)
class Climate:
    """`cloudiness`: below 0 drier, above 0 duller. Air in °C: mean, half the yearly and daily range.
    `turbidity`: Linke's, mean. `wind_m_s`: mean at 10 m. `storms`, `heat_waves`: a year. `dry`: how much
    drier it is in the middle of the dry season, the day `dry_day` of the year."""

    cloudiness: float
    mean_c: float
    season_c: float
    day_c: float
    turbidity: float
    wind_m_s: float
    storms: int
    heat_waves: int
    dry: float = 0.0
    dry_day: int = 0


@dataclass(frozen=True)
class Recipe:
    """One plant. `step`: minutes. `split`: how global irradiance is parted into beam and diffuse.
    `noise`: all noises of its machines and meters are multiplied by it. `weather`: the site has a
    weather service. `channels`: what the machines measure besides power. `rotor_m`, `hub_m`: wind only.
    `month`: in which the file begins. `stamp`: of an interval. `ratio`: DC over AC rating of all machines.
    `skyline`: (azimuth, elevation) in degrees of what stands around, with `foliage` of the beam through it.
    `dust`: loss a day in the middle of the dry season. `snow`: it stays on modules. `askew`: degrees by
    which the sensor is out of its plane. `gaps`: share of readings that are lost in bursts.
    `ground`: share of light that it gives back. `rear`: share of the light behind them that modules take
    (bifacial). `rows`: width of a row of modules over the way to the next; 0: none shades another.
    `fog`: share of the mornings of the cool season. `cap`: share of capacity that nobody may exceed.
    `late`: minutes in 30 days by which the sensor's clock goes wrong; every 60 days it is set.
    `draw`: share of capacity that a machine takes while it gives nothing. `coarse`: kW to which power is
    rounded. `joined`: days of the file on which the last machines come. `fewer`: machines that were built
    with fewer modules."""

    name: str
    half: Half
    seed: int
    year: int
    latitude: float
    longitude: float
    altitude: float
    step: int
    climate: Climate
    kind: Literal["roofs", "tracked", "wind"] = "roofs"
    roofs: tuple[Roof, ...] = ()
    sensor: SensorKind = "none"
    split: Literal["dirint", "layers"] = "layers"
    noise: float = 1.0
    capacity_kw: float = 60.0
    weather: bool = True
    channels: tuple[str, ...] = ("voltage", "dc", "temperature")
    turbines: int = 0
    rotor_m: float = 90.0
    hub_m: float = 95.0
    direction: bool = False
    place: str = ""
    month: int = 1
    stamp: Literal["end", "begin"] = "end"
    ratio: float | None = None
    skyline: tuple[tuple[float, float], ...] = ()
    foliage: float = 0.0
    dust: float = 0.0
    snow: bool = False
    askew: float = 0.0
    gaps: float = 0.0
    ground: float = 0.2
    rear: float = 0.0
    rows: float = 0.0
    fog: float = 0.0
    cap: float = 1.0
    late: float = 0.0
    draw: float = 0.0
    coarse: float = 0.0
    joined: tuple[int, ...] = ()
    fewer: int = 0

    @property
    def count(self) -> int:
        """Its machines."""
        return self.turbines or sum(roof.count for roof in self.roofs)

    @property
    def first_day(self) -> int:
        """Days of the calendar year before the file begins."""
        return date(self.year, self.month, 1).timetuple().tm_yday - 1

    @property
    def family(self) -> str:
        """How the tables call its kind of plant."""
        if self.kind == "wind":
            return "wind, one turbine" if self.turbines == 1 else "wind farm"
        if self.count == 1:
            return "lone, sensor" if self.sensor != "none" else "lone, no sensor"
        if self.kind == "tracked":
            return "tracked"
        return "one orientation" if len(self.roofs) == 1 else "mixed roofs"
