"""Sites of each half: plants, how they are described to the platform, how weather forecasts err."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers import archive, plants, sky
from benchmarks.forecasting.strangers.archive import Archive, Errors
from benchmarks.forecasting.strangers.climates import CLIMATES, Climate
from benchmarks.forecasting.strangers.plants import Plant
from benchmarks.forecasting.strangers.sky import Sky

Pair = tuple[float, float]
KINDS = ("known", "unknown", "tracked", "east_west", "clipped", "soiled", "curtailed", "misnamed", "wind")
BEFORE_DAYS, AFTER_DAYS = 380, 186
"""Days of weather before the end of the history, and after it."""
CAPACITY_KW = 1000.0
"""What every customer says; the true capacity differs where the plant's `said_factor` does."""


@dataclass(frozen=True)
class Half:
    """A half of the cases. Ranges are drawn from evenly; `place` is its column of `trained_until`."""

    name: str
    seed: int
    place: int
    forgets_h: Pair
    shift_per_h: Pair
    noise: Pair
    clear_bias: Pair
    shade_bias: Pair
    bright_bias: Pair
    dc_ac: Pair
    losses: Pair
    gaps: Pair
    tilt: Pair
    turn: Pair
    """How far a plane's azimuth is from the equator, degrees."""
    said: Pair
    """Said over true capacity, of plants whose meter is misnamed."""
    kinds_from: int
    """Which of `KINDS` the half's first site is, where it does not take those of the climate."""


