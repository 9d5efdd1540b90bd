"""The asset registry, `assets.json` in the input bucket: each inverter and turbine, its site and its size.

>>> registry = AssetRegistry.parse({"assets": [{"id": "INV-001", "capacity_kw": 100, "site_id": "karoo"}]})
>>> registry.require("INV-001", "an order").site_id
'karoo'
>>> registry.get("INV-002") is None
True
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import Field, ValidationError

from ona.documents.base import Document, problems_of
from ona.documents.names import SITE_PATTERN
from ona.runtime.errors import InvalidConfiguration, InvalidPayload
from ona.runtime.words import shortened

ASSET_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What an asset's id may be; it becomes a part of keys in S3."""
ASSET_ID_LETTERS = 128
"""The longest id of an asset, characters."""
LEAST_CAPACITY_KW, MOST_CAPACITY_KW = 0.001, 30_000_000.0
"""A watt, and more than the largest power station of any kind (Three Gorges, 22 500 000 kW): beyond is a
typing error or another unit, and sums of energy and money leave the range of numbers (ours)."""
MOST_OF_NAMEPLATE = 5.0
"""Power above this multiple of the nameplate is none of the machine: a wrong unit, a bad meter (ours)."""
MOST_NAMED = 50
"""So many wrong assets are named in one error (ours)."""
MOST_AC_VOLTS, MOST_HERTZ = 1_500_000.0, 1_000.0
"""Beyond the highest voltage of any grid (1 150 kV), and beyond aircraft's 400 Hz (ours)."""
MOST_TARIFF_USD = 1_000.0
"""USD a kWh: a hundred times what electricity ever cost at an exchange (ours)."""


class Location(Document):
    """Where an asset stands: degrees north and east (WGS 84)."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    address: str = ""


class Component(Document):
    """An installed part of an asset; `type` is what a bill of materials matches on."""

    oem: str
    model: str
    serial: str = ""
    type: str
    installation_date: datetime | None = None
    warranty_months: int | None = Field(default=None, ge=0, le=1200, description="from installation")

    @property
    def warranty_ends(self) -> date | None:
        """The day on which its warranty ends; None where the registry does not say."""
        if self.installation_date is None or self.warranty_months is None:
            return None
        months = self.installation_date.month - 1 + self.warranty_months
        first = date(self.installation_date.year + months // 12, months % 12 + 1, 1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return first.replace(day=min(self.installation_date.day, last.day))


class Electrical(Document):
    """Nominal values of an asset, volts and hertz; at most 1500 V DC (contract)."""

    dc_voltage_max: float | None = Field(default=None, gt=0, le=1500)
    ac_voltage_nominal: float | None = Field(default=None, gt=0, le=MOST_AC_VOLTS)
    frequency_nominal: float | None = Field(default=None, gt=0, le=MOST_HERTZ)


_TURBINES = {"wtg", "wec", "wea"}
"""The field's short words for a wind turbine: wind turbine generator, wind energy converter, and German."""


_STORAGE = re.compile(
    r"batter|speicher|akku|\b(b?ess|accumulator|almacenamiento)\b"
    r"|(?<!cold )(?<!self )\bstorage\b(?! (road|street|yard|hall|shed|building|warehouse|facility|roof))"
)
"""What a type that is a battery or another storage has in it, in lower case."""
_GENERATES = re.compile(r"hybrid|solar|photovolt|\bpv\b|wind|ready")
"""What a type has in it that generates beside it: a hybrid inverter is judged by its power."""


class TwoWayKw(float):
    """A nameplate, kW, of an asset that takes power too: what it takes counts negative."""


