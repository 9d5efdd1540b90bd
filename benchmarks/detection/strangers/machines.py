"""What the simulator hands out: plants with machines, what drives them, and how they are ill.

Physics runs on five-minute instants; meters and loggers make the plant's own interval of it. Nothing here
knows of the platform.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.air import Air
from benchmarks.detection.strangers.noise import Floats
from benchmarks.detection.strangers.recipes import Recipe

FINE = 5
"""Minutes between two instants of the physics."""


@dataclass
class Machine:
    """An inverter with its roof, or a turbine. `east`, `north`: metres. `shade`: a fixed near obstacle
    (azimuth, half width, elevation in degrees; share of beam it takes). `strings`, `mppts`: how many.
    `gain`: of all, meter included. `u0`, `u1`: Faiman's. `warm`: °C of the device at full load; no
    sound device comes to 70 °C. `rear`, `ground`: see `Recipe`."""

    name: str
    capacity_kw: float
    dc_kw: float = 0.0
    tilt: float = 0.0
    azimuth: float = 180.0
    most: float = 55.0
    cover: float = 0.4
    east: float = 0.0
    north: float = 0.0
    shade: tuple[float, float, float, float] | None = None
    strings: int = 12
    mppts: int = 3
    volts: float = 700.0
    gain: float = 1.0
    u0: float = 26.0
    u1: float = 6.0
    warm: float = 25.0
    optics: float = 0.17
    best: float = 0.975
    rear: float = 0.0
    ground: float = 0.2
    terrain: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    vane: float = 1.0


@dataclass
class Drive:
    """What a machine works on, at each fine instant: light in W/m² (`beam`, `sky` in its plane, after
    reflection; `dni`, `dhi` of its own patch of sky), `factor` (noise of modules, dirt), or for a turbine
    `speed` m/s at the rotor with `turbulence`, `nacelle` m/s as measured."""

    beam: Floats
    sky: Floats
    dni: Floats
    dhi: Floats
    factor: Floats
    speed: Floats = field(default_factory=lambda: np.empty(0))
    turbulence: Floats = field(default_factory=lambda: np.empty(0))
    nacelle: Floats = field(default_factory=lambda: np.empty(0))

    def cut(self, part: slice) -> Drive:
        """A stretch of it."""
        return Drive(*(np.asarray(getattr(self, n), dtype=float)[part] for n in self.__dataclass_fields__))


@dataclass
class Plant:
    """A plant over a year. `times`: ends of the fine intervals, UTC. `sun`: zenith, azimuth in degrees,
    relative air mass. `station`: irradiance, W/m², as its sensor says. `air`, `wind`: °C, m/s at the fine
    instants. `meters`: error of each power meter by output interval, a share of capacity. `lost`: readings
    that never come. `service`: the weather service by hours."""

    recipe: Recipe
    machines: list[Machine]
    times: pd.DatetimeIndex
    zenith: Floats
    bearing: Floats
    mass: Floats
    drives: dict[str, Drive]
    station: Floats
    air: Floats
    wind: Floats
    meters: dict[str, Floats]
    lost: dict[str, np.ndarray]
    service: pd.DataFrame
    weather: Air
    vane: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def every(self) -> int:
        """Fine instants in an output interval."""
        return self.recipe.step // FINE

    def machine(self, name: str) -> Machine:
        """The machine of that name."""
        return next(m for m in self.machines if m.name == name)


@dataclass
class Ill:
    """How a machine is ill, at each fine instant of a stretch; None: in nothing.

    `beam`, `sky`, `light`, `dc`, `ac`: factors. `volts`: a factor on DC voltage. `off`: stopped.
    `open_volts`: DC voltage while it is stopped, as a share of the usual one (1.18: open circuit; 0: gone).
    `limit`: share of capacity that it does not exceed. `heat`: °C more in the device. `tilt`, `azimuth`:
    the plane in which a tracker stands instead. `derate`: (°C, share a degree, by cell or device) or None.
    `speed`: a factor on a turbine's wind, `thrust` on its power below rated, `vane` on its anemometer."""

    beam: Floats | float | None = None
    sky: Floats | float | None = None
    light: Floats | float | None = None
    dc: Floats | float | None = None
    ac: Floats | float | None = None
    volts: Floats | float | None = None
    off: np.ndarray | None = None
    open_volts: float = 1.18
    limit: Floats | float | None = None
    heat: Floats | float | None = None
    tilt: Floats | None = None
    azimuth: Floats | None = None
    derate: tuple[float, float, str] | None = None
    speed: Floats | float | None = None
    thrust: Floats | float | None = None
    where: np.ndarray | None = None


@dataclass
class Output:
    """What a machine gives at fine instants: kW AC and DC, V, °C of the device and of its cells."""

    ac: Floats
    dc: Floats
    volts: Floats
    device: Floats
    cell: Floats


def times_of(value: Floats | float | None, where: np.ndarray | None, count: int) -> Floats:
    """A factor over the stretch: 1 outside `where`."""
    if value is None:
        return np.ones(count)
    whole = np.broadcast_to(np.asarray(value, dtype=float), (count,))
    return np.asarray(whole if where is None else np.where(where, whole, 1.0))
