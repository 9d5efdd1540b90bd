"""Whose readings a file has that has no column `asset_id`: its name says it, or there is only one asset.

>>> fleet = AssetRegistry.parse({"assets": [{"id": name, "capacity_kw": 9} for name in ("INV-001", "B_2")]})
>>> asset_of("observations/2025/01/15/INV-001_20250115.csv", fleet)
'INV-001'
>>> asset_of("nowcast/2025/01/15/B_2_nowcast.csv", fleet)
'B_2'
>>> asset_of("historical/acme/2024.csv", fleet), asset_of("x.csv", fleet, fleet.assets[:1])
('', 'INV-001')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from ona.documents.assets import Asset, AssetRegistry

_ENDING = re.compile(r"(_\d{8}|_nowcast)$")
"""What follows an asset's id in the names of the contract: the day, or what the file is for."""


def asset_of(key: str, registry: AssetRegistry, among: Sequence[Asset] = ()) -> str:
    """The id of the one asset that a file's name names, exactly as `assets.json` has it; else the only
    generating one `among` some assets; "" where neither says it."""
    stem = PurePosixPath(key).stem
    for name in (stem, _ENDING.sub("", stem)):
        if registry.get(name) is not None:
            return name
    generating = [asset.id for asset in among if not asset.is_storage]
    return generating[0] if len(generating) == 1 else ""
