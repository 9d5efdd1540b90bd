"""What each strange plant is made of: place, roofs, sensor, step, noise; in three sets.

`TUNING` to tune on, `REPORTING` to report; both were read since. `HELD_OUT` was drawn later and is kept for
the end: its files begin in any month, and its sound plants have what the first two lack (skylines, dust,
snow, clipping, roofs of unequal tilt, a sensor askew, gaps in bursts, stamps at the interval's begin). The
sets share no place, no seed, no size and no level of noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

SensorKind = Literal["plane", "flat", "none"]
Half = Literal["tuning", "reporting", "held-out"]


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
    which the sensor is out of its plane. `gaps`: share of readings that are lost in bursts."""

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
BRITTANY = Climate(0.4, 11.8, 5.5, 3.2, 2.9, 4.9, 9, 1)
PANNONIA = Climate(0.0, 12.0, 11.8, 5.6, 3.4, 3.0, 19, 4)
KANTO = Climate(0.1, 15.0, 10.8, 4.6, 3.5, 3.1, 21, 4)
TRENTINO = Climate(-0.05, 11.0, 10.2, 6.2, 2.8, 1.7, 25, 2)
SCOTLAND = Climate(0.5, 8.6, 5.8, 2.9, 2.6, 5.7, 7, 1)
QUEBEC = Climate(0.2, 6.0, 13.4, 4.9, 2.6, 3.7, 14, 2)
QUEENSLAND = Climate(-0.3, 19.6, 6.6, 6.8, 2.9, 3.2, 23, 4, dry=0.4, dry_day=215)
SAHEL = Climate(-0.5, 28.4, 3.4, 7.2, 5.2, 3.2, 26, 4, dry=1.3, dry_day=20)
ANATOLIA = Climate(-0.4, 11.6, 12.2, 7.0, 2.9, 2.7, 13, 3, dry=0.3, dry_day=220)
CALIFORNIA = Climate(-0.35, 17.2, 9.6, 7.6, 3.7, 2.5, 6, 5, dry=1.5, dry_day=212)
KENYA = Climate(0.05, 18.2, 1.2, 6.1, 3.0, 3.3, 30, 1, dry=0.4, dry_day=35)
BALTIC = Climate(0.4, 8.0, 10.6, 3.9, 2.8, 5.2, 11, 2)
HIGH_DESERT = Climate(-0.65, 14.6, 11.4, 8.2, 2.6, 3.4, 20, 4)
PATAGONIA = Climate(0.0, 10.6, 6.8, 5.2, 2.3, 6.0, 5, 1)

POWER = ("temperature",)
BARE: tuple[str, ...] = ()

# What stands around, after the character of such places.
VALLEY = ((5, 13), (50, 19), (85, 15), (115, 9), (160, 7), (205, 5), (240, 10), (275, 17), (320, 18))
WOOD = ((20, 5), (70, 9), (100, 13), (130, 6), (190, 4), (245, 8), (280, 14), (330, 7))
STREET = ((0, 4), (58, 4), (62, 17), (84, 19), (89, 5), (138, 4), (143, 11), (163, 10), (168, 4), (228, 4),
          (234, 13), (262, 21), (270, 6))  # fmt: skip
HILLS = ((0, 2), (60, 3), (92, 7), (125, 4), (180, 1), (235, 3), (265, 6), (300, 3))
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


