"""A stretch of a plant's year in which something happens to one machine, or to several, or to the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.detection.strangers import plants
from benchmarks.detection.strangers.machines import FINE, Ill, Output, Plant
from benchmarks.detection.strangers.noise import Floats

PER_DAY = 1440 // FINE


@dataclass
class Scene:
    """The fine instants `part` of a plant; trouble holds in `inside`, n instants of them, on `machine`.

    `days`: days since it began (below 0 before). `solar`: solar hour. `rain`: mm of the hour that an
    instant lies in."""

    plant: Plant
    machine: str
    part: slice
    begin: int
    end: int
    rng: np.random.Generator
    weather: pd.DataFrame
    days: Floats = field(init=False)
    solar: Floats = field(init=False)
    inside: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        at = np.arange(self.part.start, self.part.stop)
        self.days = (at - self.begin) / PER_DAY
        self.inside = (at >= self.begin) & (at < self.end)
        self.solar = (at * FINE / 60.0 + self.plant.recipe.longitude / 15.0) % 24.0

    @property
    def rain(self) -> Floats:
        """mm of rain in the hour of each instant."""
        at = np.arange(self.part.start, self.part.stop) * FINE // 60
        rain = self.plant.weather.rain
        return np.asarray(rain[np.minimum(at, len(rain) - 1)])

    @property
    def dni(self) -> Floats:
        """Beam at the machine, W/m²."""
        return np.asarray(self.plant.drives[self.machine].dni[self.part], dtype=float)

    @property
    def light(self) -> Floats:
        """Light in the machine's plane, W/m²."""
        drive = self.plant.drives[self.machine]
        return np.asarray(drive.beam[self.part] + drive.sky[self.part], dtype=float)

    @property
    def bearing(self) -> Floats:
        """The sun's azimuth, degrees."""
        return self.plant.bearing[self.part]

    @property
    def height(self) -> Floats:
        """The sun's elevation, degrees."""
        return np.asarray(90.0 - self.plant.zenith[self.part])

    @property
    def air(self) -> Floats:
        """Air temperature, °C."""
        return self.plant.air[self.part]

    def healthy(self, name: str | None = None) -> Floats:
        """What a machine would give, kW at fine instants."""
        return plants.run(self.plant, name or self.machine, self.part).ac


Act = Callable[[Scene, float], Ill]
Tell = Callable[[Scene, Output, float], Output]
"""What the machine gives instead: for faults behind the physics of `Ill`."""
When = Callable[[Plant, np.random.Generator, int], int | None]
"""Where in the year it may begin: from plant, generator and length in instants to an instant, or None."""


@dataclass(frozen=True)
class Trouble:
    """One way in which a machine is ill. `truth`: the cause's name, "" where none of the platform's names
    it; `also`: other names that a good engineer would let pass. `strengths` and `days` go together.
    `only`: kinds of plants. `needs`: channels. `when`: where in the year it may begin. `without`: columns
    that nobody logs in this case. `tell`: see `Tell`."""

    name: str
    truth: str
    strengths: tuple[float, ...]
    days: tuple[float, ...]
    act: Act
    also: tuple[str, ...] = ()
    only: tuple[str, ...] = ("roofs", "tracked")
    needs: tuple[str, ...] = ()
    hour: float | None = None
    when: When | None = None
    slow: bool = False
    no_fault: bool = False
    without: tuple[str, ...] = ()
    tell: Tell | None = None