class Asset(Document):
    """One inverter or turbine.

    `capacity_kw` is the AC nameplate. `tilt` is in degrees from horizontal, `azimuth` in degrees clockwise
    from north; None means that nobody said. `tariff_usd_per_kwh` is what a kWh earns.
    """

    id: str = Field(min_length=1, max_length=ASSET_ID_LETTERS, pattern=ASSET_ID)
    name: str = ""
    type: str = "Solar Inverter"
    capacity_kw: float = Field(ge=LEAST_CAPACITY_KW, le=MOST_CAPACITY_KW)
    location: Location | None = None
    components: list[Component] = []
    configuration: Electrical = Electrical()
    site_id: str = Field(default="default", pattern=SITE_PATTERN)
    customer_id: str = "default"
    tilt: float | None = Field(default=None, ge=0, le=90)
    azimuth: float | None = Field(default=None, ge=0, le=360)
    tracking: Literal["fixed", "single_axis", "dual_axis"] = "fixed"
    tariff_usd_per_kwh: float = Field(default=0.10, ge=0, le=MOST_TARIFF_USD)
    timezone: str | None = Field(default=None, description="IANA zone of the site, for working hours")

    @property
    def is_described(self) -> bool:
        """Whether the registry says how the modules lie."""
        return self.tracking != "fixed" or (self.tilt is not None and self.azimuth is not None)

    @property
    def is_wind(self) -> bool:
        """Whether the asset is a wind turbine; such an asset has no night.

        >>> [Asset(id="a", capacity_kw=1, type=kind).is_wind for kind in ("Kleinwind", "WTG-3", "PV")]
        [True, True, False]
        """
        kind = self.type.lower()
        return "wind" in kind or not _TURBINES.isdisjoint(re.findall(r"[a-z]+", kind))

    @property
    def is_storage(self) -> bool:
        """Whether the asset is a battery or another storage, by its type; nobody judges such an asset.

        >>> kinds = ("Battery Storage", "BESS", "Batteriespeicher", "Energy Storage System")
        >>> [Asset(id="a", capacity_kw=1, type=kind).is_storage for kind in kinds]
        [True, True, True, True]
        >>> kinds = ("Solar Inverter", "Hybrid inverter with battery", "Cold storage roof", "Vessel")
        >>> [Asset(id="Storage-Road-7", capacity_kw=1, type=kind).is_storage for kind in kinds]
        [False, False, False, False]
        """
        kind = " ".join(re.split(r"[\s_-]+", self.type.lower()))
        return bool(_STORAGE.search(kind)) and not self.is_wind and not _GENERATES.search(kind)


class AssetRegistry(Document):
    """All assets; no id stands twice."""

    assets: list[Asset]

    def get(self, asset_id: str) -> Asset | None:
        """The asset, or None when it is not registered."""
        return next((asset for asset in self.assets if asset.id == asset_id), None)

    def capacities(self) -> dict[str, float]:
        """All nameplates by asset id, kW AC: for whoever asks for thousands of names."""
        return {
            asset.id: TwoWayKw(asset.capacity_kw) if asset.is_storage else asset.capacity_kw
            for asset in self.assets
        }

    def storages(self) -> set[str]:
        """The ids of batteries and other storage."""
        return {asset.id for asset in self.assets if asset.is_storage}

    def mixed_sites(self) -> list[str]:
        """The sites that have wind turbines and others: no forecast is made of them."""
        groups: dict[tuple[str, str], list[Asset]] = {}
        for asset in self.assets:
            groups.setdefault((asset.customer_id, asset.site_id), []).append(asset)
        return sorted(site for (_, site), group in groups.items() if all(wind_and_other(group)))

    def require(self, asset_id: str, where: str) -> Asset:
        """The asset that a document names. Raises InvalidPayload when it is no longer registered."""
        asset = self.get(asset_id)
        if asset is None:
            raise InvalidPayload(f"{where}: asset {asset_id} left assets.json meanwhile")
        return asset

    def capacity_kw(self, asset_id: str) -> float | None:
        """An asset's nameplate, kW AC, or None when it is not registered."""
        asset = self.get(asset_id)
        return asset.capacity_kw if asset else None

    @classmethod
    def parse(cls, document: Any, name: str = "assets.json") -> AssetRegistry:
        """A registry from JSON. `name` names the file in errors.

        Raises InvalidConfiguration with every wrong key, or with every id that stands twice. The text of a
        file is read by `ona.store.registry`.
        """
        try:
            registry = cls.model_validate(document)
        except ValidationError as error:
            wrong = _ids_in(document, [item["loc"] for item in error.errors()])
            which = f"; wrong: asset {', '.join(wrong)}" if wrong else ""
            raise InvalidConfiguration(f"{name}: {problems_of(error, 'file')}{which}") from error
        ids = [asset.id for asset in registry.assets]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise InvalidConfiguration(f"{name}: assets listed twice: {', '.join(twice)}")
        return registry


def wind_and_other(assets: Iterable[Asset]) -> tuple[list[str], list[str]]:
    """The ids of the wind turbines, and of the others that produce; storage is neither."""
    parts: tuple[list[str], list[str]] = ([], [])
    for asset in assets:
        if not asset.is_storage:
            parts[not asset.is_wind].append(asset.id)
    return parts


def _ids_in(document: Any, problems: list[tuple[int | str, ...]]) -> list[str]:
    """The ids that the wrong entries of a registry give themselves, each once, in order: a person looks for
    a name, and not for an entry's number."""
    found: dict[str, None] = {}
    for where in problems:
        match where:
            case ("assets", int(number), *_):
                entry = document["assets"][number]
                name = entry.get("id") if isinstance(entry, dict) else None
                if isinstance(name, str):
                    found[shortened(name, ASSET_ID_LETTERS)] = None
    names = list(found)
    rest = len(names) - MOST_NAMED
    return names[:MOST_NAMED] + ([f"and {rest} more"] if rest > 0 else [])
