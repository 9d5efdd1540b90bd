"""The true weather of a place: regimes that last, clouds that move within them, seasons, days and storms.

A regime (clear, broken, overcast, storm) lasts a gamma-distributed time and is followed by another one,
drawn by the season's weights: a semi-Markov chain. Within it the shade of the sun and the light that comes
through the clouds wander (Ornstein-Uhlenbeck). The sun makes clouds of its own in the afternoon; fog burns
off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from benchmarks.forecasting.strangers import sun
from benchmarks.forecasting.strangers.climates import Climate
from benchmarks.forecasting.strangers.sun import Floats

STEP_S = 900.0
"""Seconds of a step."""
PER_HOUR = 4
SHADE = (0.03, 0.45, 0.95, 1.0)
"""How much of the sun is hidden in a regime, mean."""
SHADE_SPREAD = (0.05, 0.26, 0.07, 0.02)
THROUGH = (0.6, 0.52, 0.38, 0.18)
"""Share of the clear sky's light that comes through the clouds of a regime."""
RAIN_MM_H = (0.0, 0.02, 0.1, 1.2)


@dataclass(frozen=True)
class Clouds:
    """Shade of the sun and transmittance of what shades it, shape (n,) each, at each step."""

    shade: Floats
    through: Floats
    regime: np.ndarray


@dataclass(frozen=True)
class Sky:
    """The true weather at a place, steps of 15 minutes; `seconds` are the middles of the steps."""

    climate: Climate
    latitude: float
    longitude: float
    seconds: Floats
    elevation: Floats
    azimuth: Floats
    turbidity: Floats
    beam_clear: Floats
    diffuse_clear: Floats
    clouds: Clouds
    other: Clouds
    """The clouds that might as well have come: what a wrong weather forecast believes."""
    temperature_c: Floats
    wind_m_s: Floats
    hub_m_s: Floats
    wind_from_deg: Floats
    humidity: Floats
    rain_mm_h: Floats
    pressure_hpa: Floats

    @property
    def beam(self) -> Floats:
        """Beam on a plane that faces the sun, W/m²."""
        return self.beam_clear * (1.0 - self.clouds.shade)

    @property
    def diffuse(self) -> Floats:
        """Diffuse irradiance on level ground, W/m²; clouds' edges throw some more down."""
        clear = self.beam_clear * np.sin(np.maximum(self.elevation, 0.0)) + self.diffuse_clear
        shade = self.clouds.shade
        edges = 0.18 * shade * (1.0 - shade) * self.beam_clear * np.sin(np.maximum(self.elevation, 0.0))
        return self.diffuse_clear * (1.0 - shade) + shade * self.clouds.through * clear + edges


def wander(random: np.random.Generator, n: int, steps: float) -> Floats:
    """A stationary first-order process with unit variance that forgets within so many steps, shape (n,)."""
    keep = float(np.exp(-1.0 / steps))
    noise = random.standard_normal(n) * np.sqrt(1.0 - keep**2)
    noise[0] = random.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -keep], noise))


