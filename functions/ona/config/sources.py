"""`configs/sources/`: what turns a vendor's export into canonical telemetry, as data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from ona.config.files import directory, read_yaml, validated
from ona.documents.assets import Component, Location
from ona.documents.base import Document
from ona.documents.columns import NUMERIC
from ona.runtime.errors import InvalidConfiguration


def source_profiles() -> dict[str, Any]:
    """All profiles under `sources/`, by name. Raises InvalidConfiguration for a wrong one."""
    return _source_profiles(directory())


@cache
def _source_profiles(base: Path) -> dict[str, Any]:

    profiles = {}
    for path in sorted((base / "sources").glob("*.yaml")):
        profile = validated(SourceProfile, read_yaml(path), f"sources/{path.name}")
        if profile.name != path.stem:
            raise InvalidConfiguration(
                f"sources/{path.name}: name: {profile.name!r} must equal the file's name"
            )
        profiles[profile.name] = profile
    return profiles


UNITS: dict[str, dict[str, float]] = {
    "power_kw": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "dc_power_kw": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "temperature_c": {"C": 1.0, "K": 1.0, "F": 5.0 / 9.0},
    "voltage_v": {"V": 1.0, "kV": 1e3},
    "irradiance_w_m2": {"W/m2": 1.0, "kW/m2": 1e3},
    "wind_speed_m_s": {"m/s": 1.0, "km/h": 1.0 / 3.6, "mph": 0.44704},
}


ENERGY_UNITS = {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3}


class TimeColumn(Document):
    """Where the time stands: `iso8601` carries its offset, `epoch_s` is UTC, else a strptime format.

    With `iso8601` a `zone` is for the rows that carry no offset (SolarEdge mixes both in one file).
    """

    column: str
    format: str = "iso8601"
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            if value:
                ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no IANA time zone, like Africa/Johannesburg") from error
        return value

    @model_validator(mode="after")
    def _zone_where_needed(self) -> Self:
        if self.format not in ("iso8601", "epoch_s") and not self.zone:
            raise ValueError(f"format {self.format!r} carries no zone: name one in `zone`")
        return self


class AssetIdRule(Document):
    """Where the asset's id comes from: a column, the file's name (a pattern with one group), or fixed."""

    column: str | None = None
    file_name: str | None = None
    constant: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [value for value in (self.column, self.file_name, self.constant) if value]
        if len(given) != 1:
            raise ValueError("give exactly one of column, file_name, constant")
        if self.file_name and re.compile(self.file_name).groups != 1:
            raise ValueError("file_name needs exactly one group, around the asset's id")
        return self


class ValueColumn(Document):
    """A vendor's column: its unit, and `energy` when it counts energy a interval instead of power."""

    column: str
    unit: str
    quantity: Literal["value", "energy_per_interval"] = "value"


class Join(Document):
    """Another file of the same export, joined by time (each reading takes the row of its instant)."""

    files: str
    time: TimeColumn
    columns: dict[str, ValueColumn]


class SiteDefaults(Document):
    """What the platform must know of the machines when no `assets.json` names them yet."""

    site_id: str
    customer_id: str = "default"
    location: Location | None = None
    capacity_kw: float | None = Field(default=None, gt=0)
    tariff_usd_per_kwh: float = Field(default=0.10, ge=0)
    components: list[Component] = []


class SourceProfile(Document):
    """One vendor's export."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    vendor: str
    description: str = ""
    files: str = "*.csv"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    time: TimeColumn
    asset_id: AssetIdRule
    columns: dict[str, ValueColumn]
    joins: list[Join] = []
    site: SiteDefaults

    @model_validator(mode="after")
    def _units(self) -> Self:
        if "power_kw" not in self.columns:
            raise ValueError("columns must say where power_kw comes from")
        for canonical, value in self.all_columns().items():
            if canonical not in NUMERIC:
                raise ValueError(f"{canonical} is no canonical column; use one of {NUMERIC}")
            known = ENERGY_UNITS if value.quantity == "energy_per_interval" else UNITS[canonical]
            if value.unit not in known:
                raise ValueError(f"{canonical}: unit {value.unit!r}; use one of {sorted(known)}")
        return self

    def all_columns(self) -> dict[str, ValueColumn]:
        """The main file's value columns and those of the joined files."""
        merged = dict(self.columns)
        for join in self.joins:
            merged.update(join.columns)
        return merged

    def needed_columns(self) -> set[str]:
        """Columns that the main file must have; a header with all of them is this vendor's."""
        needed = {self.time.column, *(value.column for value in self.columns.values())}
        return needed | ({self.asset_id.column} if self.asset_id.column else set())
