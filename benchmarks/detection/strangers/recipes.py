"""What each strange plant is made of: place, roofs, sensor, step, noise; half to tune on, half to report.

The halves share no place, no seed, no size and no level of noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SensorKind = Literal["plane", "flat", "none"]
Half = Literal["tuning", "reporting"]


@dataclass(frozen=True)
class Roof:
    """`count` machines in one plane: tilt from the horizontal, azimuth clockwise from north, degrees."""

    count: int
    tilt: float
    azimuth: float


@dataclass(frozen=True)
class Climate:
    """`cloudiness`: below 0 drier, above 0 duller. Air in °C: mean, half the yearly and daily range.
    `turbidity`: Linke's, mean. `wind_m_s`: mean at 10 m. `storms`, `heat_waves`: a year."""

    cloudiness: float
    mean_c: float
    season_c: float
    day_c: float
    turbidity: float
    wind_m_s: float
    storms: int
    heat_waves: int


@dataclass(frozen=True)
class Recipe:
    """One plant. `step`: minutes. `split`: how global irradiance is parted into beam and diffuse.
    `noise`: all noises of its machines and meters are multiplied by it. `weather`: the site has a
    weather service. `channels`: what the machines measure besides power. `rotor_m`, `hub_m`: wind only."""

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

    @property
    def count(self) -> int:
        """Its machines."""
        return self.turbines or sum(roof.count for roof in self.roofs)

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


# Climates after the character of a region, not after any station's record.
ANDALUSIA = Climate(-0.9, 18.5, 9.5, 7.0, 3.6, 2.8, 9, 4)
NORTH_SEA = Climate(0.55, 10.0, 8.0, 3.5, 3.0, 4.6, 10, 2)
ALPS = Climate(0.2, 8.5, 10.0, 5.5, 2.7, 2.4, 22, 2)
CAPE = Climate(-0.6, 17.0, 5.0, 5.5, 2.9, 4.4, 5, 3)
PAMPA = Climate(-0.1, 17.5, 7.5, 5.5, 3.1, 3.8, 18, 3)
FINLAND = Climate(0.45, 4.5, 12.5, 4.0, 2.5, 3.4, 8, 1)
TROPICS = Climate(0.35, 26.5, 1.5, 4.0, 4.3, 2.6, 40, 2)
GUJARAT = Climate(-0.5, 27.0, 6.0, 6.5, 5.0, 3.0, 16, 5)
PRAIRIE = Climate(-0.15, 11.5, 14.0, 6.5, 2.9, 4.5, 24, 4)
PO_PLAIN = Climate(0.15, 14.0, 11.0, 5.0, 4.2, 1.9, 20, 3)

POWER = ("temperature",)
BARE: tuple[str, ...] = ()
FULL = ("voltage", "dc", "temperature")

TUNING = (
    Recipe("t-ew-plane", "tuning", 101, 2021, 51.8, 4.6, 2, 15, NORTH_SEA, "roofs",
           (Roof(4, 12, 92), Roof(3, 12, 272)), "plane", "dirint", 1.0, 50),
    Recipe("t-ew-flat", "tuning", 102, 2022, 38.2, -5.4, 160, 10, ANDALUSIA, "roofs",
           (Roof(3, 15, 85), Roof(3, 15, 265)), "flat", "layers", 0.8, 75),
    Recipe("t-ew-none", "tuning", 103, 2020, 47.3, 11.2, 600, 5, ALPS, "roofs",
           (Roof(2, 25, 105), Roof(2, 25, 285)), "none", "layers", 1.2, 30, channels=POWER),
    Recipe("t-sew", "tuning", 104, 2021, 45.1, 10.6, 40, 15, PO_PLAIN, "roofs",
           (Roof(2, 20, 178), Roof(2, 18, 95), Roof(2, 18, 268)), "none", "dirint", 1.0, 25),
    Recipe("t-6s1e1w", "tuning", 105, 2022, 52.6, 7.3, 30, 15, NORTH_SEA, "roofs",
           (Roof(6, 28, 182), Roof(1, 15, 90), Roof(1, 15, 271)), "plane", "layers", 1.1, 40),
    Recipe("t-south-poa", "tuning", 106, 2021, 37.1, -2.9, 320, 15, ANDALUSIA, "roofs",
           (Roof(9, 30, 180),), "plane", "layers", 0.9, 100),
    Recipe("t-north-ghi", "tuning", 107, 2022, -33.4, 21.9, 400, 10, CAPE, "roofs",
           (Roof(5, 25, 2),), "flat", "dirint", 1.0, 250),
    Recipe("t-south-none", "tuning", 108, 2020, 22.7, 71.5, 60, 15, GUJARAT, "roofs",
           (Roof(6, 20, 183),), "none", "layers", 1.2, 500, weather=False),
    Recipe("t-track", "tuning", 109, 2021, -21.8, -46.1, 900, 15, TROPICS, "tracked",
           (Roof(6, 0, 180),), "plane", "layers", 1.0, 1100),
    Recipe("t-track-none", "tuning", 110, 2022, 36.4, -101.2, 1000, 10, PRAIRIE, "tracked",
           (Roof(4, 0, 180),), "none", "dirint", 0.9, 1500),
    Recipe("t-lone-sensor", "tuning", 111, 2021, 60.9, 23.4, 90, 15, FINLAND, "roofs",
           (Roof(1, 35, 172),), "plane", "layers", 1.0, 15),
    Recipe("t-lone-bare", "tuning", 112, 2022, 46.6, 8.9, 900, 15, ALPS, "roofs",
           (Roof(1, 30, 205),), "none", "layers", 1.0, 12, channels=BARE),
    Recipe("t-lone-dry", "tuning", 113, 2020, -30.2, -57.6, 70, 10, PAMPA, "roofs",
           (Roof(1, 22, 352),), "none", "dirint", 1.1, 80, weather=False),
    Recipe("t-wind-1", "tuning", 114, 2021, 53.1, 8.1, 5, 10, NORTH_SEA, "wind", turbines=1,
           capacity_kw=2050, rotor_m=82, hub_m=98),
    Recipe("t-wind-3", "tuning", 115, 2022, 41.2, -99.4, 700, 10, PRAIRIE, "wind", turbines=3,
           capacity_kw=2500, rotor_m=108, hub_m=90, direction=True),
    Recipe("t-wind-8", "tuning", 116, 2020, -32.9, -60.4, 30, 15, PAMPA, "wind", turbines=8,
           capacity_kw=3300, rotor_m=126, hub_m=110, noise=1.2),
)  # fmt: skip

