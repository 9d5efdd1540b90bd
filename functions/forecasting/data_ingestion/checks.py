"""What the rows of an upload must be as a whole: one unit, no contradictions, some daylight, some power.

>>> unit_step(np.array([900.0, 0.9, 0.8, 850.0]))  # daily peaks in W and in kW
1000.0
>>> unit_step(np.array([0.9, 0.85, 0.8, 0.9, 0.7, 0.0008]))  # one day under snow
0.0
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import counted
from ona.sky.irradiance import DARK_W_M2
from ona.sky.plane import Plane
from ona.sky.sun import clear_sky
from ona.telemetry.intervals import minutes_of, usual_step
from ona.telemetry.readings import Quality

ABOVE_CAPACITY = 1.5
"""Power above this multiple of nameplate is no measurement in kW. Ours: inverters give up to 1.1."""
ABOVE_SHARE = 0.01
"""Share of the readings that may be above; they are dropped. More, and the file is in another unit."""
UNIT_STEP = (250.0, 4000.0)
"""How far the highest of two groups of daily peaks lie apart when one is in another unit: W, kW, MW differ
by 1 000, and the brightest days of each group by what weather does."""
UNIT_GAP = 50.0
"""Least factor between the two groups: what weather does to daily peaks stays below it. Ours."""
UNIT_SHARE = 0.2
"""Both groups must hold this share of the days: a snowed-in or calm day is no unit."""
IN_MW = (0.0002, ABOVE_CAPACITY / 1000.0)
"""Between these shares of nameplate lies the highest power of a file in MW; an inverter that stands still
shows less, one that runs shows more. Ours."""
IN_MW_DAYS = 5
"""Days with power after which the highest power of an asset tells. Ours."""
WHOLE_DAY = 0.75
"""Share of the longest day's readings that a day needs: the first and the last day of a file are often cut,
and at dawn a day's peak says nothing of its unit."""
CONFLICTS_SHARE = 0.10
"""Share of rows that may repeat a timestamp with other values; a repeated hour of local time is 1 in 24."""
MIN_ROWS = 4
"""Readings with power, and of them in daylight, that a file needs: an hour at 15 minutes."""
LIT_W_M2 = 10 * DARK_W_M2
"""W/m² of clear-sky global irradiance from which a reading counts as daylight: an inverter runs by then."""


def check(frame: pd.DataFrame, quality: Quality, registry: AssetRegistry, where: str) -> pd.DataFrame:
    """Refuse a file that cannot be what it says; drop and count single impossible rows.

    Raises InvalidTelemetry: too few rows, mixed or wrong units, contradicting duplicates, no daylight,
    nothing produced.
    """
    power = frame["power_kw"]
    if power.notna().sum() < MIN_ROWS:
        raise InvalidTelemetry(
            "too_few_readings",
            f"only {counted(int(power.notna().sum()), 'reading')} with power; "
            f"at least {MIN_ROWS} are needed",
            where=where,
            remedy="export a longer period",
        )
    conflicts = quality.rejected.get("conflicting_duplicate", 0)
    if conflicts > CONFLICTS_SHARE * max(quality.rows_read, 1):
        raise InvalidTelemetry(
            "duplicated_timestamps",
            f"an asset's timestamp comes again with other values in {conflicts} "
            f"of {counted(quality.rows_read, 'row')}",
            where=where,
            remedy="export each reading once; local times around a clock change repeat an hour: use UTC",
        )
    capacity = (
        frame["asset_id"].map({asset.id: asset.capacity_kw for asset in registry.assets}).astype(float)
    )
    share = power / capacity
    _units(frame.assign(share=share), where)
    above = (share > ABOVE_CAPACITY).to_numpy()
    quality.reject("power_above_capacity", int(above.sum()))
    possible = frame[~above].reset_index(drop=True)
    _daylight(possible, quality, registry, where)
    return possible


