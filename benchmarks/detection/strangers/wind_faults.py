"""What befalls wind turbines, as physics on wind, blades, nacelle and converter."""

from __future__ import annotations

import numpy as np

from benchmarks.detection.strangers.machines import Ill
from benchmarks.detection.strangers.noise import remembering
from benchmarks.detection.strangers.scene import Scene, Trouble
from benchmarks.detection.strangers.solar_faults import in_frost


def yaw(s: Scene, x: float) -> Ill:
    """The vane is `x` degrees off: the rotor sees cos² of it in power, with the turbulence's smearing."""
    off = np.radians(x + 3.0 * remembering(s.rng, len(s.days), 12))
    return Ill(speed=np.cos(off) ** 0.8, where=s.inside)


def pitch(s: Scene, x: float) -> Ill:
    """One blade stands wrong: less lift below rated, a little less at rated."""
    return Ill(thrust=1 - x, ac=1 - 0.1 * x, where=s.inside)


def icing(s: Scene, x: float) -> Ill:
    """Ice grows on the blades in frost and falls off above 1 °C."""
    ice, out = 0.0, np.zeros(len(s.days))
    for n in np.flatnonzero(s.inside):
        ice = min(ice + 0.01, 1.0) if s.air[n] < 1.0 else max(ice - 0.02, 0.0)
        out[n] = ice
    return Ill(thrust=1 - x * out, where=s.inside)


def limit(s: Scene, x: float) -> Ill:
    return Ill(limit=x, where=s.inside)


def dirty_blades(s: Scene, x: float) -> Ill:
    grown = np.clip(s.days / max(s.days[s.inside].max(), 1.0), 0, 1)
    return Ill(thrust=1 - x * grown, where=s.inside)


def bearing(s: Scene, x: float) -> Ill:
    grown = np.clip(0.3 + s.days / max(s.days[s.inside].max(), 1.0), 0, 1)
    return Ill(heat=28.0 * grown, ac=1 - x * grown, where=s.inside)


def dead(s: Scene, x: float) -> Ill:
    return Ill(off=s.inside)


WIND = (
    Trouble("yaw error", "yaw_misalignment", (12, 18, 26), (30, 24, 18), yaw, only=("wind",)),
    Trouble("pitch stuck", "pitch_misalignment", (0.07, 0.14, 0.28), (28, 22, 16), pitch, only=("wind",)),
    Trouble("icing", "icing", (0.3, 0.55, 0.85), (4, 4, 4), icing, only=("wind",), when=in_frost),
    Trouble("derated", "turbine_derating", (0.75, 0.55, 0.35), (16, 12, 10), limit, only=("wind",)),
    Trouble("dirty blades", "", (0.05, 0.09, 0.15), (60, 60, 60), dirty_blades, only=("wind",), slow=True),
    Trouble("bearing runs hot", "bearing_wear", (0.05, 0.1, 0.2), (25, 20, 15), bearing, only=("wind",),
            needs=("temperature",)),
    Trouble("turbine dead", "inverter_failure", (1, 2, 3), (1.5, 3, 12), dead, only=("wind",)),
    Trouble("turbine stops for hours", "inverter_trip", (1, 2), (0.12, 0.3), dead, only=("wind",)),
)  # fmt: skip
