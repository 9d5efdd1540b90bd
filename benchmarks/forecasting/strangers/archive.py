"""Weather forecasts of a place, as a free service delivers them, and the archive of old ones.

A forecast knows the true clouds less and less: fronts come early or late by a time that grows with the
lead, part of what it shows is another sky altogether, thin clouds are too thin or thick ones too bright,
and clear skies too clear or too hazy. The archive that history is trained on holds forecasts of a few
hours' lead; a forecast of tomorrow errs more. Most of an error is shared by forecasts that follow each
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers import sun
from benchmarks.forecasting.strangers.sky import PER_HOUR, Sky, wander
from benchmarks.forecasting.strangers.sun import Floats

ARCHIVE_LEAD_H = 4.0
"""Mean lead of a stored forecast, hours: the newest run of four a day. An archive of what had been forecast
a day before has 24."""
PAST_H, AHEAD_H = 48, 60
"""Hours before and after a forecast's issue that it holds."""


@dataclass(frozen=True)
class Errors:
    """How a weather model errs. Hours are leads; shares are of the whole."""

    forgets_h: float
    """Lead at which e^-1 of what it shows is still the true sky."""
    shift_h: float
    """Standard error of a front's time at no lead, hours."""
    shift_per_h: float
    noise: float
    """Standard error of the shade at no lead."""
    noise_per_h: float
    clear_bias: float
    """Factor of the clear sky's irradiance."""
    shade_bias: float
    """Factor of the shade."""
    bright_bias: float
    """Factor of the light that comes through clouds."""
    temperature_k: float
    wind_factor: float