HALVES = (
    Half(
        "tuning", 2601, 0, (70, 120), (0.05, 0.08), (0.12, 0.18), (0.98, 1.05), (0.85, 1.02), (0.95, 1.2),
        (1.0, 1.25), (0.03, 0.1), (0.05, 0.2), (8, 35), (-40, 40), (0.97, 1.2), 3,
    ),
    Half(
        "reporting", 7417, 1, (50, 100), (0.06, 0.1), (0.13, 0.22), (0.95, 1.08), (0.75, 1.08),
        (0.9, 1.35), (0.95, 1.3), (0.02, 0.14), (0.05, 0.3), (3, 42), (-75, 75), (0.93, 1.35), -1,
    ),
    Half(
        "held-out", 99190, 2, (45, 130), (0.04, 0.11), (0.1, 0.24), (0.93, 1.06), (0.7, 1.15),
        (0.8, 1.45), (0.9, 1.4), (0.01, 0.16), (0.04, 0.3), (0, 50), (-100, 100), (0.92, 1.5), 6,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A site: how it is, how it is described, what its weather was and was said to be."""

    name: str
    kind: str
    climate: Climate
    latitude: float
    longitude: float
    plant: Plant
    sky: Sky
    archive: Archive
    readings: pd.DataFrame
    """kW by machine, every 15 minutes (UTC, interval's end)."""
    share: pd.Series
    """Measured power by the hour as a share of the said capacity; NaN where it was not measured."""
    archived: pd.DataFrame
    """The archive of weather forecasts, by hour's end."""

    @property
    def is_wind(self) -> bool:
        """Whether it is a wind site."""
        return self.plant.kind == "wind"

    @property
    def says_plane(self) -> bool:
        """Whether the customer says tilt and azimuth."""
        return self.kind not in ("unknown", "tracked", "east_west", "wind")

    def forecast_of_weather(self, now: pd.Timestamp) -> pd.DataFrame:
        """The weather forecast of a moment: a frame by hour's end (UTC)."""
        return self.archive.issued(now)

    def document(self, customer_id: str) -> dict[str, object]:
        """The site's stored document (`sites/<customer>/<site>.json`)."""
        says = self.says_plane
        return {
            "customer_id": customer_id,
            "site_id": self.name,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "kind": "wind" if self.is_wind else "solar",
            "capacity_kw": CAPACITY_KW,
            "tilt": round(self.plant.tilt) if says else None,
            "azimuth": round(self.plant.azimuth) if says else None,
            "timezone": None,
            "assets": {f"{self.name}-unit-{n + 1}": CAPACITY_KW * s for n, s in enumerate(plants.UNITS)},
        }


def kinds_of(half: Half, climate: Climate, sites: int) -> list[str]:
    """The kinds of a half's sites in a climate."""
    if half.kinds_from < 0:
        return list(climate.kinds[:sites])
    at = half.kinds_from + 2 * [known.name for known in CLIMATES].index(climate.name)
    return [KINDS[(at + 4 * n) % len(KINDS)] for n in range(sites)]


def trained_until(half: Half, climate: Climate) -> datetime:
    """The moment (UTC) at which a half's history of a climate ends."""
    day: date = climate.trained_until[half.place]
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def draw(
    half: Half, climate: Climate, sites: int, lead_hours: float = archive.ARCHIVE_LEAD_H
) -> list[Site]:
    """The sites of a half in a climate, the same ones whatever is asked of them.

    `lead_hours`: how long before the weather of the history had been forecast.
    """
    until = trained_until(half, climate)
    begin = (until - timedelta(days=BEFORE_DAYS)).timestamp()
    end = (until + timedelta(days=AFTER_DAYS)).timestamp()
    out = []
    for number, kind in enumerate(kinds_of(half, climate, sites)):
        seed = [half.seed, sum(map(ord, climate.name)), number]
        random = np.random.default_rng(seed)
        latitude = round(float(random.uniform(*climate.latitudes)), 3)
        longitude = round(float(random.uniform(*climate.longitudes)), 3)
        truth = sky.make(climate, latitude, longitude, (begin, end), [*seed, 1])
        plant = _plant(half, kind, latitude, random)
        weather = archive.archive(truth, _errors(half, random), [*seed, 2])
        made = plants.output(plant, truth, seed)
        meters = plants.readings(plant, truth, made, CAPACITY_KW, seed)
        share = plants.hourly(meters, truth, CAPACITY_KW, plant.kind == "wind")
        out.append(
            Site(
                f"{climate.name}-{number + 1}-{kind.replace('_', '-')}", kind, climate, latitude, longitude,
                plant, truth, weather, meters, share, weather.history(lead_hours),
            )
        )  # fmt: skip
    return out


def _errors(half: Half, random: np.random.Generator) -> Errors:
    return Errors(
        forgets_h=random.uniform(*half.forgets_h),
        shift_h=random.uniform(0.3, 0.9),
        shift_per_h=random.uniform(*half.shift_per_h),
        noise=random.uniform(*half.noise),
        noise_per_h=random.uniform(0.0015, 0.004),
        clear_bias=random.uniform(*half.clear_bias),
        shade_bias=random.uniform(*half.shade_bias),
        bright_bias=random.uniform(*half.bright_bias),
        temperature_k=random.uniform(-2.5, 2.5),
        wind_factor=random.uniform(0.82, 1.18),
    )


def _plant(half: Half, kind: str, latitude: float, random: np.random.Generator) -> Plant:
    tilt, turn = random.uniform(*half.tilt), random.uniform(*half.turn)
    dc_ac, losses = random.uniform(*half.dc_ac), random.uniform(*half.losses)
    horizon: tuple[tuple[float, float, float], ...] = ()
    if random.random() < 0.5:
        begins = float(random.choice([70.0, 230.0]))
        horizon = ((begins, begins + random.uniform(20, 60), random.uniform(5, 16)),)
    return Plant(
        kind={"tracked": "tracker", "east_west": "east_west", "wind": "wind"}.get(kind, "fixed"),
        tilt=12.0 if kind == "east_west" else tilt,
        azimuth=((180.0 if latitude >= 0 else 0.0) + turn) % 360.0,
        dc_ac=random.uniform(1.28, 1.42) if kind == "clipped" else dc_ac,
        gamma=random.uniform(-0.0045, -0.0026),
        faiman=(random.uniform(20, 30), random.uniform(4, 8)),
        losses=losses,
        ages_per_year=random.uniform(0.003, 0.03),
        dust_per_day=random.uniform(0.0015, 0.004) if kind == "soiled" else random.uniform(0.0, 0.0007),
        washed_by_mm=random.uniform(1.0, 5.0),
        horizon=horizon,
        snow_stays=random.uniform(0.86, 0.97),
        said_factor=random.uniform(*half.said) if kind == "misnamed" else 1.0,
        curtailed_days=random.uniform(0.15, 0.35) if kind == "curtailed" else 0.0,
        curtailed_to=random.uniform(0.3, 0.7),
        gap_share=random.uniform(*half.gaps),
        silent_at_night=bool(random.random() < 0.6),
    )
