"""`configs/sources/`: source profiles, which say how a vendor's export becomes canonical telemetry.

>>> profile = SourceProfile.read({
...     "name": "acme", "vendor": "Acme",
...     "time": {"column": "when", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
...     "asset_id": {"column": "inverter"},
...     "columns": {"power_kw": {"column": "P", "unit": "W"}},
...     "site": {"site_id": "acme-site"},
... })
>>> sorted(profile.needed_columns())
['P', 'inverter', 'when']
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from ona.config.fields import Zone
from ona.config.files import directory, read_yaml, validated
from ona.documents.assets import (
    LEAST_CAPACITY_KW,
    MOST_CAPACITY_KW,
    MOST_TARIFF_USD,
    Component,
    Location,
)
from ona.documents.base import Document
from ona.documents.columns import NUMERIC
from ona.runtime.errors import InvalidConfiguration

FOLDER = "sources"
"""The folder of source profiles, below `configs/`."""


class Unit(NamedTuple):
    """How a vendor's unit becomes ours: value × factor + offset."""

    factor: float
    offset: float = 0.0


_POWER = {"kW": Unit(1.0), "W": Unit(1e-3), "MW": Unit(1e3)}
"""Units of AC and DC power, in kW."""
UNITS: dict[str, dict[str, Unit]] = {
    "power_kw": _POWER,
    "dc_power_kw": _POWER,
    "temperature_c": {"C": Unit(1.0), "K": Unit(1.0, -273.15), "F": Unit(5.0 / 9.0, -160.0 / 9.0)},
    "voltage_v": {"V": Unit(1.0), "kV": Unit(1e3)},
    "irradiance_w_m2": {"W/m2": Unit(1.0), "kW/m2": Unit(1e3)},
    "wind_direction_deg": {"deg": Unit(1.0), "rad": Unit(57.29577951308232)},
    "wind_speed_m_s": {"m/s": Unit(1.0), "km/h": Unit(1.0 / 3.6), "mph": Unit(0.44704)},
}
"""The units that a column may have, by canonical column."""
ENERGY_UNITS = {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3}
"""kWh in one of each unit, for columns that count the energy of an interval."""


class TimeColumn(Document):
    """Where the time stands, and how it is written.

    `format` is `iso8601` (the text carries its offset), `epoch_s` (seconds since 1970 UTC), or a strptime
    format, which needs a `zone`. With `iso8601` the `zone` is that of texts without an offset: SolarEdge
    mixes both in one file.
    """

    column: str
    format: str = "iso8601"
    zone: Zone | None = None

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
        if self.file_name and _groups(self.file_name) != 1:
            raise ValueError("file_name needs exactly one group, around the asset's id")
        return self


def _groups(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"file_name {pattern!r} is no regular expression: {error}") from error


class ValueColumn(Document):
    """A vendor's column and its unit; `energy_per_interval` where it counts energy instead of power."""

    column: str
    unit: str
    quantity: Literal["value", "energy_per_interval"] = "value"


class Join(Document):
    """Another file of the same export. A reading takes its columns from the row of the same instant."""

    files: str
    time: TimeColumn
    columns: dict[str, ValueColumn]


class SiteDefaults(Document):
    """What is taken for assets that no `assets.json` names yet: type, capacity, tariff (USD a kWh)."""

    site_id: str
    type: str = "Solar Inverter"
    customer_id: str = "default"
    location: Location | None = None
    capacity_kw: float | None = Field(default=None, ge=LEAST_CAPACITY_KW, le=MOST_CAPACITY_KW)
    tariff_usd_per_kwh: float = Field(default=0.10, ge=0, le=MOST_TARIFF_USD)
    components: list[Component] = []


class SourceProfile(Document):
    """One vendor's export: its files, its time, its assets, its columns."""

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
            energy = value.quantity == "energy_per_interval"
            units = sorted(ENERGY_UNITS if energy else UNITS[canonical])
            if value.unit not in units:
                raise ValueError(f"{canonical}: unit {value.unit!r}; use one of {units}")
        return self

    def all_columns(self) -> dict[str, ValueColumn]:
        """The value columns of the main file and of the joined files, by canonical name."""
        merged = dict(self.columns)
        for join in self.joins:
            merged.update(join.columns)
        return merged

    def needed_columns(self) -> set[str]:
        """The columns that the main file must have; a header with all of them is this vendor's."""
        needed = {self.time.column, *(value.column for value in self.columns.values())}
        return needed | ({self.asset_id.column} if self.asset_id.column else set())


def source_profiles() -> dict[str, SourceProfile]:
    """All profiles under `configs/sources/`, by name. Raises InvalidConfiguration for a wrong one."""
    return _source_profiles(directory())


@cache
def _source_profiles(base: Path) -> dict[str, SourceProfile]:
    profiles = (read_profile(path) for path in sorted((base / FOLDER).glob("*.yaml")))
    return {profile.name: profile for profile in profiles}


def read_profile(path: Path) -> SourceProfile:
    """One profile. Raises InvalidConfiguration with file, key and reason."""
    profile = validated(SourceProfile, read_yaml(path), f"{FOLDER}/{path.name}")
    if profile.name != path.stem:
        raise InvalidConfiguration(
            f"{FOLDER}/{path.name}: name: {profile.name!r} must equal the file's name"
        )
    return profile