REPORTING = (
    Recipe("r-ew-plane", "reporting", 911, 2019, 54.3, -2.7, 35, 15, NORTH_SEA, "roofs",
           (Roof(3, 10, 97), Roof(3, 10, 277)), "plane", "layers", 1.15, 36),
    Recipe("r-ew-flat", "reporting", 922, 2023, 48.9, 16.4, 230, 15, PO_PLAIN, "roofs",
           (Roof(5, 14, 80), Roof(5, 14, 260)), "flat", "dirint", 1.3, 110),
    Recipe("r-ew-none", "reporting", 933, 2018, -34.0, -64.2, 150, 10, PAMPA, "roofs",
           (Roof(3, 18, 88), Roof(4, 18, 268)), "none", "layers", 0.85, 20, channels=POWER),
    Recipe("r-sew", "reporting", 944, 2023, 50.2, 19.8, 260, 5, ALPS, "roofs",
           (Roof(1, 32, 186), Roof(1, 25, 99), Roof(2, 25, 279)), "flat", "layers", 0.9, 17),
    Recipe("r-6s1e1w", "reporting", 955, 2019, 40.1, -3.6, 650, 10, ANDALUSIA, "roofs",
           (Roof(6, 24, 176), Roof(1, 12, 86), Roof(1, 12, 266)), "none", "dirint", 1.25, 55),
    Recipe("r-south-poa", "reporting", 966, 2018, 63.0, 17.1, 15, 15, FINLAND, "roofs",
           (Roof(7, 40, 170),), "plane", "dirint", 1.1, 30),
    Recipe("r-south-ghi", "reporting", 977, 2023, 14.3, 101.1, 20, 5, TROPICS, "roofs",
           (Roof(4, 13, 181),), "flat", "layers", 0.95, 350),
    Recipe("r-north-none", "reporting", 988, 2019, -31.7, 24.9, 1200, 15, CAPE, "roofs",
           (Roof(12, 28, 357),), "none", "layers", 1.05, 800, weather=False),
    Recipe("r-track", "reporting", 999, 2018, 24.1, 73.8, 250, 10, GUJARAT, "tracked",
           (Roof(8, 0, 180),), "plane", "dirint", 1.3, 2200),
    Recipe("r-track-none", "reporting", 1010, 2023, -28.3, 20.6, 850, 15, CAPE, "tracked",
           (Roof(5, 0, 180),), "none", "layers", 0.8, 900),
    Recipe("r-lone-sensor", "reporting", 1021, 2019, 43.2, -79.3, 110, 10, PRAIRIE, "roofs",
           (Roof(1, 18, 195),), "flat", "layers", 1.2, 240),
    Recipe("r-lone-bare", "reporting", 1032, 2018, 55.4, 12.9, 10, 15, NORTH_SEA, "roofs",
           (Roof(1, 38, 148),), "none", "dirint", 0.9, 9, channels=BARE),
    Recipe("r-lone-dry", "reporting", 1043, 2023, 35.7, -6.1, 25, 5, ANDALUSIA, "roofs",
           (Roof(1, 17, 219),), "none", "layers", 1.15, 130, weather=False),
    Recipe("r-wind-1", "reporting", 1054, 2019, -33.8, 18.3, 80, 10, CAPE, "wind", turbines=1,
           capacity_kw=1800, rotor_m=88, hub_m=80, direction=True),
    Recipe("r-wind-3", "reporting", 1065, 2018, 62.2, 21.9, 40, 10, FINLAND, "wind", turbines=3,
           capacity_kw=3000, rotor_m=112, hub_m=119, noise=1.2),
    Recipe("r-wind-8", "reporting", 1076, 2023, 44.7, -93.8, 310, 10, PRAIRIE, "wind", turbines=8,
           capacity_kw=2300, rotor_m=101, hub_m=84, direction=True, noise=0.9),
)  # fmt: skip


def recipes(half: Half) -> tuple[Recipe, ...]:
    """The plants of one half."""
    return TUNING if half == "tuning" else REPORTING
