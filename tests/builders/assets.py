"""Assets and registries for tests: inverters of 100 kW at one site near Johannesburg."""

from __future__ import annotations

from ona.documents.assets import Asset, AssetRegistry, Component, Location

SITE = Location(latitude=-26.2, longitude=28.05)


def make_asset(asset_id: str = "INV-001", **changes: object) -> Asset:
    """An inverter with two components; `changes` replace its fields."""
    base: dict[str, object] = {
        "id": asset_id,
        "name": asset_id,
        "capacity_kw": 100.0,
        "location": SITE,
        "site_id": "site",
        "tariff_usd_per_kwh": 0.2,
        "timezone": "Africa/Johannesburg",
        "components": [
            Component(oem="Sungrow", model="SG110CX", serial=f"{asset_id}-inverter", type="inverter"),
            Component(oem="Sungrow", model="SG110CX", serial=f"{asset_id}-fan", type="fan"),
        ],
    }
    return Asset.model_validate({**base, **changes})


def make_registry(count: int = 6) -> AssetRegistry:
    """So many inverters of one site: INV-001, INV-002, …"""
    return AssetRegistry(assets=[make_asset(f"INV-{n:03d}") for n in range(1, count + 1)])
