"""Seven climates and how each half draws its sites from them: seasons, clouds, temperatures, winds.

A number is (in the local winter, in the local summer) where it has two parts. All are ours, made from what
climate tables say of such places; none is taken from the platform.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

Pair = tuple[float, float]


@dataclass(frozen=True)
class Climate:
    """A climate. `states` are the weights of clear, broken, overcast and stormy regimes."""

    name: str
    latitudes: Pair
    longitudes: Pair
    altitude_m: float
    turbidity: Pair
    states: tuple[tuple[float, float, float, float], tuple[float, float, float, float]]
    regime_hours: tuple[float, float, float, float]
    convection: Pair
    """Share of afternoons (local) with clouds that the sun itself makes."""
    fog: Pair
    """Share of mornings with fog or low stratus that burns off."""
    temperature_c: Pair
    daily_range_k: float
    synoptic_k: float
    wind_m_s: float
    wet_phase_days: float = 0.0
    """Days by which the wet or cloudy season trails the solstice."""
    trained_until: tuple[date, date, date] = (date(2024, 3, 16), date(2024, 3, 16), date(2024, 3, 16))
    """The day after the history's last one, in the tuning, reporting and held-out half."""
    kinds: tuple[str, ...] = ("known", "unknown", "clipped")
    """Kinds of plants of the reporting half; the others take theirs from `sites.KINDS`."""


CLIMATES = (
    Climate(
        "polar", (62.0, 65.5), (10.0, 30.0), 120.0, (2.2, 2.9),
        ((0.2, 0.2, 0.45, 0.15), (0.3, 0.35, 0.27, 0.08)), (26.0, 16.0, 30.0, 12.0),
        (0.0, 0.25), (0.15, 0.05), (-9.0, 15.0), 7.0, 4.5, 4.2, 20.0,
        (date(2024, 4, 1), date(2024, 3, 16), date(2024, 3, 10)), ("known", "unknown", "clipped"),
    ),
    Climate(
        "mediterranean", (35.5, 42.0), (-4.0, 24.0), 180.0, (2.8, 4.2),
        ((0.45, 0.25, 0.2, 0.1), (0.84, 0.12, 0.03, 0.01)), (40.0, 14.0, 18.0, 9.0),
        (0.05, 0.12), (0.18, 0.02), (9.0, 26.0), 10.0, 2.8, 3.6, 25.0,
        (date(2024, 10, 1), date(2024, 9, 1), date(2024, 2, 1)), ("unknown", "soiled", "tracked"),
    ),
    Climate(
        "monsoon", (11.0, 24.0), (73.0, 86.0), 350.0, (4.3, 5.4),
        ((0.8, 0.15, 0.04, 0.01), (0.15, 0.35, 0.33, 0.17)), (60.0, 18.0, 20.0, 10.0),
        (0.1, 0.5), (0.12, 0.02), (19.0, 30.0), 11.0, 1.8, 3.2, 35.0,
        (date(2024, 9, 20), date(2024, 5, 20), date(2024, 6, 10)), ("known", "curtailed", "soiled"),
    ),
    Climate(
        "tropics", (-6.0, 8.0), (98.0, 114.0), 40.0, (4.2, 4.6),
        ((0.25, 0.45, 0.22, 0.08), (0.3, 0.45, 0.18, 0.07)), (12.0, 16.0, 12.0, 6.0),
        (0.65, 0.7), (0.05, 0.05), (26.5, 27.5), 8.0, 0.9, 2.4, 0.0,
        (date(2024, 2, 1), date(2024, 7, 1), date(2024, 11, 1)), ("misnamed", "clipped", "unknown"),
    ),
    Climate(
        "continental", (40.0, 50.0), (-103.0, -88.0), 420.0, (2.3, 3.6),
        ((0.42, 0.22, 0.28, 0.08), (0.5, 0.32, 0.11, 0.07)), (34.0, 14.0, 22.0, 8.0),
        (0.02, 0.35), (0.08, 0.04), (-8.0, 23.0), 12.0, 5.5, 4.8, 20.0,
        (date(2024, 5, 1), date(2024, 2, 10), date(2024, 8, 1)), ("tracked", "east_west", "misnamed"),
    ),
    Climate(
        "south", (-36.5, -24.0), (18.0, 31.0), 900.0, (2.4, 3.3),
        ((0.55, 0.22, 0.16, 0.07), (0.52, 0.33, 0.1, 0.05)), (36.0, 15.0, 16.0, 8.0),
        (0.05, 0.4), (0.1, 0.03), (11.0, 23.0), 12.0, 3.2, 3.9, 15.0,
        (date(2024, 7, 1), date(2024, 11, 10), date(2024, 4, 1)), ("known", "wind", "east_west"),
    ),
    Climate(  # 63 N inland: snow lies on the modules until March, then come clear weeks; autumn is grey
        "boreal", (62.5, 64.5), (14.0, 29.0), 210.0, (2.0, 2.5),
        ((0.58, 0.26, 0.12, 0.04), (0.16, 0.2, 0.45, 0.19)), (44.0, 16.0, 28.0, 12.0),
        (0.2, 0.02), (0.02, 0.12), (-14.0, 15.5), 9.0, 4.0, 3.4, 110.0,
        (date(2024, 3, 28), date(2024, 3, 20), date(2024, 3, 12)), ("known", "unknown", "clipped"),
    ),
)  # fmt: skip


def named(name: str) -> Climate:
    """A climate by its name. Raises KeyError for another one."""
    return {climate.name: climate for climate in CLIMATES}[name]