def _units(frame: pd.DataFrame, where: str) -> None:
    """Raises InvalidTelemetry when some rows or all of them are in another unit than kW."""
    above = frame["share"] > ABOVE_CAPACITY
    by_day = frame.groupby([frame["asset_id"], frame["timestamp"].dt.floor("D")])["share"]
    peaks, readings = by_day.max(), by_day.size()
    _not_in_mw(peaks, where)
    for asset_id, days in peaks.groupby(level=0):
        count = readings[days.index]
        lit = days[(days > 1e-5) & (count >= WHOLE_DAY * count.max())]
        step = unit_step(lit.to_numpy())
        if step:
            raise InvalidTelemetry(
                "mixed_units",
                f"daily peaks of {asset_id} fall into two groups a factor of {step:,.0f} apart: "
                "some rows are in another unit",
                where=where,
                remedy="export power in kW throughout (W is 1 000 times larger, MW 1 000 times smaller)",
            )
    if above.mean() > ABOVE_SHARE:
        worst = frame.loc[above].iloc[0]
        raise InvalidTelemetry(
            "power_above_capacity",
            f"{100 * above.mean():.0f} % of the readings exceed {ABOVE_CAPACITY:g} × nameplate, as "
            f"{worst['asset_id']} with {worst['power_kw']:,.0f} kW at "
            f"{worst['timestamp']:%Y-%m-%d %H:%M} UTC",
            where=where,
            remedy="put the file again with power in kW (is it W?), or correct capacity_kw in assets.json, "
            "then `./ona dlq redrive`",
        )


def _not_in_mw(peaks: pd.Series, where: str) -> None:
    """Raises InvalidTelemetry when the highest power of each asset is what a file in MW has. `peaks`: share
    of nameplate by asset and day."""
    by_asset = peaks.dropna().groupby(level=0)
    highest = by_asset.max()[by_asset.apply(lambda days: int((days > 0).sum())) >= IN_MW_DAYS]
    if len(highest) and len(highest) == len(by_asset) and highest.between(*IN_MW).all():
        raise InvalidTelemetry(
            "power_far_below_capacity",
            f"power never exceeds {100 * highest.max():.2g} % of nameplate, as if it was in MW",
            where=where,
            remedy="put the file again with power in kW (is it MW?), or correct capacity_kw in "
            "assets.json, then `./ona dlq redrive`",
        )


def unit_step(peaks: np.ndarray) -> float:
    """Factor between two groups of daily peaks that look like two units, shape (days,); 0 for one unit."""
    if len(peaks) < 2:
        return 0.0
    ranked = np.sort(np.log10(peaks))
    steps = np.diff(ranked)
    cut = int(np.argmax(steps)) + 1
    low, high = ranked[:cut], ranked[cut:]
    if steps[cut - 1] < np.log10(UNIT_GAP) or min(len(low), len(high)) < UNIT_SHARE * len(ranked):
        return 0.0
    step = float(10 ** (high[-1] - low[-1]))
    return step if UNIT_STEP[0] <= step <= UNIT_STEP[1] else 0.0


def _daylight(frame: pd.DataFrame, quality: Quality, registry: AssetRegistry, where: str) -> None:
    """Raises InvalidTelemetry when no reading of a solar site is by day, or none of those is above zero."""
    solar = [a for a in registry.assets if a.location and not a.is_wind]
    places = {asset.id: asset.location for asset in solar}
    readings = frame[frame["asset_id"].isin(places) & frame["power_kw"].notna()]
    if len(readings) == 0 or len(readings) < frame["power_kw"].notna().sum():
        return  # a wind turbine, or an unplaced asset: there is no night to judge by
    lit = produced = 0
    for asset_id, rows in readings.groupby("asset_id"):
        place = places[str(asset_id)]
        if place is None:
            continue
        end = pd.DatetimeIndex(rows["timestamp"])
        flat = Plane(place.latitude, place.longitude, 0.0, 0.0)
        minutes = usual_step(minutes_of(end), otherwise=60.0)
        day = (clear_sky(end, flat, minutes)["clear_ghi"] > LIT_W_M2).to_numpy()
        lit += int(day.sum())
        produced += int((rows["power_kw"].to_numpy()[day] > 0).sum())
    negative = quality.rejected.get("negative_power", 0)
    if negative and (lit < MIN_ROWS or produced == 0):  # what was left out is what would have told
        raise InvalidTelemetry(
            "negative_power",
            f"{counted(negative, 'reading')} with negative power, and no generation in the rest",
            where=where,
            remedy="check the sign convention, and how the meter is wired: generation counts positive",
        )
    if lit < MIN_ROWS:
        raise InvalidTelemetry(
            "no_daylight",
            "all readings are at night, by the sun at the assets' place",
            where=where,
            remedy="put the file again with the right zone, or correct latitude and longitude in "
            "assets.json, then `./ona dlq redrive`",
        )
    if produced == 0:
        raise InvalidTelemetry(
            "no_generation",
            f"power is zero in all daylight: {counted(lit, 'reading')}",
            where=where,
            remedy="check which column power comes from; a site that is down belongs in observations/",
        )