def make(
    climate: Climate, latitude: float, longitude: float, span: tuple[float, float], seed: list[int]
) -> Sky:
    """The weather of a place from one moment to another (seconds since 1970 UTC)."""
    random = np.random.default_rng(seed)
    seconds = np.arange(span[0], span[1], STEP_S) + STEP_S / 2
    n = len(seconds)
    elevation, azimuth = sun.position(seconds, latitude, longitude)
    summer = _summer(seconds, latitude, 0.0)
    wet = _summer(seconds, latitude, climate.wet_phase_days)
    haze = np.exp(0.18 * wander(random, n, 70 * PER_HOUR))
    turbidity = np.clip(_between(climate.turbidity, summer) * haze, 1.8, 9.0)
    beam, diffuse, _ = sun.clear_sky(seconds, elevation, turbidity, climate.altitude_m)
    hour = (seconds / 3600.0 + longitude / 15.0) % 24.0
    clouds = _clouds(climate, random, seconds, wet, hour)
    other = _clouds(climate, random, seconds, wet, hour)
    day = 1.0 - 0.6 * clouds.shade
    warm = np.maximum(np.sin((hour - 8.5) / 24.0 * 2 * np.pi), -0.7)
    synoptic = climate.synoptic_k * wander(random, n, 60 * PER_HOUR)
    trailing = _summer(seconds, latitude, 28.0)
    slow_day = np.convolve(day, np.ones(24) / 24, mode="same")
    temperature = _between(climate.temperature_c, trailing) + synoptic
    temperature = temperature + climate.daily_range_k / 2 * warm * slow_day
    gust = wander(random, n, 18 * PER_HOUR) * 0.5 + 0.12 * wander(random, n, PER_HOUR)
    stormy = np.where(clouds.regime == 3, 1.35, 1.0)
    wind = climate.wind_m_s * np.exp(gust - 0.13) * stormy * (1.0 + 0.2 * np.sin((hour - 9) / 12 * np.pi))
    shear = np.clip(
        0.2 - 0.09 * np.sin((hour - 8.0) / 24 * 2 * np.pi) + 0.03 * wander(random, n, 24), 0.03, 0.4
    )
    rain = np.array(RAIN_MM_H)[clouds.regime] * random.gamma(0.35, 1 / 0.35, n)
    damp = 0.45 + 0.35 * clouds.shade - 0.012 * (temperature - temperature.mean())
    return Sky(
        climate, latitude, longitude, seconds, elevation, azimuth, turbidity, beam, diffuse, clouds, other,
        temperature, np.maximum(wind, 0.1), np.maximum(wind, 0.1) * 12.0**shear,
        (220.0 + 75.0 * wander(random, n, 30 * PER_HOUR)) % 360.0,
        np.clip(100 * (damp + 0.06 * wander(random, n, 20)), 8.0, 100.0), rain,
        1013.0 - climate.altitude_m / 8.6 + 8.0 * wander(random, n, 70 * PER_HOUR) - 7.0 * clouds.shade,
    )  # fmt: skip


def _summer(seconds: Floats, latitude: float, late_days: float) -> Floats:
    """0 at the winter solstice and 1 at the summer solstice, so many days later, shape (n,)."""
    north = 0.5 - 0.5 * np.cos(2 * np.pi * (sun.day_of_year(seconds) + 10.0 - late_days) / 365.2425)
    return np.asarray(north if latitude >= 0 else 1.0 - north)


def _between(pair: tuple[float, float], summer: Floats) -> Floats:
    return pair[0] + (pair[1] - pair[0]) * summer


def _clouds(
    climate: Climate, random: np.random.Generator, seconds: Floats, wet: Floats, hour: Floats
) -> Clouds:
    n = len(seconds)
    winter, summer = (np.array(weights) for weights in climate.states)
    regime = np.zeros(n, dtype=int)
    at, state = 0, int(random.integers(0, 3))
    while at < n:
        lasts = max(2, int(random.gamma(1.5, climate.regime_hours[state] / 1.5) * PER_HOUR))
        regime[at : at + lasts] = state
        at += lasts
        if at < n:
            # a regime that lasts long must be entered less often, so that its share of time is its weight
            weights = (winter + (summer - winter) * wet[at]) / np.array(climate.regime_hours)
            weights[state] = 0.0
            state = int(random.choice(4, p=weights / weights.sum()))
    mean, spread = np.array(SHADE)[regime], np.array(SHADE_SPREAD)[regime]
    quick, slow = wander(random, n, 3.0), wander(random, n, 10 * PER_HOUR)
    shade = np.convolve(mean, np.ones(5) / 5, mode="same") + spread * (0.75 * quick + 0.65 * slow)
    days = ((seconds + 0.0) // sun.DAY_S - seconds[0] // sun.DAY_S).astype(int)
    draws = random.random((days[-1] + 1, 4))
    afternoon = draws[days, 0] < _between(climate.convection, wet)
    swell = np.exp(-0.5 * ((hour - 13.5 - 3.0 * draws[days, 1]) / 1.9) ** 2)
    shade = shade + np.where(afternoon, 0.75 * swell * (0.6 + 0.5 * np.abs(quick)), 0.0)
    foggy = draws[days, 2] < climate.fog[0] + (climate.fog[1] - climate.fog[0]) * wet
    burns = 1.0 / (1.0 + np.exp((hour - 8.5 - 4.0 * draws[days, 3]) / 0.6))
    shade = np.maximum(shade, np.where(foggy & (hour > 3), 0.95 * burns, 0.0))
    through = np.array(THROUGH)[regime] * np.exp(0.28 * wander(random, n, 7 * PER_HOUR))
    return Clouds(np.clip(shade, 0.0, 1.0), np.clip(through, 0.05, 0.85), regime)
