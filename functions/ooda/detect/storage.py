"""Batteries and other storage: nobody judges them. Their file stays as it came, and the record says so.

What a battery gives does not follow from sun, wind or neighbours: its expected power would be its
operator's plan. Read as an inverter it would stand still for half of the day, and its charging would be
wrong readings.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

import pandas as pd

from ona.documents.assets import Asset
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import counted
from ona.telemetry.readings import Quality
from ooda.detect import not_judged
from ooda.documents.detections import AssetDetection, QualitySummary, Window
from ooda.event_logs.headers import DELIMITERS

REASON = "a battery or other storage, which nobody judges yet"
"""Why such an asset has no expected power."""
CHARGES = 0.1
"""Share of an asset's readings with negative power from which on it charges (ours)."""
_CHARGE = re.compile(r"^(battery )?(soc|state of charge|charge level|ladezustand|estado de carga)( |$)")
"""A column that says how full a battery is."""
_UNFIT = ("missing_columns", "negative_power", "no_power", "more_fields_than_columns")
"""Reasons for which a battery's file fails as our telemetry."""


def says_charge(head: str) -> bool:
    """Whether a file has a column with a state of charge, by its beginning.

    >>> [says_charge(f"timestamp,asset_id,{name}") for name in ("SoC_percent", "state_of_charge", "social")]
    [True, True, False]
    """
    header = next(iter(head.lstrip("\ufeff").splitlines()), "")
    names = next(csv.reader([header], delimiter=max(DELIMITERS, key=header.count)), [])
    plain = (" ".join(re.sub(r"[^a-z]+", " ", name.lower()).split()) for name in names)
    return any(_CHARGE.match(name) for name in plain)


def unfit(error: InvalidTelemetry, where: str) -> InvalidTelemetry:
    """The error of a file with a state of charge that is no telemetry of ours; other errors as they are."""
    return (
        _refused(f"the file has a state of charge, and as telemetry {error.message}", where)
        if (error.reason in _UNFIT)
        else error
    )


def require_registered(assets: Iterable[Asset], quality: Quality, came: dict[str, int], where: str) -> None:
    """Raises InvalidTelemetry for an asset of a file with a state of charge that charges, and whose type
    says neither battery nor hybrid inverter. `came`: readings of each asset that could be used."""
    for asset in assets:
        negative = sum(len(t) for why, t in quality.unusable.get(asset.id, ()) if why == "negative_power")
        known = asset.is_storage or "hybrid" in asset.type.lower()
        if not known and negative > CHARGES * (negative + came.get(asset.id, 0)):
            raise _refused(
                f"the file has a state of charge, and power is negative in {negative} of "
                f"{counted(negative + came.get(asset.id, 0), 'reading')} of {asset.id}",
                where,
            )


def _refused(what: str, where: str) -> InvalidTelemetry:
    return InvalidTelemetry(
        "storage_telemetry",
        f"{what}: it looks like a battery's, and Ona judges inverters and turbines",
        where=where,
        remedy="say so in assets.json (`type: Battery Storage`), then `./ona dlq redrive`: in our columns "
        "the file is taken, and the battery is not judged; of a hybrid inverter send its modules' power",
    )


def detection_of(asset: Asset, frame: pd.DataFrame, completeness: float = 100.0) -> AssetDetection:
    """What the record says of a storage asset: that it was not judged, and why."""
    times = frame["timestamp"]
    return AssetDetection(
        asset_id=asset.id,
        site_id=asset.site_id,
        window=Window(start=times.iloc[0], end=times.iloc[-1]),
        basis="none",
        basis_reason=REASON,
        expected_energy_kwh=0.0,
        measured_energy_kwh=0.0,
        lost_energy_kwh=0.0,
        daily_expected_kwh=[],
        daily_measured_kwh=[],
        residual_shares=[],
        quality=QualitySummary(
            completeness_percent=completeness,
            accuracy_percent=100.0,
            issues=[not_judged.issue(REASON, len(frame))],
        ),
        incidents=[],
    )
