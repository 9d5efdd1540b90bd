"""When the sun is up at a place, and what share of a day's production falls into some hours.

Declination and equation of time after Spencer (1971), as printed in Iqbal, An Introduction to Solar
Radiation (1983), equations 1.3.1 and 1.4.1; good to a few minutes, which is enough to plan work by.

>>> midsummer = sun(Location(latitude=51.5, longitude=-0.1), date(2025, 6, 21))
>>> f"{midsummer.rises:%H:%M} {midsummer.sets:%H:%M}"
'03:42 20:20'
>>> round(midsummer.produced(midsummer.rises + (midsummer.sets - midsummer.rises) / 2), 6)
0.5
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import acos, cos, degrees, pi, radians, sin

from ona.documents.assets import Location

SUNRISE_ELEVATION = radians(-0.833)
"""The sun's centre at sunrise, radians: 34' of refraction and 16' of radius below the horizon (Meeus,
Astronomical Algorithms, chapter 15)."""


@dataclass(frozen=True)
class Sun:
    """One day at one place, UTC. Both ends are noon where the sun does not rise, and a day apart where it
    does not set."""

    rises: datetime
    sets: datetime

    def produced(self, moment: datetime) -> float:
        """Share of the day's production before a moment: half a sine wave of power from rise to set."""
        length = (self.sets - self.rises).total_seconds()
        if length <= 0:
            return 0.0
        share = min(max((moment - self.rises).total_seconds() / length, 0.0), 1.0)
        return (1.0 - cos(pi * share)) / 2.0


def sun(place: Location, day: date) -> Sun:
    """Sunrise and sunset, UTC, of the solar day whose noon falls on that date in the place's own time."""
    angle = 2.0 * pi * (day.timetuple().tm_yday - 1) / 365.0
    declination = (
        0.006918
        - 0.399912 * cos(angle)
        + 0.070257 * sin(angle)
        - 0.006758 * cos(2 * angle)
        + 0.000907 * sin(2 * angle)
        - 0.002697 * cos(3 * angle)
        + 0.00148 * sin(3 * angle)
    )
    late_minutes = 229.18 * (
        0.000075
        + 0.001868 * cos(angle)
        - 0.032077 * sin(angle)
        - 0.014615 * cos(2 * angle)
        - 0.040849 * sin(2 * angle)
    )
    noon = datetime.combine(day, time(12), UTC) - timedelta(minutes=4.0 * place.longitude + late_minutes)
    latitude = radians(place.latitude)
    lowest = sin(SUNRISE_ELEVATION) - sin(latitude) * sin(declination)
    hour_angle = lowest / max(cos(latitude) * cos(declination), 1e-9)
    half = timedelta(hours=degrees(acos(min(max(hour_angle, -1.0), 1.0))) / 15.0)
    return Sun(noon - half, noon + half)


@lru_cache(maxsize=4096)
def sun_on(latitude: float, longitude: float, ordinal: int) -> Sun:
    """`sun`, remembered, at degrees and the proleptic Gregorian ordinal of a day."""
    return sun(Location(latitude=latitude, longitude=longitude), date.fromordinal(ordinal))


def light(place: Location, day: date) -> Sun:
    """`sun`, remembered, at a place rounded to a thousandth of a degree (some 100 m)."""
    return sun_on(round(place.latitude, 3), round(place.longitude, 3), day.toordinal())