HELD_OUT = (
    Recipe("h-ew-plane", "held-out", 31071, 2017, 48.1, -3.4, 95, 15, BRITTANY, "roofs",
           (Roof(5, 8, 83), Roof(3, 8, 263)), "plane", "dirint", 1.05, 45, month=10, askew=4.0),
    Recipe("h-ew-flat", "held-out", 31082, 2024, 46.2, 20.2, 85, 10, PANNONIA, "roofs",
           (Roof(4, 11, 101), Roof(4, 27, 281)), "flat", "layers", 0.75, 90, month=4, ratio=1.3),
    Recipe("h-ew-none", "held-out", 31093, 2016, 36.1, 140.2, 30, 5, KANTO, "roofs",
           (Roof(2, 21, 76), Roof(3, 21, 256)), "none", "layers", 1.35, 27, channels=POWER, month=7,
           skyline=WOOD, foliage=0.3, gaps=0.03),
    Recipe("h-sew", "held-out", 31104, 2015, 46.4, 10.9, 520, 15, TRENTINO, "roofs",
           (Roof(3, 31, 171), Roof(1, 9, 88), Roof(2, 36, 262)), "plane", "dirint", 0.95, 22, month=6,
           skyline=VALLEY),
    Recipe("h-6s1e1w", "held-out", 31115, 2024, 57.4, -2.6, 60, 30, SCOTLAND, "roofs",
           (Roof(3, 13, 184), Roof(3, 39, 189), Roof(1, 20, 94), Roof(1, 33, 274)), "flat", "layers", 1.15,
           66, month=3, stamp="begin"),
    Recipe("h-south-poa", "held-out", 31126, 2016, 45.6, -73.2, 40, 15, QUEBEC, "roofs",
           (Roof(8, 34, 175),), "plane", "layers", 1.0, 125, month=8, snow=True),
    Recipe("h-north-ghi", "held-out", 31137, 2025, -26.9, 151.2, 350, 5, QUEENSLAND, "roofs",
           (Roof(6, 16, 9),), "flat", "dirint", 0.85, 333, month=11, ratio=1.3, askew=3.5, stamp="begin"),
    Recipe("h-south-none", "held-out", 31148, 2017, 12.6, -1.7, 305, 10, SAHEL, "roofs",
           (Roof(7, 12, 178),), "none", "dirint", 1.1, 160, weather=False, month=9, dust=0.0035),
    Recipe("h-track", "held-out", 31159, 2025, 38.7, 33.1, 1050, 10, ANATOLIA, "tracked",
           (Roof(9, 0, 180),), "plane", "layers", 1.15, 1750, month=5, skyline=HILLS, askew=3.0,
           dust=0.001),
    Recipe("h-track-none", "held-out", 31170, 2015, 36.6, -120.1, 70, 15, CALIFORNIA, "tracked",
           (Roof(7, 0, 180),), "none", "dirint", 1.05, 1250, month=12, ratio=1.3, dust=0.0012, gaps=0.02),
    Recipe("h-lone-sensor", "held-out", 31181, 2016, -0.7, 36.4, 1900, 15, KENYA, "roofs",
           (Roof(1, 11, 20),), "plane", "dirint", 0.9, 48, month=2, askew=5.0, gaps=0.025),
    Recipe("h-lone-bare", "held-out", 31192, 2024, 54.5, 18.5, 20, 10, BALTIC, "roofs",
           (Roof(1, 42, 192),), "none", "layers", 1.1, 7, channels=BARE, month=5, skyline=STREET,
           gaps=0.045),
    Recipe("h-lone-dry", "held-out", 31203, 2017, 33.9, -106.9, 1430, 15, HIGH_DESERT, "roofs",
           (Roof(1, 26, 158),), "none", "layers", 0.8, 190, weather=False, month=9, stamp="begin"),
    Recipe("h-wind-1", "held-out", 31214, 2025, -46.2, -68.1, 640, 15, PATAGONIA, "wind", turbines=1,
           capacity_kw=2700, rotor_m=104, hub_m=88, noise=1.1, month=6, gaps=0.03),
    Recipe("h-wind-3", "held-out", 31225, 2015, 56.6, 21.1, 25, 10, BALTIC, "wind", turbines=3,
           capacity_kw=3450, rotor_m=131, hub_m=132, direction=True, noise=0.85, month=9, stamp="begin"),
    Recipe("h-wind-8", "held-out", 31236, 2016, 58.3, -4.2, 210, 10, SCOTLAND, "wind", turbines=8,
           capacity_kw=2000, rotor_m=79, hub_m=69, noise=1.05, month=11, gaps=0.02),
)  # fmt: skip

HALVES: dict[Half, tuple[Recipe, ...]] = {"tuning": TUNING, "reporting": REPORTING, "held-out": HELD_OUT}


def named(name: str) -> Recipe:
    """The recipe of that name, of any set."""
    return next(recipe for half in HALVES.values() for recipe in half if recipe.name == name)
