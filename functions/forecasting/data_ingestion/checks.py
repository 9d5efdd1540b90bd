"""What an upload as a whole must be, beyond its rows: the right customer's, one unit, some daylight."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.payloads import CUSTOMER_PATTERN, SITE_PATTERN
from ona.documents.assets import Asset, AssetRegistry
from ona.runtime.errors import InvalidTelemetry
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Plane, clear_sky, interval_minutes
from ona.telemetry.readings import Quality

Kind = Literal["historical", "nowcast"]

ABOVE_CAPACITY = 1.5
"""Power above this multiple of nameplate is no measurement in kW."""
ABOVE_SHARE = 0.01
UNIT_STEP = (250.0, 4000.0)
"""How far the highest of two groups of daily peaks lie apart when one is in another unit: W, kW, MW differ
by 1 000, and the brightest days of each group by what weather does."""
UNIT_GAP = 50.0
UNIT_SHARE = 0.2
"""Both groups must hold this share of the days: a snowed-in or calm day is no unit."""
WHOLE_DAY = 0.75
"""The first and the last day of a file are often cut: at dawn a day's peak says nothing of its unit."""
CONFLICTS_SHARE = 0.10
MIN_ROWS = 4

_HISTORICAL = re.compile(r"^historical/(?P<customer>[^/]+)/.+\.csv$", re.IGNORECASE)
_NOWCAST = re.compile(r"^nowcast/\d{4}/\d{2}/\d{2}/(?:(?P<customer>[^/]+)/)?[^/]+\.csv$", re.IGNORECASE)


def addressed(key: str) -> tuple[Kind, str | None]:
    """Kind of an upload and the customer its key names (None: a nowcast straight into the bucket).

    Raises InvalidTelemetry for a key that is neither.
    """
    for kind, pattern in (("historical", _HISTORICAL), ("nowcast", _NOWCAST)):
        found = pattern.match(key)
        if found:
            customer = found["customer"]
            if customer is not None and not re.match(CUSTOMER_PATTERN, customer):
                break
            return ("historical", customer) if kind == "historical" else ("nowcast", customer)
    raise InvalidTelemetry(
        "wrong_place",
        "the object's name is no upload's",
        where=key,
        remedy="use historical/<customer>/<name>.csv or nowcast/YYYY/MM/DD/<asset>_nowcast.csv",
    )


def sites(
    frame: pd.DataFrame, registry: AssetRegistry, customer: str | None, where: str
) -> dict[tuple[str, str], list[Asset]]:
    """The sites that a file's assets stand on: (customer, site) → all registered assets of that site.

    Raises InvalidTelemetry when an asset is another customer's, or its site has no place.
    """
    here = {str(name) for name in frame["asset_id"].unique()}
    mine = [asset for asset in registry.assets if asset.id in here]
    foreign = sorted(asset.id for asset in mine if customer is not None and asset.customer_id != customer)
    if foreign:
        raise InvalidTelemetry(
            "foreign_asset",
            f"assets that are not {customer}'s: {', '.join(foreign[:5])}{' …' if len(foreign) > 5 else ''}",
            where=where,
            remedy="use each customer's own prefix, or correct customer_id in assets.json",
        )
    found: dict[tuple[str, str], list[Asset]] = {}
    for customer_id, site_id in sorted({(asset.customer_id, asset.site_id) for asset in mine}):
        if not (re.match(CUSTOMER_PATTERN, customer_id) and re.match(SITE_PATTERN, site_id)):
            raise InvalidTelemetry(
                "wrong_name",
                f"customer {customer_id!r} or site {site_id!r} cannot be part of an object's name",
                where=f"{where}; assets.json",
                remedy="use letters, digits, dot, underscore and hyphen",
            )
        group = [a for a in registry.assets if (a.customer_id, a.site_id) == (customer_id, site_id)]
        if not any(asset.location for asset in group):
            raise InvalidTelemetry(
                "no_location",
                f"no asset of site {site_id} says where it stands; a forecast needs sun and weather",
                where=f"{where}; assets.json",
                remedy="add location {latitude, longitude} to the site's assets, then `ona dlq redrive`",
            )
        found[customer_id, site_id] = group
    return found


def check(frame: pd.DataFrame, quality: Quality, registry: AssetRegistry, where: str) -> pd.DataFrame:
    """Refuse a file that cannot be what it says; drop and count single impossible rows.

    Raises InvalidTelemetry: too few rows, mixed or wrong units, contradicting duplicates, no daylight,
    nothing produced.
    """
    power = frame["power_kw"]
    if power.notna().sum() < MIN_ROWS:
        raise InvalidTelemetry(
            "too_few_readings",
            f"{int(power.notna().sum())} readings have power; at least {MIN_ROWS} are needed",
            where=where,
            remedy="export a longer period",
        )
    conflicts = quality.rejected.get("conflicting_duplicate", 0)
    if conflicts > CONFLICTS_SHARE * max(quality.rows_read, 1):
        raise InvalidTelemetry(
            "duplicated_timestamps",
            f"{conflicts} of {quality.rows_read} rows repeat an asset's timestamp with other values",
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
    kept = frame[~above].reset_index(drop=True)
    _daylight(kept, registry, where)
    return kept


def _units(frame: pd.DataFrame, where: str) -> None:
    above = frame["share"] > ABOVE_CAPACITY
    by_day = frame.groupby([frame["asset_id"], frame["timestamp"].dt.floor("D")])["share"]
    peaks, readings = by_day.max(), by_day.size()
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
            f"{worst['asset_id']} with {worst['power_kw']:,.0f} kW at {worst['timestamp']:%Y-%m-%d %H:%M}Z",
            where=where,
            remedy="export power in kW (is it W?), or correct capacity_kw in assets.json",
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


def _daylight(frame: pd.DataFrame, registry: AssetRegistry, where: str) -> None:
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
        day = (clear_sky(end, flat, interval_minutes(end))["clear_ghi"] > 10 * DARK_W_M2).to_numpy()
        lit += int(day.sum())
        produced += int((rows["power_kw"].to_numpy()[day] > 0).sum())
    if lit < MIN_ROWS:
        raise InvalidTelemetry(
            "no_daylight",
            "all readings are at night, by the sun at the assets' place",
            where=where,
            remedy="check the times' zone and the assets' latitude and longitude",
        )
    if produced == 0:
        raise InvalidTelemetry(
            "no_generation",
            f"power is zero in all {lit} daylight readings",
            where=where,
            remedy="check which column power comes from; a site that is down belongs in observations/",
        )
