"""What forecasting's tests share: a site's document, two assets' day."""

from __future__ import annotations

import pandas as pd

from forecasting.documents import SiteDocument
from tests.builders.telemetry import sunny_day


def site_document(assets: dict[str, float]) -> SiteDocument:
    """A solar site near Johannesburg with these assets (capacity in kW by id), without its plane."""
    return SiteDocument(
        customer_id="c",
        site_id="s",
        latitude=-26.2,
        longitude=28.0,
        kind="solar",
        capacity_kw=sum(assets.values()),
        assets=assets,
    )


def two_assets_day() -> pd.DataFrame:
    """A clear day of INV-001 and INV-002, one after the other."""
    return pd.concat([sunny_day("INV-001"), sunny_day("INV-002")], ignore_index=True)