@dataclass(frozen=True)
class Archive:
    """One weather model at one place. `shared` are errors that its runs have in common, by the hour."""

    sky: Sky
    errors: Errors
    shared: Floats
    seed: list[int]

    @cached_property
    def hours(self) -> pd.DatetimeIndex:
        """Ends of the sky's hours (UTC)."""
        first = pd.Timestamp(self.sky.seconds[0] - 450.0, unit="s", tz="UTC")
        return pd.date_range(
            first + pd.Timedelta(hours=1), periods=len(self.sky.seconds) // PER_HOUR, freq="h", unit="us"
        )

    def history(self, lead_hours: float = ARCHIVE_LEAD_H) -> pd.DataFrame:
        """All hours as they had been forecast so long before: a weather frame by hour's end (UTC)."""
        n = len(self.hours)
        lead = np.full(n, lead_hours)
        return self._fields(0, n, lead, np.random.default_rng([*self.seed, 1]))

    def issued(self, now: pd.Timestamp) -> pd.DataFrame:
        """The forecast of a moment (UTC): two days back, `AHEAD_H` ahead; by hour's end."""
        at = int((now.floor("h") - self.hours[0]) / pd.Timedelta(hours=1))
        first, last = max(0, at - PAST_H), min(len(self.hours), at + AHEAD_H)
        lead = np.maximum(np.arange(first, last) - at, 0.0) + ARCHIVE_LEAD_H
        return self._fields(first, last, lead, np.random.default_rng([*self.seed, 2, at]))

    def _fields(self, first: int, last: int, lead: Floats, random: np.random.Generator) -> pd.DataFrame:
        errors, n = self.errors, last - first
        z = [0.75 * self.shared[k, first:last] + 0.66 * wander(random, n, 9.0) for k in range(6)]
        shift = (errors.shift_h + errors.shift_per_h * lead) * z[0]
        known = np.exp(-lead / errors.forgets_h)
        when = np.arange(first, last) + shift
        hourly = self._hourly
        shade = known * _at(hourly["shade"], when) + (1 - known) * hourly["shade_other"][first:last]
        through = known * _at(hourly["through"], when) + (1 - known) * hourly["through_other"][first:last]
        shade = np.clip(shade * errors.shade_bias + (errors.noise + errors.noise_per_h * lead) * z[1], 0, 1)
        through = np.clip(through * errors.bright_bias * np.exp(0.15 * z[2]), 0.05, 0.9)
        clear = hourly["clear"][first:last] * errors.clear_bias
        ghi = np.round(clear * (1 - shade + shade * through), 1)
        seconds = hourly["seconds"][first:last]
        elevation = hourly["elevation"][first:last]
        beam, diffuse = sun.split(ghi, elevation, seconds)
        growing = 0.5 + 0.02 * lead
        wind = _at(hourly["wind"], when) * errors.wind_factor * np.exp(0.22 * growing * z[4])
        hub = _at(hourly["hub"], when) * errors.wind_factor * np.exp(0.2 * growing * z[4])
        rain = np.where(_at(hourly["rain"], when) > 0.05, _at(hourly["rain"], when) * np.exp(0.5 * z[2]), 0)
        frame = {
            "ghi_w_m2": ghi,
            "dni_w_m2": np.round(beam, 1),
            "dhi_w_m2": np.round(diffuse, 1),
            "temperature_c": np.round(
                hourly["temperature"][first:last] + errors.temperature_k + 1.6 * growing * z[3], 1
            ),
            "humidity_percent": np.round(np.clip(hourly["humidity"][first:last] + 7 * z[5], 5, 100)),
            **_layers(shade, through, z[2]),
            "cloud_cover_percent": np.round(100 * np.clip(shade**0.7 + 0.1 * z[5], 0, 1)),
            "precipitation_mm": np.round(rain, 1),
            "pressure_hpa": np.round(hourly["pressure"][first:last] + 0.8 * z[3], 1),
            "wind_speed_m_s": np.round(np.maximum(wind, 0.0), 2),
            "wind_direction_deg": np.round((hourly["from"][first:last] + 15 * z[4]) % 360.0),
            "wind_speed_hub_m_s": np.round(np.maximum(hub, 0.0), 2),
        }
        return pd.DataFrame(frame, index=self.hours[first:last])

    @cached_property
    def _hourly(self) -> dict[str, Floats]:
        """Hourly means of what the weather model knows of the true sky and of the other one."""
        sky = self.sky
        clear = sky.beam_clear * np.sin(np.maximum(sky.elevation, 0.0)) + sky.diffuse_clear
        steps = {
            "shade": _smooth(sky.clouds.shade),
            "through": _smooth(sky.clouds.through),
            "shade_other": _smooth(sky.other.shade),
            "through_other": _smooth(sky.other.through),
            "clear": clear,
            "seconds": sky.seconds,
            "elevation": np.maximum(sky.elevation, 0.0),
            "wind": sky.wind_m_s,
            "hub": sky.hub_m_s,
            "rain": sky.rain_mm_h,
            "temperature": sky.temperature_c,
            "humidity": sky.humidity,
            "pressure": sky.pressure_hpa,
            "from": sky.wind_from_deg,
        }
        return {name: hourly_means(values) for name, values in steps.items()}


def archive(sky: Sky, errors: Errors, seed: list[int]) -> Archive:
    """The weather model of a place."""
    random = np.random.default_rng([*seed, 0])
    n = len(sky.seconds) // PER_HOUR
    return Archive(sky, errors, np.array([wander(random, n, 14.0) for _ in range(6)]), seed)


def hourly_means(values: Floats) -> Floats:
    """Means by the hour of steps, shape (n / 4,)."""
    whole = len(values) // PER_HOUR * PER_HOUR
    return np.asarray(values[:whole].reshape(-1, PER_HOUR).mean(axis=1))


def _layers(shade: Floats, through: Floats, noise: Floats) -> dict[str, Floats]:
    """Low, middle and high clouds, %: what lets little light through is low, thin veils are high."""
    thick = np.clip((0.62 - through) / 0.45 + 0.12 * noise, 0.0, 1.0)
    shares = {"low": thick, "mid": 0.9 * np.sqrt(thick * (1.0 - thick)) + 0.1, "high": 1.0 - 0.8 * thick}
    return {f"cloud_{name}_percent": np.round(100 * shade**0.7 * share) for name, share in shares.items()}


def _smooth(values: Floats) -> Floats:
    """What a model with cells of ten kilometres sees: about two and a half hours of passing sky."""
    return np.convolve(values, np.ones(9) / 9, mode="same")


def _at(values: Floats, when: Floats) -> Floats:
    return np.interp(when, np.arange(len(values)), values)
